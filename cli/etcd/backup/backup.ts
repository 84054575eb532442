/** `kilonode etcd backup`: one snapshot of each shard now, taken by the member that is best for it. */

import { type Taken, taken } from "../../../components/rollout/etcd/backup";
import { mib } from "../../doctor/checks/judging";
import { type ShardHosts, workOfBest } from "./members";

export interface TakenShard {
  readonly shard: string;
  readonly member?: string;
  readonly taken?: Taken;
  /** Why there is none. */
  readonly error?: string;
}

/** One shard after the other: hosts of several may be one machine. @param say a line of progress */
export async function takeBackups(shards: readonly ShardHosts[], say: (line: string) => void): Promise<TakenShard[]> {
  const done: TakenShard[] = [];
  for (const shard of shards) done.push(await takeBackup(shard, say));
  return done;
}

async function takeBackup(shard: ShardHosts, say: (line: string) => void): Promise<TakenShard> {
  const { member, ...worked } = await workOfBest(shard, ["take", "--now"], taken, say);
  const of = { shard: shard.shard.name, ...(member !== undefined && { member }) };
  return "error" in worked ? { ...of, error: worked.error } : { ...of, taken: worked.answer };
}

export function takenText({ shard, member, taken: found, error }: TakenShard): string {
  if (!found) return `etcd ${shard}: no backup: ${error}`;
  const { id, revision, bytes, addedBytes, seconds } = found;
  return `etcd ${shard}: snapshot ${id.slice(0, 8)} at revision ${revision}, ${mib(bytes)} of ${member}, ${mib(addedBytes)} added to the store, in ${seconds} s`;
}
