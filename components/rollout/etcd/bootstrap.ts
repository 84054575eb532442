/**
 * First creation of a shard, also when an earlier attempt was cut short. The danger here is the opposite: hosts that lost
 * their data look new. Fresh members started beside lost ones would form a shard with the same identity (ids are made of peer
 * addresses and token) and an empty history, so creation is refused as soon as anything speaks against it.
 */
import { etcdAdvice } from "./advice";
import { activationHelps, hostOf, isStopped, startedOnce } from "./next";
import type { EtcdPlan, EtcdTarget, View } from "./shard";
import type { EtcdWatch } from "./watch";

/** Members without a quorum never answer before their first one, so silence needs no long wait. */
const SILENCE_MS = 3_000;

/** Gives the view of a shard that is there, after creating it if it has never been; undefined when none of its members answers. */
export async function found(watch: EtcdWatch): Promise<View | undefined> {
  const { plan, fleet, shard } = watch;
  const known = plan.targets.filter((target) => startedOnce(fleet.status(target.name)));
  if (known.length === 0) {
    if (plan.established) throw fleet.progress.refuse([emptyHosts(watch)]);
    return create(watch, plan.targets);
  }
  if (plan.established) return living(watch, known);
  const silence = shard.now() + Math.min(SILENCE_MS, plan.hostTimeoutMs);
  let view = await watch.lookUntil(silence, () => true);
  if (view) return view;

  // Members that have run before go first, alone: if they bring back a shard, nothing fresh may be started beside it.
  const stopped = known.filter((target) => activationHelps(target, fleet.status(target.name)));
  if (stopped.length > 0) {
    fleet.progress.report(`creation was cut short; starting ${stopped.map(({ name }) => name).join(", ")} again`);
    await fleet.activateTogether(stopped, () => ({ env: bootstrapEnv(plan.targets, plan.token) }));
    view = await watch.lookUntil(shard.now() + Math.min(SILENCE_MS, plan.hostTimeoutMs), ({ quorum }) => quorum);
    if (view) return view;
  }
  return create(
    watch,
    plan.targets.filter((target) => !known.includes(target)),
  );
}

/**
 * A shard that has been in service. When all of its members are there as planned and some of them are starting, they only need their time.
 * What they have still to get may be what they need.
 */
async function living(watch: EtcdWatch, known: readonly EtcdTarget[]): Promise<View | undefined> {
  const { fleet, plan, shard } = watch;
  const view = await watch.look();
  const asPlanned = (target: EtcdTarget) =>
    !isStopped(fleet.status(target.name)) && fleet.status(target.name).active === target.digest;
  const whole = known.length === plan.targets.length && known.every(asPlanned);
  const starting = view?.quorum || !whole ? [] : await unsettled(watch, known);
  if (starting.length === 0) return view;
  const names = starting.map(({ name }) => name).join(", ");
  fleet.progress.report(`the shard has no quorum; waiting for ${names} to start`);
  await watch.settle(starting, shard.now() + plan.hostTimeoutMs);
  return watch.look();
}

/** Those that are just starting, after a power cut for instance: reading a large database takes its time. */
async function unsettled({ shard }: EtcdWatch, targets: readonly EtcdTarget[]): Promise<EtcdTarget[]> {
  const settled = await Promise.all(targets.map(({ name }) => shard.settled(name).catch(() => true)));
  return targets.filter((_, index) => !settled[index]);
}

async function create(watch: EtcdWatch, targets: readonly EtcdTarget[]): Promise<View> {
  const { plan, fleet, shard } = watch;
  fleet.progress.stopIfAsked();
  if (targets.length > 0)
    fleet.progress.report(`creating the shard: starting ${targets.length} of ${plan.targets.length} members at once`);
  const deadline = shard.now() + plan.hostTimeoutMs;
  await fleet.activateTogether(targets, () => ({ env: bootstrapEnv(plan.targets, plan.token) }));
  await watch.settle(plan.targets, deadline);
  return watch.healthy(deadline);
}

/** Read by a member at its very first start only; the unit puts {@link ownDataEnv} in its place when the member serves. */
export function bootstrapEnv(
  targets: readonly Pick<EtcdTarget, "name" | "peerUrl">[],
  token: string,
): Record<string, string> {
  return {
    ETCD_INITIAL_CLUSTER: targets.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(","),
    ETCD_INITIAL_CLUSTER_STATE: "new",
    ETCD_INITIAL_CLUSTER_TOKEN: token,
  };
}

/**
 * For a member that goes on with its own data. etcd reads it only where there is none, and then does not start ("couldn't find local
 * name"): a member that has lost what it had voted on must not come back under its old id.
 */
export const ownDataEnv: Readonly<Record<string, string>> = {
  ETCD_INITIAL_CLUSTER: "only-with-its-own-data=https://127.0.0.1:1",
  ETCD_INITIAL_CLUSTER_STATE: "existing",
};

/**
 * What a member needs that joins a shard: the list must be the shard's own, by peer address. One with data does not read it; one without
 * ends when it finds no shard to join, so it never begins another.
 */
export function joinEnv(plan: EtcdPlan, view: View | undefined): Record<string, string> {
  const members = view?.members.map((member) => ({ name: hostOf(plan, member), peerUrl: member.peerUrl }));
  return { ...bootstrapEnv(members ?? plan.targets, plan.token), ETCD_INITIAL_CLUSTER_STATE: "existing" };
}

function emptyHosts({ plan }: EtcdWatch) {
  return {
    host: plan.targets.map(({ name }) => name).join(", "),
    checked: "at least one host has the data of this shard, which has been in service before",
    found: "none does: all hosts are new",
    advice: etcdAdvice.allEmpty,
    lasting: true,
  };
}
