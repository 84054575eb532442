/** Work on a shard through whichever of its members answers: steps one after the other, each decided by what is seen then. */
import type { Progress } from "../gate/progress";
import { type MemberFinding, silentShard } from "./health";
import { type EtcdShard, NotYet, type View } from "./shard";
import { GRACE_MS } from "./watch";

const PAUSE_MS = 500;

export type Ending =
  | { readonly kind: "done" }
  | { readonly kind: "blocked"; readonly findings: readonly [MemberFinding, ...MemberFinding[]] };

export interface Walk<Step extends { readonly kind: string }> {
  /** Who is asked, in this order. */
  readonly hosts: readonly string[];
  readonly hostTimeoutMs: number;
  /** Pure. */
  readonly decide: (view: View) => Step | Ending;
  /** @param via the host that was asked */
  readonly perform: (step: Step, via: string) => Promise<void>;
}

/**
 * A closed gate is given its time, a step that etcd does not take yet is tried again, and between two steps it stops when it was asked to.
 * @returns what is seen when nothing is left to do
 */
export async function walk<Step extends { readonly kind: string }>(
  shard: EtcdShard,
  { hosts, hostTimeoutMs, decide, perform }: Walk<Step>,
  progress: Progress,
): Promise<View> {
  let patience = shard.now() + Math.min(GRACE_MS, hostTimeoutMs);
  let begun: number | undefined;
  for (;;) {
    const { via, view, silence } = await lookThrough(shard, hosts);
    const step = view ? decide(view) : blocked([silentShard(hosts, silence)]);
    if (view && isDone(step)) return view;
    if (isBlocked(step)) {
      if (step.findings.some(({ lasting }) => lasting) || shard.now() >= patience) throw progress.refuse(step.findings);
    } else {
      progress.stopIfAsked();
      const since = begun ?? shard.now();
      begun = since;
      try {
        await perform(step as Step, via);
        begun = undefined;
      } catch (error) {
        if (!(error instanceof NotYet) || shard.now() - since >= hostTimeoutMs) throw error;
      }
      patience = shard.now() + hostTimeoutMs;
    }
    await shard.sleep(PAUSE_MS);
  }
}

/** What the first of these hosts sees that has a quorum; without one, what the first that answers remembers. */
async function lookThrough(shard: EtcdShard, hosts: readonly string[]) {
  let silence = "";
  let alone: { readonly via: string; readonly view: View } | undefined;
  for (const via of hosts) {
    try {
      const view = await shard.look(via);
      if (view.quorum) return { via, view, silence };
      alone ??= { via, view };
    } catch (error) {
      silence = (error as Error).message;
    }
  }
  return { via: "", view: undefined, ...alone, silence };
}

const isDone = (step: { readonly kind: string }) => step.kind === "done";
const isBlocked = (step: { readonly kind: string }): step is Extract<Ending, { kind: "blocked" }> =>
  step.kind === "blocked";

const blocked = (findings: readonly [MemberFinding, ...MemberFinding[]]): Ending => ({ kind: "blocked", findings });

/** Blocked when anything was found. */
export function blockedBy([first, ...more]: readonly MemberFinding[]): Ending | undefined {
  return first && blocked([first, ...more]);
}
