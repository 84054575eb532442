/** A command that changes a shard beside the rollouts: which hosts it has, the lock that it shares with them, how it ends. */
import { randomBytes } from "node:crypto";
import type { ClusterHost } from "../../../components/cluster";
import type { GroupPlan } from "../../../components/plan/groups";
import type { ShardPlan } from "../../../components/plan/types";
import { alone } from "../../../components/rollout/alone";
import { RemoteShard } from "../../../components/rollout/etcd/remote";
import type { EtcdPlan } from "../../../components/rollout/etcd/shard";
import { Progress } from "../../../components/rollout/gate/progress";
import { GateRefused, Interrupted } from "../../../components/rollout/gate/refusal";
import { RemoteHosts } from "../../../components/rollout/hosts/remote";
import { exitCodes, UserError } from "../../../config/errors";
import { type ClusterOptions, type ReachableCluster, reachableCluster } from "../../hosts/cluster";
import { interruptible } from "../../run/interrupt";
import { refuseBesideUpdate } from "../shards";
import type { RestorePlan } from "./hosts";
import { apiServices, RemoteRestore } from "./remote";

export interface Session {
  readonly cluster: ReachableCluster;
  readonly shard: ShardPlan;
  readonly remote: RemoteRestore;
  readonly progress: Progress;
  /** Names of the hosts of all planned members. */
  readonly names: readonly string[];
  readonly masters: readonly string[];
  /** "NAME=URL" of a member. */
  readonly peer: (name: string) => string;
  readonly say: (line: string) => void;
}

/** Works on a shard with nobody else at it, and turns what stops it into what the command says. */
export async function inSession<T>(
  stack: string,
  shardName: string,
  verb: string,
  options: ClusterOptions,
  work: (session: Session) => Promise<T>,
  again = `kilonode etcd ${verb} ${stack} --shard ${shardName}`,
): Promise<T> {
  const cluster = await reachableCluster(stack, options);
  const { plan } = cluster.checked;
  const shard = plan.shards.find(({ name }) => name === shardName);
  if (!shard) {
    const known = plan.shards.map(({ name }) => name).join(", ");
    throw new UserError(`stack ${stack} has no shard "${shardName}"; it has: ${known}`, exitCodes.badConfiguration);
  }
  const group = plan.groups.find(({ name }) => name === shard.group)!;
  const masters = plan.groups.find(({ strategy }) => strategy.kind === "masters")!;
  refuseBesideUpdate(cluster);
  refuseUnplanned(cluster, shard);
  const started = performance.now();
  const say = (line: string) =>
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)}s ${shard.group}: ${line}\n`);
  const interruption = interruptible(again, say);
  const progress = new Progress(shard.group, say, () => interruption.signal.aborted);
  const remote = remoteOf(cluster, shard, group, masters, verb === "move" ? verb : undefined);
  const releases: (() => void)[] = [];
  try {
    for (const one of [group, masters])
      releases.push(await alone({ group: one.name, hosts: one.hosts.map((name) => ({ name })) }, say));
    const peerUrl = (name: string) => remote.plan.targets.find((target) => target.name === name)?.peerUrl ?? "";
    return await work({
      cluster,
      shard,
      remote,
      progress,
      names: shard.members.map(({ name }) => name),
      masters: masters.hosts,
      peer: (name) => `${name}=${peerUrl(name)}`,
      say,
    });
  } catch (error) {
    throw told(error);
  } finally {
    // An `up` of the same command may come next.
    for (const release of releases) release();
    remote.close();
    interruption.end();
  }
}

/** A member that is to leave would go on as the shard that it was in. */
function refuseUnplanned({ checked, hosts }: ReachableCluster, { group, members, name }: ShardPlan): void {
  const leaving = hosts.filter((host) => host.group === group && !members.some((member) => member.name === host.name));
  if (leaving.length === 0) return;
  throw new UserError(
    `${leaving.map((host) => host.name).join(", ")}: still there and not planned any more. Give shard ${name} in \`etcd.shards\` the members that it has, ` +
      `or run \`kilonode up ${checked.stack}\` first`,
    exitCodes.gateRefused,
  );
}

function remoteOf(
  { checked, hosts, sshKey }: ReachableCluster,
  { members, token }: ShardPlan,
  group: GroupPlan,
  masters: GroupPlan,
  command: "move" | undefined,
): RemoteRestore {
  const made = (names: readonly string[]): ClusterHost[] => hosts.filter(({ name }) => names.includes(name));
  const hostTimeoutMs = group.hostTimeoutSeconds * 1000;
  const { strategy } = group;
  const peerPort = strategy.kind === "etcd" ? strategy.peerPort : 0;
  const targets = members.map(({ name, zone, endpoint }) => ({
    name,
    zone,
    digest: "",
    peerUrl: `https://${endpoint}:${peerPort}`,
  }));
  const plan: EtcdPlan = { group: group.name, token, targets, hostTimeoutMs, established: true };
  return new RemoteRestore(
    new RemoteShard(made(group.hosts), sshKey, hostTimeoutMs),
    new RemoteHosts(made(masters.hosts), sshKey, masters.hostTimeoutSeconds * 1000),
    apiServices(checked.plan),
    plan,
    command,
  );
}

/** What a host says is wrong there is no bug of this program. */
function told(error: unknown): unknown {
  if (error instanceof GateRefused) return new UserError(error.message, exitCodes.gateRefused);
  if (error instanceof Interrupted)
    return new UserError(`${error.message}; run the same command again: it goes on from there`, exitCodes.interrupted);
  if (error instanceof UserError || !(error instanceof Error) || error.name !== "Error") return error;
  return new UserError(`${error.message}\nWhat is done is kept; run the same command again: it goes on from there`);
}

/** Identity of a restore, which makes another shard of its members. */
export const newId = (now: Date): string =>
  `${now.toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${randomBytes(2).toString("hex")}`;

/** What all restores of a shard have in common. */
export function planOf(session: Session): Omit<RestorePlan, "request" | "members" | "others"> {
  const { masters, remote, shard } = session;
  return {
    group: shard.group,
    shard: shard.name,
    masters,
    // The shard that holds the rest: without it an API server can do nothing.
    stopsApi: shard.resources.length === 0,
    hostTimeoutMs: remote.plan.hostTimeoutMs,
    masterTimeoutMs: remote.masters.hostTimeoutMs,
  };
}
