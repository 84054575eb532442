/**
 * A member leaves its shard for good: after all rollouts, so that no API server asks it any more, and before its host goes. It leads
 * no more by then, and its clients wait while the leadership moves, as in any hand-over.
 */
import type { Progress } from "../gate/progress";
import { etcdAdvice } from "./advice";
import { findings, leaderOf, type MemberFinding, voters } from "./health";
import { type EtcdShard, type Member, NotYet, type View } from "./shard";
import { GRACE_MS } from "./watch";

const PAUSE_MS = 500;

export interface LeavePlan {
  readonly group: string;
  /** The member's name, which is its host's. */
  readonly member: string;
  /** All members' hosts. A shard shrinks from its end: the first stays the longest, and is the first to take the leadership over. */
  readonly hosts: readonly string[];
  readonly hostTimeoutMs: number;
}

export type LeaveStep =
  | { readonly kind: "done" }
  | { readonly kind: "handOver"; readonly from: Member; readonly to: Member }
  | { readonly kind: "remove"; readonly member: Member }
  | { readonly kind: "blocked"; readonly findings: readonly [MemberFinding, ...MemberFinding[]] };

/** Pure and without memory. All others must be healthy; how the leaving one is does not matter. */
export function nextLeaveStep({ hosts, member: name }: LeavePlan, view: View): LeaveStep {
  const member = view.members.find((one) => one.name === name);
  if (view.quorum && !member) return { kind: "done" };
  const all = findings(view, (one) => one.name || one.peerUrl);
  const [first, ...more] = all.filter(({ memberId }) => memberId === undefined || memberId !== member?.id);
  if (first) return { kind: "blocked", findings: [first, ...more] };
  const place = (one: Member) => (hosts.includes(one.name) ? hosts.indexOf(one.name) : hosts.length);
  const [heir] = voters(view)
    .filter((one) => one !== member)
    .sort((a, b) => place(a) - place(b));
  if (!member || !heir) return { kind: "blocked", findings: [lastOne(name)] };
  return leaderOf(view) === member.id ? { kind: "handOver", from: member, to: heir } : { kind: "remove", member };
}

export async function leave(shard: EtcdShard, plan: LeavePlan, progress: Progress): Promise<void> {
  const { hostTimeoutMs, member } = plan;
  const end = shard.now() + hostTimeoutMs;
  let patience = shard.now() + Math.min(GRACE_MS, hostTimeoutMs);
  for (;;) {
    const { via, view, silence } = await look(shard, plan);
    const step: LeaveStep = view ? nextLeaveStep(plan, view) : { kind: "blocked", findings: [silent(plan, silence)] };
    if (step.kind === "done") return progress.report(`${member} is no member any more`);
    if (step.kind === "blocked") {
      if (step.findings.some(({ lasting }) => lasting) || shard.now() >= patience) throw progress.refuse(step.findings);
    } else {
      progress.stopIfAsked();
      patience = end;
      try {
        await perform(shard, via, step, progress);
      } catch (error) {
        if (!(error instanceof NotYet) || shard.now() >= end) throw error;
      }
    }
    await shard.sleep(PAUSE_MS);
  }
}

async function perform(
  shard: EtcdShard,
  via: string,
  step: Exclude<LeaveStep, { readonly kind: "done" | "blocked" }>,
  progress: Progress,
): Promise<void> {
  if (step.kind === "remove") {
    progress.report(`the others are healthy; removing member ${step.member.name}`);
    return shard.remove(via, step.member.id);
  }
  progress.report(`the others are healthy; handing leadership from ${step.from.name} to ${step.to.name}`);
  for (const unheld of await shard.moveLeader(step.from, step.to)) progress.report(unheld);
}

/** What the first of the other members sees that has a quorum. */
async function look(
  shard: EtcdShard,
  { hosts, member }: LeavePlan,
): Promise<{ readonly via: string; readonly view?: View; readonly silence: string }> {
  let silence = "";
  let alone: { readonly via: string; readonly view: View } | undefined;
  for (const via of hosts.filter((host) => host !== member)) {
    try {
      const view = await shard.look(via);
      if (view.quorum) return { via, view, silence };
      alone ??= { via, view };
    } catch (error) {
      silence = (error as Error).message;
    }
  }
  return { via: "", ...alone, silence };
}

function silent({ hosts, member }: LeavePlan, silence: string): MemberFinding {
  return {
    host: hosts.filter((host) => host !== member).join(", ") || member,
    checked: "a member answers that stays in the shard",
    found: silence === "" ? "none does" : `none does; the last one: ${silence}`,
    advice: etcdAdvice.noQuorum,
    lasting: false,
  };
}

function lastOne(host: string): MemberFinding {
  return {
    host,
    checked: "another voter stays in the shard",
    found: "it is the last one, and the shard's data would go with it",
    advice: etcdAdvice.lastVoter,
    lasting: true,
  };
}
