/** The real hosts of a group, by its strategy, and what is done with them. */
import type { EtcdStrategy } from "../plan/groups";
import { asTheyAre } from "./as-they-are";
import { checkEtcd } from "./etcd/check";
import { leave } from "./etcd/leave";
import { RemoteShard } from "./etcd/remote";
import { rolloutEtcd } from "./etcd/rollout";
import type { EtcdPlan } from "./etcd/shard";
import type { Progress } from "./gate/progress";
import { Fleet } from "./hosts/fleet";
import type { ContentPart, Target } from "./hosts/hosts";
import { RemoteHosts } from "./hosts/remote";
import { goFirst } from "./masters/masters";
import { RemoteMasters } from "./masters/remote";
import { rolloutMasters } from "./masters/rollout";
import type { PreviousRollout } from "./result";
import type { LeaveSpec, RolloutSpec, WaitingSpec } from "./spec";
import { refuseStep } from "./step";
import { rolloutTogether } from "./together/rollout";

/** @param part no more of the staged content than this; default: all of it */
export async function rolloutGroup(
  spec: RolloutSpec,
  key: string,
  progress: Progress,
  previous: PreviousRollout,
  part?: ContentPart,
): Promise<Fleet<Target>> {
  const { strategy, hosts } = spec;
  const hostTimeoutMs = spec.hostTimeoutSeconds * 1000;
  refuseStep(strategy, previous, progress);
  switch (strategy.kind) {
    case "etcd":
      return closing(new RemoteShard(hosts, key, hostTimeoutMs, part), (shard) =>
        rolloutEtcd(shard, etcdPlan(spec, strategy, previous.completed), progress),
      );
    case "masters": {
      const first = goFirst(previous, strategy.release, strategy.apiServices);
      const returnMs = (strategy.returnSeconds ?? 0) * 1000;
      return closing(new RemoteMasters(hosts, strategy, key, hostTimeoutMs, part), (masters) =>
        rolloutMasters(masters, { targets: hosts, hostTimeoutMs, returnMs, first }, progress),
      );
    }
    case "together":
      return closing(new RemoteHosts(hosts, key, hostTimeoutMs, part), (remote) =>
        rolloutTogether(remote, hosts, hostTimeoutMs, progress),
      );
  }
}

/**
 * Refuses what a rollout would refuse before its first change, and changes nothing.
 * @param elsewhere hosts of other groups
 */
export async function checkGroup(
  waiting: WaitingSpec,
  key: string,
  progress: Progress,
  elsewhere: readonly string[],
): Promise<void> {
  const spec = await asTheyAre(waiting, key);
  const { strategy, hosts } = spec;
  if (hosts.length === 0) return;
  const hostTimeoutMs = spec.hostTimeoutSeconds * 1000;
  if (strategy.kind === "etcd")
    return closing(new RemoteShard(hosts, key, hostTimeoutMs), (shard) =>
      checkEtcd(shard, etcdPlan(spec, strategy, false), progress, elsewhere),
    );
  // Whether masters serve is not asked yet: a change of etcd or of the load balancer before theirs may be what they need.
  return closing(new RemoteHosts(hosts, key, hostTimeoutMs), (remote) => new Fleet(remote, hosts, progress).read());
}

/** Takes a member out of its shard, for good. */
export async function leaveGroup(spec: LeaveSpec, key: string, progress: Progress): Promise<void> {
  const { group, hosts, member } = spec;
  const hostTimeoutMs = spec.hostTimeoutSeconds * 1000;
  const plan = { group, member, hosts: hosts.map(({ name }) => name), hostTimeoutMs };
  return closing(new RemoteShard(hosts, key, hostTimeoutMs), (shard) => leave(shard, plan, progress));
}

export function etcdPlan(spec: RolloutSpec, strategy: EtcdStrategy, established: boolean): EtcdPlan {
  const targets = spec.hosts.map((host) => ({ ...host, peerUrl: `https://${host.endpoint}:${strategy.peerPort}` }));
  const hostTimeoutMs = spec.hostTimeoutSeconds * 1000;
  const { token, release, downgrade = false } = strategy;
  return { group: spec.group, token, targets, hostTimeoutMs, established, release, downgrade };
}

export async function closing<R extends { close(): void }, T>(remote: R, work: (remote: R) => Promise<T>): Promise<T> {
  try {
    return await work(remote);
  } finally {
    remote.close();
  }
}
