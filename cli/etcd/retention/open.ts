/** What opens a shard's repository from here: its password is in the state, and who may remove and add is the keeper, or you. */
import { keeper } from "../../../components/backup/plan";
import type { BackupPlan } from "../../../components/plan/types";
import type { StoreCredentials } from "../../../components/platform/module";
import { UserError } from "../../../config/errors";
import type { ReachableCluster } from "../../hosts/cluster";
import type { RepositoryArgs } from "./repository";

export function argsOf(
  { backups }: ReachableCluster,
  plan: BackupPlan,
  shard: string,
  credentials: StoreCredentials,
): RepositoryArgs {
  const password = backups.passwords.get(shard);
  const repository = new Map(Object.entries(plan.repositories)).get(shard);
  if (password === undefined || repository === undefined)
    throw new UserError(`the state knows no password of the backups of shard ${shard}; run \`kilonode up\` first`);
  const authorityPem = plan.store ? backups.authorityPem : undefined;
  return { shard, repository, region: plan.region, password, credentials, authorityPem };
}

/** A store of ours has a user for it, whose key the state holds; a platform's knows the operator. */
export async function credentialsOf(
  cluster: ReachableCluster,
  { region, store }: BackupPlan,
): Promise<StoreCredentials> {
  const { backups, checked } = cluster;
  if (!store) {
    const { operatorCredentials } = checked.platform;
    if (!operatorCredentials) throw new Error(`the platform ${checked.plan.platform} knows no operator of its store`);
    return operatorCredentials(region);
  }
  if (backups.keeperKey === undefined)
    throw new UserError(
      `the store has no user yet who may remove snapshots; run \`kilonode up ${checked.stack}\` first`,
    );
  return { accessKeyId: keeper, secretAccessKey: backups.keeperKey };
}
