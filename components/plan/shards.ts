/** Which shard of etcd holds what. */
import type { GuestPlan, ShardPlan } from "./types";

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

/** Whose resources API servers ask for elsewhere than in main: at shards of their own, and at guests that are served. */
export const overridesOf = (shards: readonly ShardPlan[]): readonly (ShardPlan | GuestPlan)[] =>
  shards
    .flatMap((shard): (ShardPlan | GuestPlan)[] => (shard.guests?.served ? [shard, shard.guests] : [shard]))
    .filter(({ resources }) => resources.length > 0)
    .sort((a, b) => a.slot - b.slot);

/** The names of all shards, those among them that are no cluster of their own yet. */
export const shardNames = (shards: readonly ShardPlan[]): readonly string[] =>
  shards
    .flatMap((shard) => [shard, ...(shard.guests ? [shard.guests] : [])])
    .sort((a, b) => a.slot - b.slot)
    .map(({ name }) => name);
