/** Priority and fairness: the levels and schemas of the model, and the seats that the servers give them. */
import type { ObjectPlan } from "../../../components/plan/types";
import type { FlowObject } from "../ask-api";
import { type Evidence, need, servers } from "../evidence";
import { select } from "../metrics";
import type { Check } from "../types";
import { bounded, byWhat } from "./judging";

const docs = "https://kubernetes.io/docs/concepts/cluster-administration/flow-control/";

/** True where everything that is wanted is there; what the server adds by itself does not matter. */
export function holds(have: unknown, want: unknown): boolean {
  if (Array.isArray(want))
    return Array.isArray(have) && have.length === want.length && want.every((item, at) => holds(have[at], item));
  if (typeof want === "object" && want !== null) {
    if (typeof have !== "object" || have === null) return false;
    return Object.entries(want).every(([key, value]) => holds((have as Record<string, unknown>)[key], value));
  }
  return have === want;
}

const planned = ({ plan }: Evidence): ObjectPlan[] =>
  plan.objects.filter(({ apiVersion }) => apiVersion.startsWith("flowcontrol.apiserver.k8s.io/"));

const levels: Check = {
  id: "priority-levels",
  group: "API server",
  title: "priority levels and flow schemas of the model are in force",
  wanted: (evidence) =>
    planned(evidence)
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .join(", "),
  why: "they keep bulk lists out of the seats of heartbeats, leader election and controllers",
  source: docs,
  // up compares with its state, not with the API: an object that somebody changed there stays changed.
  remedy:
    'kilonode plan STACK --json | jq \'{apiVersion: "v1", kind: "List", items: .objects}\' | kilonode kubectl STACK apply --server-side --force-conflicts -f -',
  ledger: ["A1", "A9"],
  judge: (evidence) => {
    const have: Readonly<Record<string, readonly FlowObject[]>> = {
      FlowSchema: need(evidence.api.flowSchemas),
      PriorityLevelConfiguration: need(evidence.api.priorityLevels),
    };
    const wrong = planned(evidence).flatMap(({ kind, metadata: { name }, spec }) => {
      const object = have[kind]?.find(({ metadata }) => metadata.name === name);
      if (!object) return [`${kind} ${name} is missing`];
      return holds(object.spec, spec) ? [] : [`${kind} ${name} was changed`];
    });
    const dangling = (have.FlowSchema ?? [])
      .filter(({ status }) => status?.conditions?.some(({ type, status: on }) => type === "Dangling" && on === "True"))
      .map(({ metadata }) => `FlowSchema ${metadata.name} points to a level that does not exist`);
    const all = [...wrong, ...dangling];
    if (all.length > 0) return { status: "failed", found: "not as planned", details: bounded(all) };
    const found = `${planned(evidence).length} objects as planned, among ${have.FlowSchema?.length} schemas and ${have.PriorityLevelConfiguration?.length} levels`;
    return { status: "ok", found };
  },
};

const seats: Check = {
  id: "seats",
  group: "API server",
  title: "every level has the seats that the model counts on",
  wanted: ({ plan: { scale } }) =>
    Object.entries(scale.apiserver.levels)
      .map(([name, level]) => `${name} ${level.seats}`)
      .join(", "),
  why: "seats are divided by shares: a level that somebody adds takes from all others",
  source: `${docs}; metric apiserver_flowcontrol_nominal_limit_seats`,
  remedy: "remove the levels that are not the plan's, or raise workload so that the model gives more",
  ledger: ["A1"],
  judge: (evidence) => {
    const model = evidence.plan.scale.apiserver.levels;
    const starved: [string, string][] = [];
    const differing: [string, string][] = [];
    for (const { name: server, samples } of servers(evidence)) {
      const got = new Map(
        select(samples, "apiserver_flowcontrol_nominal_limit_seats").map(({ labels, value }) => [
          labels.priority_level,
          value,
        ]),
      );
      for (const [name, level] of Object.entries(model)) {
        const value = got.get(name);
        // Made only for clients that the workload names.
        if (
          value === undefined &&
          !planned(evidence).some(({ metadata }) => metadata.name === name) &&
          name.startsWith("kilonode")
        )
          continue;
        if (value === undefined || value < level.neededSeats)
          starved.push([server, `${name} has ${value ?? "no"} seats and needs ${level.neededSeats}`]);
        else if (Math.abs(value - level.seats) > Math.max(1, level.seats * 0.05))
          differing.push([server, `${name} has ${value} seats, the model says ${level.seats}`]);
      }
    }
    const details = bounded(byWhat([...starved, ...differing]));
    if (starved.length > 0) return { status: "failed", found: "a level has fewer seats than it needs", details };
    if (differing.length > 0) return { status: "warning", found: "seats differ from the model", details };
    const total = evidence.plan.scale.apiserver.totalConcurrency;
    return { status: "ok", found: `${total} seats a server, divided as the model does (within 5 % or one seat)` };
  },
};

export const flow: readonly Check[] = [levels, seats];
