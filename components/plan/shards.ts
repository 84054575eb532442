/** Which shard of etcd holds what. */
import type { ShardPlan } from "./types";

/** The shard that is named for a resource (`group/resource`), else the one that holds the rest. */
export function shardHolding<S extends Pick<ShardPlan, "name" | "resources">>(
  shards: readonly S[],
  resource: string,
): S {
  const shard =
    shards.find(({ resources }) => resources.includes(resource)) ?? shards.find(({ name }) => name === "main");
  if (!shard) throw new Error(`no shard of the plan holds ${resource}`);
  return shard;
}
