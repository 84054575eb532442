/**
 * First creation of a shard, also when an earlier attempt was cut short. The danger here is the opposite: hosts that lost
 * their data look new. Fresh members started beside lost ones would form a shard with the same identity (ids are made of peer
 * addresses and token) and an empty history, so creation is refused as soon as anything speaks against it.
 */
import { etcdAdvice } from "./advice";
import { findings } from "./health";
import { activationHelps, hostOf, isStopped, startedOnce } from "./next";
import type { EtcdTarget, Member, View } from "./shard";
import { type EtcdWatch, GRACE_MS } from "./watch";

/** Members without a quorum never answer before their first one, so silence needs no long wait. */
const SILENCE_MS = 3_000;

/** Gives the view of a shard with a quorum, after creating the shard if it has never been there. */
export async function found(watch: EtcdWatch): Promise<View> {
  const { plan, fleet, shard } = watch;
  const known = plan.targets.filter((target) => startedOnce(fleet.status(target.name)));
  if (known.length === 0) {
    if (plan.established) throw fleet.progress.refuse([emptyHosts(watch)]);
    return create(watch, plan.targets);
  }
  const hasQuorum = (view: View) => view.quorum;
  const allStopped = known.every(({ name }) => isStopped(fleet.status(name)));
  const patience = plan.established ? (allStopped ? 0 : GRACE_MS) : SILENCE_MS;
  let view = await watch.lookUntil(shard.now() + Math.min(patience, plan.hostTimeoutMs), (seen) => seen !== undefined);
  if (view && !view.quorum) view = await watch.lookUntil(watch.grace(), hasQuorum);
  if (view?.quorum) return view;
  const starting = plan.established ? await unsettled(watch, known) : [];
  if (starting.length > 0) {
    fleet.progress.report(
      `the shard has no quorum; waiting for ${starting.map(({ name }) => name).join(", ")} to start`,
    );
    await watch.settle(starting, shard.now() + plan.hostTimeoutMs);
    view = await watch.lookUntil(watch.grace(), hasQuorum);
    if (view?.quorum) return view;
  }
  if (view && !plan.established) throw fleet.progress.refuse(lostQuorum(watch, view));

  // Members that have run before go first, alone: if they bring back a shard, nothing fresh may be started beside it.
  const { established } = plan;
  const stopped = known.filter(({ name }) => isStopped(fleet.status(name)));
  const again = established ? stopped : known.filter((target) => activationHelps(target, fleet.status(target.name)));
  if (again.length > 0) {
    const names = again.map(({ name }) => name).join(", ");
    fleet.progress.report(
      `${established ? "the shard has no quorum" : "creation was cut short"}; starting ${names} again`,
    );
    await fleet.activateTogether(again, { env: established ? ownDataEnv : bootstrapEnv(plan.targets, plan.token) });
    if (established) await watch.settle(again, shard.now() + plan.hostTimeoutMs);
    const deadline = established ? watch.grace() : shard.now() + Math.min(SILENCE_MS, plan.hostTimeoutMs);
    view = await watch.lookUntil(deadline, hasQuorum);
    if (view?.quorum) return view;
  }
  if (view) throw fleet.progress.refuse(lostQuorum(watch, view));
  if (plan.established) throw fleet.progress.refuse([watch.silentShard()]);
  return create(
    watch,
    plan.targets.filter((target) => !known.includes(target)),
  );
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
  await fleet.activateTogether(targets, { env: bootstrapEnv(plan.targets, plan.token) });
  await watch.settle(plan.targets, deadline);
  return watch.healthy(deadline);
}

/** Read by a member at its very first start only. */
export function bootstrapEnv(targets: readonly EtcdTarget[], token: string): Record<string, string> {
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

/** What a member needs that joins a living shard: the list must be the shard's own, by peer address. */
export function joinEnv(
  members: readonly Member[],
  nameOf: (member: Member) => string,
  token: string,
): Record<string, string> {
  return {
    ETCD_INITIAL_CLUSTER: members.map((member) => `${nameOf(member)}=${member.peerUrl}`).join(","),
    ETCD_INITIAL_CLUSTER_STATE: "existing",
    ETCD_INITIAL_CLUSTER_TOKEN: token,
  };
}

function lostQuorum({ plan }: EtcdWatch, view: View) {
  const [first, ...rest] = findings(view, (member) => hostOf(plan, member));
  return [first!, ...rest] as const;
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
