/** Which shards a command is for, and whether it may change them now. */
import type { ShardPlan } from "../../components/plan/types";
import { exitCodes, UserError } from "../../config/errors";
import type { ClusterOptions, ReachableCluster } from "../hosts/cluster";
import { unfinishedText } from "../show/unfinished";

export interface ShardOptions extends ClusterOptions {
  /** Default: all of them. */
  readonly shard?: string;
}

export function chosenShards(shards: readonly ShardPlan[], name: string | undefined): readonly ShardPlan[] {
  const found = name === undefined ? shards : shards.filter((shard) => shard.name === name);
  if (found.length > 0) return found;
  const known = shards.map((shard) => shard.name).join(", ");
  throw new UserError(`there is no shard "${name}"; the shards are: ${known}`, exitCodes.badConfiguration);
}

/** Another machine's update is seen in the state alone; one on this machine holds the lock of its rollouts, too. */
export function refuseBesideUpdate({ checked, pending, unfinished }: ReachableCluster): void {
  if (unfinished?.how !== "running") return;
  const text = unfinishedText(checked.stack, unfinished, pending);
  throw new UserError(`${text}: wait until it has ended, then run this again`, exitCodes.gateRefused);
}
