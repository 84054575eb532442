/** The engine's reading of a provider's diff (step_generator.go, `applyReplaceOnChanges`). */

import type { DiffResult } from "../provider/provider";
import type { Goal } from "../state/goal";
import type { ResourceState } from "../state/types";
import { head, same } from "../values/compare";
import { contains, parsePath } from "../values/paths";
import { plain } from "../values/secrets";
import { hasUnknown } from "../values/value";

type DetailedDiff = NonNullable<DiffResult["detailedDiff"]>;

export interface Difference {
  readonly changes: boolean;
  readonly replace: boolean;
  readonly keys: readonly string[];
  readonly diffs: readonly string[];
  readonly detailedDiff: DetailedDiff | undefined;
  readonly deleteBeforeReplace: boolean;
}

export const NO_DIFFERENCE: Difference = {
  changes: false,
  replace: false,
  keys: [],
  diffs: [],
  detailedDiff: undefined,
  deleteBeforeReplace: false,
};

/** A replacement that something other than the provider asks for; `reason` stands among the keys. */
function replacement(reason: string): Difference {
  return { ...NO_DIFFERENCE, changes: true, replace: true, keys: [reason] };
}

/** The provider's answer with the `replaceOnChanges` of the resource applied to it. */
export function differenceOf(result: DiffResult, replaceOnChanges: readonly string[]): Difference {
  if (!result.changes) return NO_DIFFERENCE;
  const paths = replaceOnChanges.map(parsePath);
  const forces = (path: string): boolean => paths.some((outer) => contains(outer, parsePath(path)));
  const detailedDiff =
    result.detailedDiff &&
    Object.fromEntries(
      Object.entries(result.detailedDiff).map(([path, kind]) => [
        path,
        forces(path) && !kind.endsWith("-replace") ? (`${kind}-replace` as DetailedDiff[string]) : kind,
      ]),
    );
  const diffs = [...new Set(Object.keys(result.detailedDiff ?? {}).map(head))];
  const keys = [...new Set([...(result.replaces ?? []), ...diffs.filter(forces)])];
  return {
    changes: true,
    replace: keys.length > 0 || Object.values(detailedDiff ?? {}).some((kind) => kind.endsWith("-replace")),
    keys,
    diffs,
    detailedDiff,
    deleteBeforeReplace: result.deleteBeforeReplace ?? false,
  };
}

/** A replacement for which the provider need not be asked (`diff` in step_generator.go). */
export function askedFor(
  goal: Goal,
  old: ResourceState,
  now: ResourceState,
  replaces: ReadonlySet<string>,
): Difference | undefined {
  if (triggered(old, now)) return { ...replacement("replacementTrigger"), keys: [] };
  if (goal.replaceWith.some((urn) => replaces.has(urn))) return replacement("replaceWith");
  if (goal.deletedWith !== "" && replaces.has(goal.deletedWith)) return replacement("deletedWith");
  // From a component to a resource or back; another provider of the same package alone is no reason.
  if (!old.provider !== !now.provider) return replacement("provider");
  return undefined;
}

/** Nothing on either side is no trigger; an unknown one is taken for changed (`shouldTriggerReplace`). */
function triggered(old: ResourceState, now: ResourceState): boolean {
  const before = plain(old.replacementTrigger ?? null);
  const after = plain(now.replacementTrigger ?? null);
  if (hasUnknown(before) || hasUnknown(after)) return true;
  return before !== null && after !== null && !same(before, after);
}
