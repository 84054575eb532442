/** Rollouts in a preview: which hosts, in which order, who joins and who leaves. */
import type { GroupPlan } from "../../components/plan/groups";
import type { ClusterPlan } from "../../components/plan/types";
import { resourceKind } from "../../components/resources";
import { type ReleaseChange, releaseChange, releaseNotes } from "../../components/rollout/other-release";
import type { RolloutSpec } from "../../components/rollout/spec";
import type { Step } from "../../engine";
import { type ChangedHosts, rolloutSeconds } from "./rollout-time";
import { count } from "./terminal";

export interface RolloutChange {
  readonly group: string;
  /** One sentence. */
  readonly order: string;
  readonly joining: readonly string[];
  readonly leaving: readonly string[];
  /** What is said of another release before it begins; a sentence each. */
  readonly notes?: readonly string[];
  /** Expected, where hosts change one after the other: an estimate. */
  readonly seconds?: number;
  /** How long one host may take until its gate stops the change. */
  readonly hostTimeoutSeconds?: number;
}

/** A rollout, or the look at all gates before them. */
export const isRollout = (step: Pick<Step, "type" | "name">): boolean =>
  ["gates", "rollout"].includes(resourceKind(step).kind);

type Planned = Pick<ClusterPlan, "backup" | "groups" | "scale">;

export function rolloutChanges(steps: readonly Step[], plan: Planned, hosts: ChangedHosts): RolloutChange[] {
  const place = (change: RolloutChange) => plan.groups.findIndex(({ name }) => name === change.group);
  const changes = steps.flatMap((step) => rolloutChange(step, plan, hosts)).sort((a, b) => place(a) - place(b));
  const notes = releaseNotes(
    steps.flatMap((step) => otherRelease(step, plan)),
    plan.backup !== undefined,
  );
  // The look at all gates is before everything else, and so is what is said of it.
  const [first, ...more] = changes;
  return first && notes.length > 0 ? [{ ...first, notes }, ...more] : changes;
}

/** By what the last rollout of the group was given. */
function otherRelease(step: Step, plan: Planned): ReleaseChange[] {
  const resource = resourceKind(step);
  if (resource.kind !== "rollout") return [];
  const group = plan.groups.find(({ name }) => name === resource.group);
  const before = documentOf(step)?.strategy;
  return group ? releaseChange(group.strategy, before && "release" in before ? before.release : undefined) : [];
}

function rolloutChange(step: Step, plan: Planned, hosts: ChangedHosts): RolloutChange[] {
  const resource = resourceKind(step);
  if (resource.kind === "gates" && step.op === "update") return [gates];
  if (resource.kind !== "rollout" || step.op === "same" || step.op === "delete") return [];
  // A new host's place may be known only after up; who takes part is in the plan.
  const group = plan.groups.find(({ name }) => name === resource.group);
  if (!group) return [];
  const before = documentOf(step)?.hosts.map(({ name: host }) => host);
  const joining = before ? group.hosts.filter((name) => !before.includes(name)) : [];
  const leaving = before ? before.filter((name) => !group.hosts.includes(name)) : [];
  const first = step.op === "create";
  const { hostTimeoutSeconds, name } = group;
  const seconds = first ? 0 : rolloutSeconds(group, hosts, plan.scale);
  const time = seconds > 0 ? { seconds, hostTimeoutSeconds } : {};
  return [{ group: name, order: orderInWords(group, first), joining, leaving, ...time }];
}

const gates: RolloutChange = {
  group: "all groups",
  order: "their gates are looked at first; one that cannot pass stops the whole change",
  joining: [],
  leaving: [],
};

/** As the state has it; undefined where there is none that can be read. */
function documentOf({ oldInputs }: Step): RolloutSpec | undefined {
  const document = (oldInputs?.environment as Record<string, unknown> | undefined)?.KILONODE_ROLLOUT;
  if (typeof document !== "string") return undefined;
  try {
    const read = JSON.parse(document) as RolloutSpec;
    return Array.isArray(read.hosts) ? read : undefined;
  } catch {
    return undefined;
  }
}

/** What components/rollout does with a group, by its strategy. */
function orderInWords({ hosts: { length: hosts }, strategy }: GroupPlan, first: boolean): string {
  switch (strategy.kind) {
    case "etcd":
      if (first) return `${count(hosts, "member")} started together (first creation)`;
      if (hosts === 1) return "its only member: while that restarts, the shard does not answer";
      return `${count(hosts, "member")}, one at a time, leader last; the whole shard is checked before and after each; shards go side by side`;
    case "masters":
      if (first) return `${count(hosts, "master")} started together (first creation)`;
      return `${count(hosts, "master")}, one at a time: out of the load balancer, changed, ready and back in before the next`;
    case "together":
      return `${count(hosts, "host")}, all at once`;
  }
}
