/**
 * A member leaves its shard for good: after all rollouts, so that no API server asks it any more, and before its host goes. It leads
 * no more by then, and its clients wait while the leadership moves, as in any hand-over.
 */
import type { Progress } from "../gate/progress";
import { etcdAdvice } from "./advice";
import { findings, isFull, isUp, leaderOf, type MemberFinding, voters } from "./health";
import type { EtcdShard, Member, View } from "./shard";
import { blockedBy, type Ending, walk } from "./walk";

export interface LeavePlan {
  readonly group: string;
  /** The member's name, which is its host's. */
  readonly member: string;
  /** All members' hosts. A shard shrinks from its end: the first stays the longest, and is the first to take the leadership over. */
  readonly hosts: readonly string[];
  readonly hostTimeoutMs: number;
  /** True: API servers still ask it, so it ends before it is removed, as at a restart: a member that is removed drops what it is asked. */
  readonly inUse?: boolean;
}

export type LeaveStep =
  | { readonly kind: "handOver"; readonly from: Member; readonly to: Member }
  | { readonly kind: "remove"; readonly member: Member; readonly answers: boolean };

/** Pure and without memory. All others must be healthy, though they may be full; how the leaving one is does not matter. */
export function nextLeaveStep({ hosts, member: name }: LeavePlan, view: View): LeaveStep | Ending {
  const member = view.members.find((one) => one.name === name);
  if (view.quorum && !member) return { kind: "done" };
  const all = findings(view, (one) => one.name || one.peerUrl).filter((one) => !isFull(one));
  const closed = blockedBy(all.filter(({ memberId }) => memberId === undefined || memberId !== member?.id));
  if (closed) return closed;
  const place = (one: Member) => (hosts.includes(one.name) ? hosts.indexOf(one.name) : hosts.length);
  const [heir] = voters(view)
    .filter((one) => one !== member)
    .sort((a, b) => place(a) - place(b));
  if (!member || !heir) return { kind: "blocked", findings: [lastOne(name)] };
  if (leaderOf(view) === member.id) return { kind: "handOver", from: member, to: heir };
  return { kind: "remove", member, answers: isUp(view, member) };
}

export async function leave(shard: EtcdShard, plan: LeavePlan, progress: Progress): Promise<void> {
  const { hostTimeoutMs, member } = plan;
  const others = plan.hosts.filter((host) => host !== member);
  await walk(
    shard,
    {
      // The leaving one is asked where there is nobody else, who would say that it is the last.
      hosts: others.length > 0 ? others : [member],
      hostTimeoutMs,
      decide: (view) => nextLeaveStep(plan, view),
      perform: (step, via) => perform(shard, via, step, plan, progress),
    },
    progress,
  );
  progress.report(`${member} is no member any more`);
}

async function perform(
  shard: EtcdShard,
  via: string,
  step: LeaveStep,
  { inUse = false }: LeavePlan,
  progress: Progress,
): Promise<void> {
  if (step.kind === "remove") {
    const { name } = step.member;
    if (inUse && step.answers) {
      progress.report(`the others are healthy; ending ${name}, whose clients go to them`);
      await shard
        .rest(name)
        .catch((error: Error) => progress.report(`${name} does not end in order: ${error.message}`));
    }
    progress.report(`the others are healthy; removing member ${name}`);
    return shard.remove(via, step.member.id);
  }
  progress.report(`the others are healthy; handing leadership from ${step.from.name} to ${step.to.name}`);
  for (const unheld of await shard.moveLeader(step.from, step.to)) progress.report(unheld);
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
