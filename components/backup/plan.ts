/** Backups of etcd: which repositories there are, and where. */
import { backupOf } from "../../config/backup";
import { type ClusterSpec, movingShard } from "../../config/cluster";
import { place, type Territory } from "../../config/names";
import type { PlatformFacts } from "../plan/facts";
import { ports } from "../plan/ports";
import type { BackupPlan } from "../plan/types";

/** Of a store of ours. S3's clients take this one where nothing is said. */
const ownRegion = "us-east-1";

export function backupPlan(
  spec: ClusterSpec,
  { backupStore }: PlatformFacts,
  territory: Territory,
): BackupPlan | undefined {
  const knobs = backupOf(spec);
  if (!knobs) return undefined;
  const repositories = (urlOf: (shard: string) => string) =>
    Object.fromEntries(
      Object.keys(spec.etcd.shards)
        // Of a shard that is still in main there is nothing to keep.
        .filter((shard) => shard !== movingShard(spec))
        .map((shard) => [shard, `s3:${urlOf(shard)}/${shard}`]),
    );
  if (backupStore.kind === "bucket") {
    const { region, url } = backupStore;
    return { ...knobs, region, repositories: repositories(() => url) };
  }
  const store = place(territory, { role: "backup-store", label: "backup" }, 0);
  const url = `https://${store.endpoint}:${ports.backupStore}`;
  return { ...knobs, region: ownRegion, repositories: repositories((shard) => `${url}/${bucketOf(shard)}`), store };
}

/** The user of the store who may remove snapshots: the operator, and no host. No shard can be called so. */
export const keeper = "store-keeper";

/** A bucket for each shard: a list of one says nothing of another's. */
export const bucketOf = (shard: string): string => `etcd-${shard}`;
