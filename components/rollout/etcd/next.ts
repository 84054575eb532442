/**
 * The one decision of the etcd strategy: given what is seen now, which step comes next. Pure and without memory, so a run
 * that was killed anywhere goes on from the live state.
 *
 * The order, each rule only when those above have nothing to do:
 *  1. a shard without a quorum, or whose members give no answer, gets its own members back: see {@link withoutQuorum};
 *     one that is to go back to an older minor version agrees on that first: see downgrade.ts;
 *  2. members listed but never started are started (the rest of a first creation; a learner added before a crash);
 *  3. members that are down are repaired, one by one and whatever the others do: what does not serve is not endangered;
 *  4. members whose data is gone, and dead members that are not planned, are removed: before their successor is added,
 *     because a dead voter counts in the quorum (https://etcd.io/docs/v3.6/faq/: "remove it first");
 *  5. from here on the whole shard must be healthy. While it is not, only what restarts nothing is changed, all at once: it
 *     may be what the shard needs (new certificates);
 *  6. a learner is promoted;
 *  7. changes that restart nothing, all at once: a newcomer may need them, as those of a firewall;
 *  8. newcomers join as learners (https://etcd.io/docs/v3.6/learning/design-learner/), one after the other, without
 *     what an earlier member has left on their volumes: etcd never takes a removed member back, and its data is put aside;
 *  9. restarts, followers first; then leadership is handed to a changed member, and the old leader is restarted;
 * 10. nothing else is done for a cluster with a full shard: see {@link isFull}.
 *
 * Members that are well and not in the plan stay: API servers still use them. They leave later, each by itself (leave.ts).
 */
import { interleaveZones } from "../../plan/zones";
import type { MachineStatus } from "../hosts/answers";
import type { Fleet } from "../hosts/fleet";
import { etcdAdvice } from "./advice";
import { splitOff } from "./apart";
import { afterMembers, beforeMembers, type DowngradeStep } from "./downgrade";
import { findings, isFull, isUp, leaderOf, type MemberFinding, quorumOf, silentShard, voters } from "./health";
import type { EtcdPlan, EtcdTarget, Member, View } from "./shard";

export type EtcdStep =
  | DowngradeStep
  | { readonly kind: "start"; readonly targets: readonly EtcdTarget[] }
  /** They are started where they are down; where they run, the content goes live and the restart stays owed. */
  | { readonly kind: "repair"; readonly targets: readonly EtcdTarget[] }
  | { readonly kind: "remove"; readonly member: Member; readonly host: string; readonly why: string }
  | { readonly kind: "restart"; readonly target: EtcdTarget }
  /** `hasData`: of a member that the shard has removed, put aside before. */
  | { readonly kind: "add"; readonly target: EtcdTarget; readonly hasData: boolean }
  | { readonly kind: "promote"; readonly target: EtcdTarget; readonly member: Member }
  | { readonly kind: "quiet"; readonly targets: readonly EtcdTarget[] }
  | { readonly kind: "handOver"; readonly from: Member; readonly to: Member };

export type Decision =
  | { readonly kind: "step"; readonly step: EtcdStep }
  | { readonly kind: "blocked"; readonly findings: readonly [MemberFinding, ...MemberFinding[]] }
  | { readonly kind: "done" };

/** A planned host with the member it is, if it is one. */
interface Slot {
  readonly target: EtcdTarget;
  readonly status: MachineStatus;
  readonly member: Member | undefined;
}

/** @param view undefined: no member of the shard answers */
export function decide(plan: EtcdPlan, fleet: Fleet<EtcdTarget>, view: View | undefined): Decision {
  const slots = slotsOf(plan, fleet, view);
  const elsewhere = splitOff(plan.group, new Map(slots.map(({ target, status }) => [target.name, status])));
  if (isSome(elsewhere)) return blocked(elsewhere);
  if (!view) return withoutQuorum(fleet, slots) ?? blocked([silentShard(plan.targets.map(({ name }) => name))]);
  const found = findings(view, (member) => hostOf(plan, member));
  const full = found.filter(isFull);
  const all = found.filter((one) => !isFull(one));
  const foreign = slots.flatMap(mismatch);
  const hopeless = [...foreign, ...all.filter((finding) => finding.lasting)];
  if (!view.quorum) {
    const own = slots.filter((slot) => slot.member && mismatch(slot).length === 0);
    return withoutQuorum(fleet, own) ?? blocked(isSome(foreign) ? foreign : all);
  }
  if (isSome(hopeless)) return blocked(hopeless);
  return (
    goBack(plan, view, found) ??
    startUnstarted(fleet, slots, view) ??
    repairNext(fleet, slots, view) ??
    removeGone(plan, fleet, slots, view, all) ??
    (isSome(all) ? gateClosed(fleet, slots, all) : undefined) ??
    promoteLearner(slots) ??
    changeQuietly(fleet, slots) ??
    addNewcomer(slots) ??
    changeContent(fleet, slots, view) ??
    (isSome(full) ? blocked(full) : (settleBack(plan, view) ?? { kind: "done" }))
  );
}

function goBack(plan: EtcdPlan, view: View, all: readonly MemberFinding[]): Decision | undefined {
  const found = beforeMembers(plan, view, all.length === 0);
  if (found === "unhealthy") return blocked(all);
  return found?.kind === "blocked" ? blocked([found.finding]) : found;
}

function settleBack(plan: EtcdPlan, view: View): Decision | undefined {
  const found = afterMembers(plan, view);
  return found && step(found);
}

function slotsOf(plan: EtcdPlan, fleet: Fleet<EtcdTarget>, view: View | undefined): Slot[] {
  return interleaveZones(plan.targets).map((target) => ({
    target,
    status: fleet.status(target.name),
    member: view?.members.find((m) => (m.name ? m.name === target.name : m.peerUrl === target.peerUrl)),
  }));
}

export const hostOf = (plan: EtcdPlan, member: Member): string =>
  member.name || (plan.targets.find((target) => target.peerUrl === member.peerUrl)?.name ?? member.peerUrl);

/** Members whose turn to be started, repaired or removed is still to come: no gate waits for them. */
export function expectedAway(plan: EtcdPlan, fleet: Fleet<EtcdTarget>, view: View): Member[] {
  const unstarted = view.members.filter((member) => {
    const target = plan.targets.find(({ name }) => name === hostOf(plan, member));
    return target && isUnstarted(fleet, target, fleet.status(target.name), member, view);
  });
  const repairs = repairable(fleet, slotsOf(plan, fleet, view), view).flatMap(({ member }) => member ?? []);
  return [...unstarted, ...repairs, ...goneMembers(plan, fleet, view)];
}

function goneMembers(plan: EtcdPlan, fleet: Fleet<EtcdTarget>, view: View): Member[] {
  return view.members.filter((member) => {
    if (isUp(view, member)) return false;
    const target = plan.targets.find(({ name }) => name === hostOf(plan, member));
    return !target || isLost(fleet.status(target.name), member);
  });
}

function startUnstarted(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], view: View): Decision | undefined {
  const targets = slots
    .filter(({ target, member, status }) => member && isUnstarted(fleet, target, status, member, view))
    .map(({ target }) => target);
  return targets.length > 0 ? step({ kind: "start", targets }) : undefined;
}

function removeGone(
  plan: EtcdPlan,
  fleet: Fleet<EtcdTarget>,
  slots: readonly Slot[],
  view: View,
  all: readonly MemberFinding[],
): Decision | undefined {
  const gone = goneMembers(plan, fleet, view);
  const stray = view.members.find((m) => m.learner && (gone.includes(m) || !slots.some(({ member }) => member === m)));
  if (stray) return removal(plan, stray, "an unplanned learner");
  const dead = gone[0];
  if (!dead) return undefined;
  const others = all.filter(({ memberId }) => !gone.some(({ id }) => id === memberId));
  if (isSome(others)) return gateClosed(fleet, slots, others);
  const planned = slots.some(({ member }) => member === dead);
  return removal(plan, dead, planned ? "its data is gone" : "it is down and not in the plan");
}

/**
 * Only a majority of its own members brings the shard back, so all are repaired at once. Those that run may serve others than us:
 * their restart waits for an open gate. Nothing is started that lacks its data: it would begin another shard, or outvote the others.
 */
function withoutQuorum(fleet: Fleet<EtcdTarget>, slots: readonly Slot[]): Decision | undefined {
  const helped = slots.filter(
    ({ target, status }) =>
      status.everActivated &&
      !fleet.progress.wasChanged(target.name) &&
      !hasEmptyDisk(status) &&
      activationHelps(target, status),
  );
  if (helped.length === 0) return undefined;
  const kind = helped.every(isQuiet) ? "quiet" : "repair";
  return step({ kind, targets: helped.map(({ target }) => target) });
}

/** Those that run and do not answer may still vote: one is restarted only when those that answer are a quorum without it. */
function repairNext(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], view: View): Decision | undefined {
  const waiting = repairable(fleet, slots, view);
  const down = waiting.find(({ status }) => !isRunning(status));
  if (down) return step({ kind: "repair", targets: [down.target] });
  const [silent] = waiting;
  if (!silent) return undefined;
  const answering = voters(view).filter((member) => isUp(view, member));
  const safe = answering.length >= quorumOf(voters(view).length) && answering.some(({ id }) => id === leaderOf(view));
  if (safe) return step({ kind: "restart", target: silent.target });
  return step({ kind: "repair", targets: waiting.map(({ target }) => target) });
}

/** What restarts nothing endangers nothing. */
function gateClosed(
  fleet: Fleet<EtcdTarget>,
  slots: readonly Slot[],
  closing: readonly [MemberFinding, ...MemberFinding[]],
): Decision {
  const quiet = slots.filter((slot) => slot.member && isQuiet(slot) && fleet.needsWork(slot.target));
  return quiet.length > 0 ? step({ kind: "quiet", targets: quiet.map(({ target }) => target) }) : blocked(closing);
}

function promoteLearner(slots: readonly Slot[]): Decision | undefined {
  const learner = slots.find(({ member }) => member?.learner);
  return learner?.member && step({ kind: "promote", target: learner.target, member: learner.member });
}

function changeQuietly(fleet: Fleet<EtcdTarget>, slots: readonly Slot[]): Decision | undefined {
  const quiet = slots.filter(
    ({ target, member, status }) => member && fleet.needsWork(target) && status.restarts.length === 0,
  );
  return quiet.length > 0 ? step({ kind: "quiet", targets: quiet.map(({ target }) => target) }) : undefined;
}

function addNewcomer(slots: readonly Slot[]): Decision | undefined {
  const newcomer = slots.find(({ member }) => !member);
  return newcomer && step({ kind: "add", target: newcomer.target, hasData: newcomer.status.everActivated });
}

function changeContent(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], view: View): Decision | undefined {
  const leader = view.members.find(({ id }) => id === leaderOf(view));
  const work = slots.filter(({ target }) => fleet.needsWork(target));
  const follower = work.find(({ member }) => member !== leader);
  if (follower) return step({ kind: "restart", target: follower.target });

  const own = work.find(({ member }) => member === leader);
  if (!leader || !own) return undefined;
  const leaving = view.members.find((member) => !member.learner && !slots.some((slot) => slot.member === member));
  const heir = chooseHeir(fleet, slots, own.target.zone) ?? leaving;
  return heir ? step({ kind: "handOver", from: leader, to: heir }) : step({ kind: "restart", target: own.target });
}

/** A changed member; rather in another zone than the old leader's and not the one changed last, which is the least settled. */
function chooseHeir(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], zone: string): Member | undefined {
  const last = fleet.progress.changed.at(-1);
  const rank = ({ target }: Slot) => (target.zone === zone ? 2 : 0) + (target.name === last ? 1 : 0);
  return slots
    .filter(({ target, member }) => member && !member.learner && !fleet.needsWork(target))
    .sort((a, b) => rank(a) - rank(b))[0]?.member;
}

/** Down, with its data, and activation would do something about it: started again, or changed. */
function repairable(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], view: View): Slot[] {
  return slots.filter(({ target, status, member }) => {
    if (!member || isUp(view, member) || isLost(status, member) || fleet.progress.wasChanged(target.name)) return false;
    return activationHelps(target, status) && !hasEmptyDisk(status);
  });
}

/** Not for a member that is starting with its planned content: it only needs time. */
export function activationHelps(target: EtcdTarget, status: MachineStatus): boolean {
  if (status.active !== target.digest || isStopped(status)) return true;
  return status.pending.some((line) => !line.startsWith("start "));
}

/** Listed, never started, and not started by this run: what runs without having published itself is given its time. */
function isUnstarted(
  fleet: Fleet<EtcdTarget>,
  target: EtcdTarget,
  status: MachineStatus,
  member: Member,
  view: View,
): boolean {
  if (member.clientUrl || isUp(view, member) || fleet.progress.wasChanged(target.name)) return false;
  return !isRunning(status);
}

/** The host was made again, with empty volumes, while the member of that name has run before. */
function isLost(status: MachineStatus, member: Member): boolean {
  return !status.everActivated && member.clientUrl !== undefined && isStopped(status);
}

/** Its disk is an empty one, which activation would give a file system: see compare_volumes in volumes.py. */
const hasEmptyDisk = (status: MachineStatus) => status.pending.some((line) => line.startsWith("make and mount "));

/** What it gets, it gets while it runs. */
const isQuiet = ({ status }: Slot) => isRunning(status) && status.restarts.length === 0;
const isRunning = (status: MachineStatus) => etcdState(status) === "active";
export const isStopped = (status: MachineStatus) => ["absent", "inactive", "failed"].includes(etcdState(status));

function etcdState(status: MachineStatus): string {
  return status.services["etcd.service"]?.active ?? "absent";
}

/** Activated once, or at least running now: an activation cut short may not have been recorded. */
export const startedOnce = (status: MachineStatus): boolean => status.everActivated || !isStopped(status);

function mismatch({ target, status, member }: Slot): MemberFinding[] {
  const common = { host: target.name, lasting: true, advice: etcdAdvice.foreignData };
  if (member && member.peerUrl !== target.peerUrl && !isLost(status, member)) {
    return [
      { ...common, checked: `its peer address is ${target.peerUrl}`, found: `the shard knows it at ${member.peerUrl}` },
    ];
  }
  return [];
}

const step = (next: EtcdStep): Decision => ({ kind: "step", step: next });
const removal = (plan: EtcdPlan, member: Member, why: string): Decision =>
  step({ kind: "remove", member, host: hostOf(plan, member), why });

function isSome(list: readonly MemberFinding[]): list is readonly [MemberFinding, ...MemberFinding[]] {
  return list.length > 0;
}

function blocked(list: readonly MemberFinding[]): Decision {
  if (!isSome(list)) throw new Error("blocked without a finding");
  return { kind: "blocked", findings: list };
}
