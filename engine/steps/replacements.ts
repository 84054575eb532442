/**
 * Which dependents must be deleted with a resource that is deleted before its replacement: those that a change of what they
 * take from it would replace (step_generator.go, `calculateDependentReplacements`). Asked by diffs against unknown inputs.
 */

import type { DiffResult } from "../provider/provider";
import { isProviderType } from "../provider/registry";
import { dependenciesOf, type ResourceState } from "../state/types";
import { UNKNOWN, type Values } from "../values/value";
import { differenceOf } from "./diff";

export interface Condemned {
  readonly state: ResourceState;
  readonly keys: readonly string[];
}

interface Surroundings {
  readonly base: readonly ResourceState[];
  readonly news: ReadonlyMap<string, ResourceState>;
  /** Resources that were dealt with: they cannot depend on one that is only now. */
  readonly done: ReadonlySet<string>;
  readonly diff: (state: ResourceState, inputs: Values) => Promise<DiffResult | undefined>;
}

/** In dependency order. */
export async function findDependentReplacements(root: ResourceState, around: Surroundings): Promise<Condemned[]> {
  const result: Condemned[] = [];
  const dependents = new Set([root.urn]);
  const replaced = new Set([root.urn]);
  for (const state of around.base.slice(around.base.indexOf(root) + 1)) {
    if (around.done.has(state.urn) || ![...dependenciesOf(state)].some((urn) => dependents.has(urn))) continue;
    dependents.add(state.urn);
    const keys = await replacedKeys(state, replaced, around);
    if (keys === undefined) continue;
    replaced.add(state.urn);
    result.push({ state, keys });
  }
  return [...result, ...cascades(root.urn, around, new Set(result.map(({ state }) => state.urn)))];
}

async function replacedKeys(
  state: ResourceState,
  replaced: ReadonlySet<string>,
  { diff }: Surroundings,
): Promise<readonly string[] | undefined> {
  if (!state.custom || state.external || isProviderType(state.type)) return undefined;
  const inputs: Values = { ...state.inputs };
  let touched = false;
  for (const key of Object.keys(inputs)) {
    if (!state.propertyDependencies?.[key]?.some((urn) => replaced.has(urn))) continue;
    inputs[key] = UNKNOWN;
    touched = true;
  }
  const answer = touched ? await diff(state, inputs) : undefined;
  const difference = answer && differenceOf(answer, state.replaceOnChanges ?? []);
  return difference?.replace ? difference.keys : undefined;
}

/** Resources that are to be replaced or deleted with this one by their options (`findDependentCascadeReplacements`). */
function cascades(urn: string, { base, news, done }: Surroundings, seen: Set<string>): Condemned[] {
  const result: Condemned[] = [];
  for (const state of base) {
    if (state.delete || done.has(state.urn) || seen.has(state.urn) || news.has(state.urn)) continue;
    if (state.deletedWith !== urn && !state.replaceWith?.includes(urn)) continue;
    seen.add(state.urn);
    result.push({ state, keys: [] });
  }
  return result;
}
