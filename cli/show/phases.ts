/** The phases of a run, told from the types and names of resources. */

import type { ClusterPlan } from "../../components/plan/types";
import { resourceKind, resourceNames } from "../../components/resources";
import type { Op, Step } from "../../engine";

export interface PhaseReport {
  readonly name: string;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly resources: number;
  readonly failed: number;
}

interface Phase {
  readonly name: string;
  startedMs: number;
  endedMs: number;
  readonly running: Set<string>;
  readonly done: Set<string>;
  readonly ops: Map<Op, number>;
  failed: number;
  /** Names that make the phase complete; empty when that is not known before the end. */
  readonly expected: ReadonlySet<string>;
  missing: number;
}

export const preparation = "preparation";
const gates = "gates of all groups";
const order = [preparation, "hosts", "keys and certificates", "content", gates];

const rolloutPhase = (group: string) => `rollout ${group}`;

export function phaseOf(step: Pick<Step, "type" | "name">): string {
  const resource = resourceKind(step);
  switch (resource.kind) {
    case "object":
      return "objects";
    case "gates":
      return gates;
    case "rollout":
      return rolloutPhase(resource.group);

    case "commitments":
    case "network":
    case "turn":
    case "host":
    case "membership":
      return "hosts";
    case "content":
      return resource.part === "programs" || resource.part === "keys" ? "keys and certificates" : "content";
    case "authority":
    case "certificate":
    case "key":
    case "random":
      return "keys and certificates";
    case "other":
      return "infrastructure";
  }
}

/** Names of the resources without which a phase is not over. */
function expectedNames(phase: string, plan: ClusterPlan): string[] {
  switch (phase) {
    case "hosts":
      return plan.hosts.map(({ name }) => name);
    case "keys and certificates":
      return plan.hosts.flatMap(({ name, certificates }) =>
        certificates.map((certificate) => resourceNames.certificate(name, certificate.name)),
      );
    case "content":
      return plan.hosts.map(({ name }) => resourceNames.content(name, "machine"));
    case "objects":
      return plan.objects.map(({ kind, metadata }) => resourceNames.object(kind, metadata.name));
    case gates:
      return [resourceNames.gates];
    default:
      return plan.groups
        .filter(({ name }) => rolloutPhase(name) === phase)
        .map(({ name }) => resourceNames.rollout(name));
  }
}

export class Phases {
  readonly #phases = new Map<string, Phase>();

  /** @param plan absent when resources are deleted: then only the end tells that a phase is over */
  constructor(private readonly plan: ClusterPlan | undefined) {
    this.#phase(preparation, 0);
  }

  /** Counts a step that begins. */
  begin(step: Step): void {
    if (!counts(step)) return;
    const first = this.#phases.get(preparation);
    if (first && first.endedMs === 0) first.endedMs = step.startedAt;
    this.#phase(phaseOf(step), step.startedAt).running.add(step.name);
  }

  /** @returns the phase when this step completed it */
  end(step: Step): string | undefined {
    if (!counts(step)) return undefined;
    const phase = this.#phase(phaseOf(step), step.startedAt);
    phase.running.delete(step.name);
    phase.endedMs = Math.max(phase.endedMs, step.startedAt + step.durationMs);
    if (step.status === "failed") phase.failed++;
    if (step.status !== "done" || phase.done.has(step.name)) return undefined;
    phase.done.add(step.name);
    phase.ops.set(step.op, (phase.ops.get(step.op) ?? 0) + 1);
    if (!phase.expected.has(step.name)) return undefined;
    phase.missing--;
    return phase.missing === 0 ? phase.name : undefined;
  }

  /** "hosts 12/30" for each phase that is under way. */
  running(): string[] {
    return [...this.#phases.values()]
      .filter(({ running }) => running.size > 0)
      .map(({ name, done, expected, missing }) => {
        if (expected.size === 1) return name;
        return expected.size > 0 ? `${name} ${expected.size - missing}/${expected.size}` : `${name} ${done.size}`;
      });
  }

  /** How many of what was done in a phase, for its closing line. */
  ops(name: string): ReadonlyMap<Op, number> {
    return this.#phases.get(name)?.ops ?? new Map();
  }

  /** Phases in the order of a creation; a run that ended without a step was all preparation. */
  reports(runMs: number): PhaseReport[] {
    const rank = ({ name }: Phase) => (order.includes(name) ? order.indexOf(name) : order.length);
    return [...this.#phases.values()]
      .sort((a, b) => rank(a) - rank(b) || a.startedMs - b.startedMs)
      .map(({ name, startedMs, endedMs, done, failed }) => ({
        name,
        startedMs,
        durationMs: (endedMs || runMs) - startedMs,
        resources: done.size,
        failed,
      }));
  }

  #phase(name: string, at: number): Phase {
    const known = this.#phases.get(name);
    if (known) {
      known.startedMs = Math.min(known.startedMs, at);
      return known;
    }
    const expected = new Set(this.plan ? expectedNames(name, this.plan) : []);
    const phase: Phase = {
      name,
      startedMs: at,
      endedMs: 0,
      running: new Set(),
      done: new Set(),
      ops: new Map(),
      failed: 0,
      expected,
      missing: expected.size,
    };
    this.#phases.set(name, phase);
    return phase;
  }
}

/** Components and providers do nothing by themselves. */
export function counts(step: Pick<Step, "custom" | "type">): boolean {
  return step.custom && !step.type.startsWith("pulumi:");
}
