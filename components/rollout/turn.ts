/**
 * Before a host's machine is changed. The hosts of a group have their turns one after the other: what was changed before is brought
 * to its content and through its gate, and only then the next host is taken aside. A turn that was cut short is taken again, and a member
 * of etcd that is aside already stays there.
 */
import { asTheyAre } from "./as-they-are";
import { isAside, takeAside } from "./etcd/aside";
import { RemoteShard } from "./etcd/remote";
import type { Progress } from "./gate/progress";
import { closing, etcdPlan, rolloutGroup } from "./group";
import { Fleet } from "./hosts/fleet";
import { RemoteHosts } from "./hosts/remote";
import type { RolloutSpec, TurnSpec } from "./spec";

export async function takeTurn(turn: TurnSpec, key: string, progress: Progress): Promise<void> {
  const { change, turn: host, ...group } = turn;
  if (change === "while it runs") {
    // Nothing restarts. What can go wrong is that a changed host does not let us in any more: one, then, and no other.
    const changed = group.hosts.flatMap(({ digest, ...one }) => (digest === undefined ? [] : [{ ...one, digest }]));
    await asked({ ...group, hosts: changed }, key, progress);
    progress.report(`next: the machine of ${host}, which changes while it runs`);
    return;
  }
  const spec = await asTheyAre(group, key);
  if (spec.hosts.length === 0) return;
  if (await alreadyAside(spec, host, key, progress)) {
    progress.report(`all others serve; next: the machine of ${host}, which is aside already`);
    return;
  }
  // As after a rollout of the same release: in a turn there is no order of services over all hosts.
  const { strategy } = spec;
  const previous = { completed: true, ...("release" in strategy && { release: strategy.release }) };
  await rolloutGroup(spec, key, progress, previous);
  progress.stopIfAsked();
  progress.report(`all as planned so far; next: the machine of ${host}, which restarts`);
  if (spec.hosts.some(({ name }) => name === host)) await endServices(spec, host, key, progress);
}

async function asked(spec: RolloutSpec, key: string, progress: Progress): Promise<void> {
  if (spec.hosts.length === 0) return;
  const remote = new RemoteHosts(spec.hosts, key, spec.hostTimeoutSeconds * 1000);
  await closing(remote, () => new Fleet(remote, spec.hosts, progress).read());
}

/** Only members of etcd have disks that a change of their machine takes off. */
async function alreadyAside(spec: RolloutSpec, host: string, key: string, progress: Progress): Promise<boolean> {
  const { hosts, hostTimeoutSeconds, strategy } = spec;
  if (strategy.kind !== "etcd" || !hosts.some(({ name }) => name === host)) return false;
  const shard = new RemoteShard(hosts, key, hostTimeoutSeconds * 1000);
  return closing(shard, () => isAside(shard, etcdPlan(spec, strategy, true), host, progress));
}

/** Before their machine does, in the way in which they end at a restart. */
async function endServices(spec: RolloutSpec, host: string, key: string, progress: Progress): Promise<void> {
  const { strategy, hosts } = spec;
  const hostTimeoutMs = spec.hostTimeoutSeconds * 1000;
  if (strategy.kind === "etcd") {
    const shard = new RemoteShard(hosts, key, hostTimeoutMs);
    return closing(shard, () => takeAside(shard, etcdPlan(spec, strategy, true), host, progress));
  }
  const remote = new RemoteHosts(hosts, key, hostTimeoutMs);
  return closing(remote, () => remote.rest(host));
}
