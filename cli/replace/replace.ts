/**
 * A dead or sick host is made anew: what it does is taken from it behind the gates, its machine is ended, and `up` makes another one, to which
 * a shard's member joins as every new one does. Each part looks at what is there, so that the command goes on where it was cut short.
 */
import type { ClusterHost } from "../../components/cluster";
import type { HostPlan } from "../../components/plan/types";
import { leave } from "../../components/rollout/etcd/leave";
import { RemoteHosts } from "../../components/rollout/hosts/remote";
import { exitCodes, UserError } from "../../config/errors";
import { agreeTo } from "../agree";
import { inShards } from "../etcd/shard-work";
import { type ClusterOptions, type ReachableCluster, reachableCluster } from "../hosts/cluster";
import { statusOf } from "../hosts/collect";
import { openStack } from "../run/open-stack";
import { ownerOf } from "../run/owner";
import { runAction } from "../run/run";

export interface ReplaceOptions extends ClusterOptions {
  readonly yes?: boolean;
}

const LOOKS = 3;

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** @returns the exit code, which is that of the `up` */
export async function replace(stack: string, name: string, options: ReplaceOptions): Promise<number> {
  const cluster = await reachableCluster(stack, options);
  const { checked } = cluster;
  const host = plannedHost(cluster, name);
  const problem = checked.platform.replaceProblem?.(checked.spec, host);
  if (problem !== undefined)
    throw new UserError(`${host.name}: ${problem}. Nothing was touched`, exitCodes.gateRefused);
  await agreeTo(consequences(cluster, host), options);
  const made = cluster.hosts.find((one) => one.name === host.name);
  if (host.role === "etcd") await leaveShard(cluster, host.name, `kilonode replace ${stack} ${host.name}`);
  if (host.role === "master") await refuseLastMaster(cluster, host.name);
  if (host.role !== "etcd" && made) await rest(cluster, made);
  say(`${host.name}: its machine is ended, and \`up\` makes another one`);
  const engine = openStack(checked, { engine: options.engine, make: false, say: () => undefined });
  await checked.platform.endHost?.(checked.spec, host.name, await ownerOf(engine));
  return runAction(checked, "up", { ...options, replaced: host.name });
}

function plannedHost({ checked }: ReachableCluster, name: string): HostPlan {
  const { hosts, stack } = checked.plan;
  const found = hosts.find((host) => host.name === name || host.name === `${stack}-${name}`);
  if (found) return found;
  throw new UserError(
    `stack ${stack} plans no host "${name}"; its hosts: \`kilonode plan ${stack}\``,
    exitCodes.badConfiguration,
  );
}

/** What is asked for, in one sentence. */
function consequences({ checked }: ReachableCluster, { name, role }: HostPlan): string {
  const { ephemeral, stack } = checked.spec;
  const disks = ephemeral
    ? "its disks go with it (the stack is ephemeral)"
    : "its disks are kept, and what they hold is put aside";
  const then = `then \`kilonode up ${stack}\` makes another one, with whatever else the configuration changes`;
  switch (role) {
    case "etcd":
      return `${name} leaves its shard, its machine is ended (${disks}), ${then}, which joins with nothing`;
    case "master":
      return `${name} leaves the rotation, its machine is ended, ${then}`;
    case "load-balancer":
      return `the machine of ${name} is ended, ${then}: nobody reaches the API meanwhile, for about a minute, and connections to it end`;
    default:
      return `the machine of ${name} is ended, ${then}: its nodes are not ready meanwhile`;
  }
}

/** The others must be healthy, and are a quorum without it; whether it answers itself does not matter, as long as it does not lead. */
async function leaveShard(cluster: ReachableCluster, member: string, command: string): Promise<void> {
  const shard = cluster.checked.plan.shards.find(({ members }) => members.some(({ name }) => name === member));
  await inShards(cluster, shard?.name, command, ({ shard: remote, plan, progress }) =>
    leave(remote, { ...plan, member, inUse: true }, progress),
  );
}

async function refuseLastMaster(cluster: ReachableCluster, name: string): Promise<void> {
  // On a busy machine a look may miss what the next one sees.
  for (let look = 1; look <= LOOKS; look++) {
    const { masters } = await statusOf(cluster);
    if (masters.some((master) => master.ready && master.name !== name)) return;
  }
  throw new UserError(
    `no other master than ${name} is ready, so nobody would serve the API meanwhile: bring another one back first (\`kilonode status ${cluster.checked.stack}\`). Nothing was touched`,
    exitCodes.gateRefused,
  );
}

/** In the way of a restart: an API server ends what it has begun. A host that does not answer has nothing to end. */
async function rest({ checked, sshKey }: ReachableCluster, host: ClusterHost): Promise<void> {
  const group = checked.plan.groups.find(({ name }) => name === host.group);
  const remote = new RemoteHosts([host], sshKey, (group?.hostTimeoutSeconds ?? 0) * 1000);
  try {
    say(`${host.name}: ending its services`);
    await remote.rest(host.name);
  } catch (error) {
    say(`${host.name}: they end with the machine: ${(error as Error).message}`);
  } finally {
    remote.close();
  }
}
