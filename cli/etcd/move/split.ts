/** Goes through the steps of a split: looks at the hosts, lets next.ts choose, does it, and looks again; then the guests are restored. */
import { NotYet } from "../../../components/rollout/etcd/shard";
import type { Progress } from "../../../components/rollout/gate/progress";
import type { RestoreRequest } from "../restore/hosts";
import { ownData } from "../restore/next";
import { runRestore } from "../restore/run";
import type { SplitHosts, SplitPlan } from "./hosts";
import { nextSplitStep, type SplitSeen, type SplitStep, splitOf } from "./next";

const PAUSE_MS = 500;
/** How long what has just changed is given until a closed gate is one. */
const PATIENCE_MS = 120_000;

/**
 * etcd takes no member out while the quorum may need one whose connection is younger than 5 s (HealthInterval): waited for while there are
 * guests that serve, not when nobody does any more.
 */
const YOUNG_MS = 6_000;

export interface SplitReport {
  /** At which the new cluster has begun: the same as main had. */
  readonly revision: number;
  /** From the restart of the last guest to its being let go; of this run, when an earlier one was cut short. */
  readonly heldSeconds: number;
  readonly steps: readonly { readonly what: string; readonly seconds: number }[];
}

/** @param requestFor makes the identity of a new cluster; asked when none is under way on the guests */
export async function split(
  hosts: SplitHosts,
  plan: SplitPlan,
  requestFor: () => RestoreRequest,
  progress: Progress,
): Promise<SplitReport> {
  const steps: { what: string; seconds: number }[] = [];
  let held: number | undefined;
  let drained: number | undefined;
  let revision: number | undefined;
  let patience = hosts.now() + PATIENCE_MS;
  // Each guest takes a handful of steps at most: more means that a step has no effect.
  for (let left = 6 * plan.guests.length + 12; left > 0; ) {
    const seen = await look(hosts, plan);
    const step = nextSplitStep(plan, seen);
    if (step.kind === "done") return { revision: step.revision, heldSeconds: 0, steps };
    if (step.kind === "blocked") {
      if (step.findings.some(({ lasting }) => lasting) || hosts.now() >= patience) throw progress.refuse(step.findings);
      await hosts.sleep(PAUSE_MS);
      continue;
    }
    left--;
    const started = hosts.now();
    if (step.kind === "apart") {
      // What is left of a member that was taken out answers nobody, and takes its time about it.
      const loose = plan.guests.filter((name) => {
        const state = seen.states.get(name);
        return state?.phase === "none" && !state.held && splitOf(state, plan.shard) === undefined;
      });
      await Promise.all(loose.map((name) => hosts.hold(name, plan.shard)));
      const under = plan.guests.flatMap((name) => seen.states.get(name)?.restore ?? [])[0];
      const made = await restored(hosts, plan, under ?? requestFor(), revision, progress);
      const now = hosts.now();
      return {
        revision: made.revision,
        heldSeconds: secondsBetween(held ?? started, now),
        steps: [...steps, ...made.steps],
      };
    }
    progress.stopIfAsked();
    progress.report(stepText(step));
    if (step.kind === "drain") {
      const last = [...seen.doors.values()].filter(({ clients }) => clients > 0).length === 1;
      if (last) await hosts.sleep(Math.max(0, (drained ?? -YOUNG_MS) + YOUNG_MS - hosts.now()));
      held = hosts.now();
    }
    try {
      revision = (await perform(hosts, step, progress)) ?? revision;
    } catch (error) {
      if (!(error instanceof NotYet) || hosts.now() >= patience) throw error;
      progress.report(`not yet: ${error.message}`);
      left++;
      await hosts.sleep(PAUSE_MS);
      continue;
    }
    if (step.kind === "drain") drained = hosts.now();
    steps.push({ what: step.kind, seconds: secondsBetween(started, hosts.now()) });
    patience = hosts.now() + PATIENCE_MS;
  }
  throw new Error(`${plan.group}: the split does not come to its end; last step: ${steps.at(-1)?.what}`);
}

async function look(hosts: SplitHosts, { guests }: SplitPlan): Promise<SplitSeen> {
  const [view, states] = await Promise.all([hosts.view(), Promise.all(guests.map((name) => hosts.member(name)))]);
  const note = view?.quorum ? await hosts.note() : undefined;
  const members = guests.filter((name) => view?.members.some((member) => member.name === name));
  const doors = await Promise.all(members.map((name) => hosts.door(name)));
  return {
    view,
    noted: note !== undefined,
    states: new Map(guests.map((name, index) => [name, states[index]!])),
    doors: new Map(members.map((name, index) => [name, doors[index]!])),
  };
}

/** @returns the revision of the cut, when it was that */
async function perform(hosts: SplitHosts, step: SplitStep, progress: Progress): Promise<number | undefined> {
  switch (step.kind) {
    case "handOver":
      for (const unheld of await hosts.handOver(step.from, step.to)) progress.report(unheld);
      return undefined;
    case "close":
      await Promise.all(step.hosts.map((name) => hosts.shut(name)));
      return undefined;
    case "drain":
      for (const name of step.hosts) {
        progress.markChanged(name);
        await hosts.drain(name);
      }
      return undefined;
    case "cut": {
      await hosts.keepNote({ reached: "cut", resources: {} });
      for (const { name } of step.members) progress.markChanged(name);
      const { milliseconds, removed, revision, why } = await hosts.cut(step.members);
      if (removed.length === 0) throw new NotYet(`nothing was removed from main: ${why}`);
      progress.report(
        `${removed.length} removed at revision ${revision}, in ${milliseconds} ms${why && `; then: ${why}`}`,
      );
      return revision;
    }
    default:
      throw new Error(`nothing is to be done for ${step.kind}`);
  }
}

/** The guests as a cluster of their own: each from its own data, with the revisions that it has, so that watches go on. */
function restored(
  hosts: SplitHosts,
  { group, guests, hostTimeoutMs, shard }: SplitPlan,
  request: RestoreRequest,
  revision: number | undefined,
  progress: Progress,
) {
  const own = { group, shard, hostTimeoutMs, masterTimeoutMs: hostTimeoutMs, masters: [], others: [], stopsApi: false };
  const expected = revision === undefined ? {} : { expected: { sha256: "", snapshotRevision: revision } };
  return runRestore(hosts, { ...own, ...expected, members: guests, request }, progress);
}

export const splitRequest = (id: string, token: string, members: string[]): RestoreRequest => ({
  id,
  snapshot: ownData,
  bytes: 0,
  token: `${token}-${id}`,
  bump: 0,
  members,
});

function stepText(step: SplitStep): string {
  switch (step.kind) {
    case "handOver":
      return `hand leadership from ${step.from.name} to ${step.to.name}, which stays`;
    case "close":
      return `keep new clients out on ${step.hosts.join(", ")}`;
    case "drain":
      return `send the clients of ${step.hosts.join(", ")} elsewhere; those of the last one wait`;
    case "cut":
      return `take ${step.members.map(({ name }) => name).join(", ")} out of main, all at the same revision`;
    default:
      return step.kind;
  }
}

const secondsBetween = (from: number, to: number) => Math.round((to - from) / 100) / 10;
