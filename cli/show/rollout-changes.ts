/** Rollouts in a preview: which hosts, in which order, who joins and who leaves. */
import type { ClusterPlan } from "../../components/plan-types";
import { gatesName, type RolloutSpec } from "../../components/rollout/spec";
import type { Step } from "../../engine";
import { count } from "./terminal";

export interface RolloutChange {
  readonly group: string;
  /** One sentence. */
  readonly order: string;
  readonly joining: readonly string[];
  readonly leaving: readonly string[];
}

export function rolloutGroup(step: Pick<Step, "type" | "name">): string | undefined {
  return step.type === "command:local:Command" ? /^(.*)-rollout$/.exec(step.name)?.[1] : undefined;
}

export const isGates = (step: Pick<Step, "type" | "name">): boolean =>
  step.type === "command:local:Command" && step.name === gatesName;

/** A rollout, or the look at all gates before them. */
export const isRollout = (step: Pick<Step, "type" | "name">): boolean =>
  isGates(step) || rolloutGroup(step) !== undefined;

export function rolloutChanges(steps: readonly Step[], plan: Pick<ClusterPlan, "hosts">): RolloutChange[] {
  const place = (change: RolloutChange) => plan.hosts.findIndex((host) => host.group === change.group);
  return steps.flatMap((step) => rolloutChange(step, plan)).sort((a, b) => place(a) - place(b));
}

function rolloutChange(step: Step, plan: Pick<ClusterPlan, "hosts">): RolloutChange[] {
  if (isGates(step) && step.op === "update") return [gates];
  const group = rolloutGroup(step);
  if (group === undefined || step.op === "same" || step.op === "delete") return [];
  // The new text holds digests that are known only after up; who takes part is in the plan.
  const now = plan.hosts.filter((host) => host.group === group).map(({ name }) => name);
  const before = hostNames(step.oldInputs?.stdin);
  const joining = before ? now.filter((name) => !before.includes(name)) : [];
  const leaving = before ? before.filter((name) => !now.includes(name)) : [];
  return [{ group, order: orderInWords(group, now.length, before === undefined), joining, leaving }];
}

const gates: RolloutChange = {
  group: "all groups",
  order: "their gates are looked at first; one that cannot pass stops the whole change",
  joining: [],
  leaving: [],
};

function hostNames(stdin: unknown): string[] | undefined {
  if (typeof stdin !== "string") return undefined;
  try {
    return (JSON.parse(stdin) as RolloutSpec).hosts.map(({ name }) => name);
  } catch {
    return undefined;
  }
}

/** What components/rollout does, by the kind of group. */
function orderInWords(group: string, hosts: number, first: boolean): string {
  if (group.startsWith("etcd-")) {
    if (first) return `${count(hosts, "member")} started together (first creation)`;
    if (hosts === 1) return "its only member: while that restarts, the shard does not answer";
    return `${count(hosts, "member")}, one at a time, leader last; the whole shard is checked before and after each; shards go side by side`;
  }
  if (group === "masters") {
    if (first) return `${count(hosts, "master")} started together (first creation)`;
    return `${count(hosts, "master")}, one at a time: out of the load balancer, changed, ready and back in before the next`;
  }
  return `${count(hosts, "host")}, all at once`;
}
