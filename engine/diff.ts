/** The engine's reading of a provider's diff (step_generator.go, `applyReplaceOnChanges`). */
import { contains, parsePath } from "./paths";
import type { DiffResult } from "./provider";
import { head } from "./providers/values";

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
export function replacement(reason: string): Difference {
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
