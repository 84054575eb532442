/**
 * The one decision of the etcd strategy: given what is seen now, which step comes next. Pure and without memory, so a run
 * that was killed anywhere goes on from the live state.
 *
 * The order, each rule only when those above have nothing to do:
 *  1. members listed but never started are started (the rest of a first creation; a learner added before a crash);
 *  2. members whose data is gone, and dead members that are not planned, are removed: before their successor is added,
 *     because a dead voter counts in the quorum (https://etcd.io/docs/v3.6/faq/: "remove it first");
 *  3. one member that is down is repaired, if all others are healthy;
 *  4. from here on the whole shard must be healthy: a learner is promoted;
 *  5. newcomers join as learners (https://etcd.io/docs/v3.6/learning/design-learner/), without what an earlier member has left on
 *     their volumes: etcd never takes a removed member back, and its data is put aside. Surplus followers leave. In between
 *     there is at most one voter more than planned and never fewer than the smaller of the two sizes, so the number of
 *     failures the shard survives never falls below that of the smaller size;
 *  6. changes that restart nothing, all at once;
 *  7. restarts, followers first; then leadership is handed to a changed member, and the old leader is restarted or removed.
 */
import type { MachineStatus } from "../hosts/answers";
import type { Fleet } from "../hosts/fleet";
import { interleaveZones } from "../hosts/hosts";
import { etcdAdvice } from "./advice";
import { findings, isUp, leaderOf, type MemberFinding, voters } from "./health";
import type { EtcdPlan, EtcdTarget, Member, View } from "./shard";

export type EtcdStep =
  | { readonly kind: "start"; readonly targets: readonly EtcdTarget[] }
  | { readonly kind: "remove"; readonly member: Member; readonly host: string; readonly why: string }
  | { readonly kind: "repair" | "restart"; readonly target: EtcdTarget }
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

export function decide(plan: EtcdPlan, fleet: Fleet<EtcdTarget>, view: View): Decision {
  const slots = interleaveZones(plan.targets).map((target) => ({
    target,
    status: fleet.status(target.name),
    member: view.members.find((m) => (m.name ? m.name === target.name : m.peerUrl === target.peerUrl)),
  }));
  const all = findings(view, (member) => hostOf(plan, member));
  const hopeless = [...slots.flatMap(mismatch), ...all.filter((finding) => finding.lasting)];
  if (!view.quorum || isSome(hopeless)) return blocked(isSome(hopeless) ? hopeless : all);
  return (
    startUnstarted(fleet, slots, view) ??
    removeGone(plan, fleet, slots, view, all) ??
    repairOne(fleet, slots, view, all) ??
    (isSome(all) ? blocked(all) : undefined) ??
    changeMembers(plan, slots, view) ??
    changeContent(fleet, slots, view) ?? { kind: "done" }
  );
}

export const hostOf = (plan: EtcdPlan, member: Member): string =>
  member.name || (plan.targets.find((target) => target.peerUrl === member.peerUrl)?.name ?? member.peerUrl);

/** Members whose turn to be started or removed is still to come: no gate waits for them. */
export function expectedAway(plan: EtcdPlan, fleet: Fleet<EtcdTarget>, view: View): Member[] {
  const unstarted = view.members.filter((member) => {
    const target = plan.targets.find(({ name }) => name === hostOf(plan, member));
    return target && isUnstarted(fleet, target, fleet.status(target.name), member, view);
  });
  return [...unstarted, ...goneMembers(plan, fleet, view)];
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
  const waiting = repairable(fleet, slots, view);
  const tolerated = [...gone, ...(waiting.length === 1 ? [waiting[0]!.member] : [])].map((member) => member?.id);
  const others = all.filter(({ memberId }) => !tolerated.includes(memberId));
  if (isSome(others)) return blocked(others);
  const planned = slots.some(({ member }) => member === dead);
  return removal(plan, dead, planned ? "its data is gone" : "it is down and not in the plan");
}

function repairOne(
  fleet: Fleet<EtcdTarget>,
  slots: readonly Slot[],
  view: View,
  all: readonly MemberFinding[],
): Decision | undefined {
  const [slot, ...more] = repairable(fleet, slots, view);
  if (!slot || more.length > 0 || all.some(({ memberId }) => memberId !== slot.member?.id)) return undefined;
  return step({ kind: "repair", target: slot.target });
}

function changeMembers(plan: EtcdPlan, slots: readonly Slot[], view: View): Decision | undefined {
  const learner = slots.find(({ member }) => member?.learner);
  if (learner?.member) return step({ kind: "promote", target: learner.target, member: learner.member });
  const planned = slots.map(({ member }) => member);
  const surplus = voters(view).find((member) => !planned.includes(member) && member.id !== leaderOf(view));
  if (surplus && voters(view).length > plan.targets.length) return removal(plan, surplus, "it is not in the plan");
  const newcomer = slots.find(({ member }) => !member);
  return newcomer ? step({ kind: "add", target: newcomer.target, hasData: newcomer.status.everActivated }) : undefined;
}

function changeContent(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], view: View): Decision | undefined {
  const leader = view.members.find(({ id }) => id === leaderOf(view));
  const work = slots.filter(({ target }) => fleet.needsWork(target));
  const quiet = work.filter(({ status }) => status.restarts.length === 0);
  if (quiet.length > 0) return step({ kind: "quiet", targets: quiet.map(({ target }) => target) });
  const follower = work.find(({ member }) => member !== leader);
  if (follower) return step({ kind: "restart", target: follower.target });

  const own = slots.find(({ member }) => member === leader);
  const leaving = leader !== undefined && own === undefined;
  if (!leader || !(leaving || work.length > 0)) return undefined;
  const heir = chooseHeir(fleet, slots, own?.target.zone);
  if (heir) return step({ kind: "handOver", from: leader, to: heir });
  return own ? step({ kind: "restart", target: own.target }) : undefined;
}

/** A changed member; rather in another zone than the old leader's and not the one changed last, which is the least settled. */
function chooseHeir(fleet: Fleet<EtcdTarget>, slots: readonly Slot[], zone: string | undefined): Member | undefined {
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
    return activationHelps(target, status);
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
  return etcdState(status) !== "active";
}

/** The host was made again: it never ran anything, while the member of that name has run before. */
function isLost(status: MachineStatus, member: Member): boolean {
  return !status.everActivated && member.clientUrl !== undefined && isStopped(status);
}

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
