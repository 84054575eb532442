/** Work on the shards of a running cluster: one after the other, each alone, with an end that the command can show. */
import type { ClusterHost } from "../../components/cluster";
import type { ShardPlan } from "../../components/plan/types";
import { interleaveZones } from "../../components/plan/zones";
import { alone } from "../../components/rollout/alone";
import { RemoteShard } from "../../components/rollout/etcd/remote";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused, Interrupted } from "../../components/rollout/gate/refusal";
import { closing } from "../../components/rollout/group";
import { exitCodes, UserError } from "../../config/errors";
import { type ReachableCluster, reachableCluster } from "../hosts/cluster";
import { interruptible } from "../run/interrupt";
import { chosenShards, refuseBesideUpdate, type ShardOptions } from "./shards";

export interface ShardWork {
  readonly shard: RemoteShard;
  readonly plan: {
    readonly group: string;
    /** Names of all members' hosts, those of a zone not one after the other. */
    readonly hosts: readonly string[];
    readonly hostTimeoutMs: number;
  };
  readonly progress: Progress;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** @param command as it is to be run again. @returns a result for each shard, by its name */
export async function onShards<T>(
  stack: string,
  options: ShardOptions,
  command: string,
  work: (at: ShardWork) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  return inShards(await reachableCluster(stack, options), options.shard, command, work);
}

export async function inShards<T>(
  cluster: ReachableCluster,
  shard: string | undefined,
  command: string,
  work: (at: ShardWork) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  refuseBesideUpdate(cluster);
  const results = new Map<string, T>();
  const interruption = interruptible(command, say);
  try {
    for (const one of chosenShards(cluster.checked.plan.shards, shard))
      results.set(one.name, await onShard(cluster, one, interruption.signal, work));
    return results;
  } catch (error) {
    throw ended(error, command);
  } finally {
    interruption.end();
  }
}

async function onShard<T>(
  { checked, hosts, sshKey }: ReachableCluster,
  { group }: ShardPlan,
  signal: AbortSignal,
  work: (at: ShardWork) => Promise<T>,
): Promise<T> {
  const own: readonly ClusterHost[] = hosts.filter((host) => host.group === group);
  const planned = checked.plan.groups.find(({ name }) => name === group);
  if (own.length === 0 || !planned)
    throw new UserError(`${group} has no hosts yet; run \`kilonode up ${checked.stack}\``);
  const report = (line: string) => say(`${group}: ${line}`);
  const release = await alone({ group, hosts: own }, report);
  const hostTimeoutMs = planned.hostTimeoutSeconds * 1000;
  const plan = { group, hosts: interleaveZones(own).map(({ name }) => name), hostTimeoutMs };
  const progress = new Progress(group, report, () => signal.aborted);
  progress.stopIfAsked();
  try {
    return await closing(new RemoteShard(own, sshKey, hostTimeoutMs), (shard) => work({ shard, plan, progress }));
  } finally {
    release();
  }
}

function ended(error: unknown, command: string): unknown {
  if (error instanceof UserError) return error;
  if (error instanceof GateRefused)
    return new UserError(`a health gate refused: ${error.message}`, exitCodes.gateRefused);
  const again = `what is done is kept; \`${command}\` goes on from there`;
  if (error instanceof Interrupted) return new UserError(`${error.message}: ${again}`, exitCodes.interrupted);
  return error instanceof Error ? new UserError(`${error.message}; ${again}`) : error;
}
