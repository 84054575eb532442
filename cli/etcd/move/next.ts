/**
 * The one decision of a move's split: given what is seen now, which step comes next, until the guests are out of main. Pure and without
 * memory, so a run that was killed anywhere goes on from what the hosts hold.
 *
 * The order, each rule only when those above have nothing to do:
 *  1. the whole cluster must be healthy;
 *  2. no guest leads: the leadership goes to a member that stays, with all clients held;
 *  3. guests are closed to new clients;
 *  4. one guest after the other restarts, behind its closed door: its clients go to the others, those of the last one wait. Nobody
 *     writes what moves from then on;
 *  5. the guests are removed from main, one right after the other and with main's clients held for that moment: so they end with the same
 *     data. Main has its quorum of members that answer before each, and without them.
 * From there on the guests are restored, each from its own data, as a cluster of their own (../restore/next.ts).
 */
import { moveAdvice } from "../../../components/rollout/etcd/advice";
import { findings, leaderOf, silentShard } from "../../../components/rollout/etcd/health";
import type { Member, View } from "../../../components/rollout/etcd/shard";
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import type { MemberState } from "../restore/answers";
import type { Door } from "./answers";
import type { SplitPlan } from "./hosts";

export interface SplitSeen {
  /** Of main, by a member of its own. */
  readonly view: View | undefined;
  /** Of guests. */
  readonly states: ReadonlyMap<string, MemberState>;
  /** Of guests that are members of main. */
  readonly doors: ReadonlyMap<string, Door>;
  /** True: main has kept that they were to be taken out of it, with nobody writing what moves. */
  readonly noted: boolean;
}

export type SplitStep =
  | { readonly kind: "handOver"; readonly from: Member; readonly to: Member }
  | { readonly kind: "close" | "drain"; readonly hosts: readonly string[] }
  | { readonly kind: "cut"; readonly members: readonly Member[] }
  /** No guest is a member of main any more. */
  | { readonly kind: "apart" }
  /** They are the cluster of that shard, and have been let go. */
  | { readonly kind: "done"; readonly revision: number }
  | { readonly kind: "blocked"; readonly findings: readonly [GateFinding, ...GateFinding[]] };

export function nextSplitStep(plan: SplitPlan, { doors, noted, states, view }: SplitSeen): SplitStep {
  const { guests, own, shard } = plan;
  const lasts = guests.map((name) => splitOf(states.get(name), shard));
  const [last] = lasts;
  if (last && lasts.every((one) => one?.id === last.id)) return { kind: "done", revision: last.revision };
  if (!view?.quorum) return blocked(silentShard(own));
  const members = guests.flatMap((name) => view.members.find((member) => member.name === name) ?? []);
  const underWay = noted || [...states.values()].some(({ restore }) => restore !== null);
  if (members.length === 0) return underWay ? { kind: "apart" } : blocked(notJoined(guests));
  if (members.length < guests.length) return blocked(cutShort(guests, members));

  const [first, ...more] = findings(view, ({ name, peerUrl }) => name || peerUrl);
  if (first) return blocked(first, ...more);
  const learner = members.find((member) => member.learner);
  if (learner) return blocked(stillLearning(learner));
  const leader = members.find(({ id }) => id === leaderOf(view));
  const heir = view.members.find(({ name, learner }) => own.includes(name) && !learner);
  if (leader && heir) return { kind: "handOver", from: leader, to: heir };
  const open = guests.filter((name) => !doors.get(name)?.closed);
  if (open.length > 0) return { kind: "close", hosts: open };
  const busy = guests.filter((name) => (doors.get(name)?.clients ?? 0) > 0);
  return busy.length > 0 ? { kind: "drain", hosts: busy.slice(0, 1) } : { kind: "cut", members };
}

/** The split that a host has been through, and that has come to its end. */
export const splitOf = (state: MemberState | undefined, shard: string): MemberState["last"] | undefined =>
  state?.restore === null && state.last?.command === "move" && state.last.shard === shard ? state.last : undefined;

function cutShort(guests: readonly string[], members: readonly Member[]): GateFinding {
  const left = members.map(({ name }) => name);
  return {
    host: guests.filter((name) => !left.includes(name)).join(", "),
    checked: "all members of the new shard left main at the same moment",
    found: `${left.join(", ")} have not, and have gone on since`,
    advice: moveAdvice.cutShort,
    lasting: true,
  };
}

function notJoined(guests: readonly string[]): GateFinding {
  return {
    host: guests.join(", "),
    checked: "they are members of main, or a split has taken them out of it",
    found: "neither",
    advice: "Run `kilonode up`, which lets them join.",
    lasting: true,
  };
}

function stillLearning({ name }: Member): GateFinding {
  const advice = "Run `kilonode up`, which makes it a voter.";
  return { host: name, checked: "it is a voter of main", found: "it is a learner", advice, lasting: true };
}

const blocked = (...found: readonly [GateFinding, ...GateFinding[]]): SplitStep => ({
  kind: "blocked",
  findings: found,
});
