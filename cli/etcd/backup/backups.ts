/** `kilonode etcd backups`: what is in the repositories, as a member of each shard lists it. */
import { mib } from "../../doctor/checks/judging";
import type { Style } from "../../show/style";
import { table } from "../../show/table";
import { type Snapshot, snapshotList } from "./answers";
import { anyMember, type ShardHosts } from "./members";

export interface ListedShard {
  readonly shard: string;
  /** The newest last. */
  readonly snapshots: readonly Snapshot[];
  /** Why they are not known. */
  readonly error?: string;
}

export function listBackups(shards: readonly ShardHosts[]): Promise<ListedShard[]> {
  return Promise.all(
    shards.map(async (shard) => {
      try {
        return { shard: shard.shard.name, snapshots: await anyMember(shard, "list", snapshotList) };
      } catch (error) {
        return { shard: shard.shard.name, snapshots: [], error: (error as Error).message };
      }
    }),
  );
}

export function backupsText(shards: readonly ListedShard[], style: Style): string[] {
  return shards.flatMap(({ shard, snapshots, error }, index) => [
    ...(index > 0 ? [""] : []),
    style.bold(`etcd ${shard}`),
    ...(error === undefined ? [] : [`  ${style.red(error)}`]),
    ...(error === undefined && snapshots.length === 0 ? ["  no snapshot yet"] : []),
    ...(snapshots.length > 0
      ? table([["taken", "id", "revision", "keys", "size", "of", "etcd"], ...snapshots.map(row)], "  ")
      : []),
  ]);
}

const row = ({ takenAt, id, revision, keys, bytes, member, etcdVersion }: Snapshot) => [
  takenAt,
  id.slice(0, 8),
  revision,
  keys,
  mib(bytes),
  member,
  etcdVersion,
];
