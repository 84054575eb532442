/**
 * Deletes at the end of a run: what the program did not register, and what was replaced. Each delete waits for those of the
 * resources that depend on it, and for nothing else. (The real engine goes layer by layer, `ScheduleDeletes`; the order
 * between resources that depend on each other is the same.)
 */

import { Bail, type Run } from "../run/run";
import { dependenciesOf, type ResourceState } from "../state/types";
import type { Executor } from "./executor";
import type { Generator } from "./generate";
import type { PlannedStep, Steps } from "./steps";

/** @param kept stay as they are */
export function planDeletes(
  generator: Generator,
  make: Steps,
  kept: ReadonlySet<ResourceState> = new Set(),
): PlannedStep[] {
  const { deletes, pendingDeletes, aliases, operated } = generator;
  const steps: PlannedStep[] = [];
  const isOperated = (urn: string): boolean => operated.has(aliases.renamed.get(urn) ?? urn);
  for (const old of generator.base) {
    if (kept.has(old)) continue;
    if (old.delete) {
      if (pendingDeletes.has(old)) continue;
      deletes.add(old.urn);
      steps.push(make.delete(old, true, false, deletes));
    } else if (!isOperated(old.urn)) {
      deletes.add(old.urn);
      steps.push(old.pendingReplacement ? make.removePendingReplace(old) : make.delete(old, false, false, deletes));
    }
  }
  return steps;
}

/** What is protected, and all that it needs: parents, dependencies, providers (`seperateProtected` in destroy.go). */
export function protectedOf(base: readonly ResourceState[]): Set<ResourceState> {
  const children = childrenOf(base);
  const components = new Set(base.filter(({ custom }) => !custom).map(({ urn }) => urn));
  const needed = new Set<string>();
  const kept = new Set<ResourceState>();
  // A state has what is needed before what needs it.
  for (let i = base.length - 1; i >= 0; i--) {
    const state = base[i] as ResourceState;
    if (!state.protect && !needed.has(state.urn)) continue;
    kept.add(state);
    if (state.parent) needed.add(state.parent);
    for (const urn of dependenciesOf(state)) {
      needed.add(urn);
      // Depending on a component is depending on what is in it.
      if (!components.has(urn)) continue;
      for (const child of children.get(urn) ?? []) if (child < i) needed.add((base[child] as ResourceState).urn);
    }
  }
  return kept;
}

export async function runDeletes(
  run: Run,
  executor: Executor,
  base: readonly ResourceState[],
  steps: readonly PlannedStep[],
): Promise<void> {
  const byState = new Map(steps.map((step) => [step.old as ResourceState, step]));
  const dependents = dependentsOf(base, byState);
  const running = new Map<PlannedStep, Promise<boolean>>();
  const start = (step: PlannedStep): Promise<boolean> => {
    const known = running.get(step);
    if (known !== undefined) return known;
    const promise = (async () => {
      const before = await Promise.all((dependents.get(step) ?? []).map(start));
      // What something undeleted depends on stays (`erroredDeps` in deployment_executor.go).
      if (before.includes(false) || !run.going) return false;
      try {
        await executor.chain([step]);
        return true;
      } catch (error) {
        if (error instanceof Bail) return false;
        throw error;
      }
    })();
    running.set(step, promise);
    return promise;
  };
  await Promise.all([...steps].reverse().map(start));
}

/** For each delete, those that must be done before it: of children, of dependents, of resources of a provider. */
function dependentsOf(
  base: readonly ResourceState[],
  steps: ReadonlyMap<ResourceState, PlannedStep>,
): Map<PlannedStep, PlannedStep[]> {
  const result = new Map<PlannedStep, PlannedStep[]>();
  const indexes = new Map<string, number[]>();
  base.forEach(({ urn }, i) => {
    indexes.set(urn, [...(indexes.get(urn) ?? []), i]);
  });
  const children = childrenOf(base);
  base.forEach((state, i) => {
    const step = steps.get(state);
    if (step === undefined) return;
    const before = new Set<number>();
    const add = (index: number): void => {
      if (index < i) before.add(index);
    };
    for (const urn of dependenciesOf(state)) {
      for (const index of indexes.get(urn) ?? []) {
        add(index);
        // Depending on a component is depending on what is in it.
        if (base[index]?.custom === false) for (const child of children.get(urn) ?? []) add(child);
      }
    }
    for (const index of indexes.get(state.parent ?? "") ?? []) add(index);
    for (const index of before) {
      const dependency = steps.get(base[index] as ResourceState);
      if (dependency !== undefined) result.set(dependency, [...(result.get(dependency) ?? []), step]);
    }
  });
  return result;
}

/** Indexes of all descendants, by URN. */
function childrenOf(base: readonly ResourceState[]): Map<string, number[]> {
  const parents = new Map(base.map(({ urn, parent }) => [urn, parent]));
  const result = new Map<string, number[]>();
  base.forEach(({ parent }, i) => {
    for (let up = parent; up; up = parents.get(up)) result.set(up, [...(result.get(up) ?? []), i]);
  });
  return result;
}
