import { lookup } from "../lookup";
import type { Scale, ShardScale } from "./types";

/** A shard by its name. @throws where there is none; the message names those that there are */
export function shardOf({ etcd: { shards } }: Scale, name: string): ShardScale {
  const shard = lookup(shards, name);
  if (!shard) throw new Error(`no etcd shard ${name}; there are ${Object.keys(shards).join(", ")}`);
  return shard;
}
