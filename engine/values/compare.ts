/** Equality and differences of property values, as Pulumi sees them. */
import { isObject, isSpecial, type Value, type Values } from "./value";

export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

/** Pulumi takes a property that is null for one that is not there. */
function present(value: Value | undefined): value is Value {
  return value !== undefined && value !== null;
}

/** Equal as Pulumi sees it: absent and null properties are the same, assets are the same when their hashes are. */
export function same(a: Value | undefined, b: Value | undefined): boolean {
  if (!present(a) || !present(b)) return present(a) === present(b);
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  if (isSpecial(a) && isSpecial(b) && present(a.hash) && present(b.hash)) return a.hash === b.hash;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => same(a[key], b[key]));
}

/** A property path as Pulumi prints it: `environment.A`, `triggers[0]`, `labels["a.b/c"]`. */
function join(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (key === "" || /[.[\]"]/.test(key)) return `${path}["${key.replaceAll('"', '\\"')}"]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The first component of a property path. */
export function head(path: string): string {
  return /^\["((?:[^"\\]|\\.)*)"\]/.exec(path)?.[1] ?? path.split(/[.[]/, 1)[0] ?? path;
}

/**
 * What changed, by property path. Objects and lists are followed to the values that differ, as `NewDetailedDiffFromObjectDiff`
 * of the Pulumi SDK does; assets, values of another shape and the paths in `leaves` are one change each.
 */
export function changedPaths(old: Values, now: Values, leaves: readonly string[] = []): Map<string, DiffKind> {
  const found = new Map<string, DiffKind>();
  const visit = (path: string, before: Value | undefined, after: Value | undefined): void => {
    if (!present(before)) {
      if (present(after)) found.set(path, "add");
    } else if (!present(after)) {
      found.set(path, "delete");
    } else if (!same(before, after)) {
      if (leaves.includes(path) || isSpecial(before) || isSpecial(after)) found.set(path, "update");
      else if (Array.isArray(before) && Array.isArray(after)) {
        for (let i = 0; i < Math.max(before.length, after.length); i++) visit(join(path, i), before[i], after[i]);
      } else if (isObject(before) && isObject(after)) object(path, before, after);
      else found.set(path, "update");
    }
  };
  const object = (path: string, before: Values, after: Values): void => {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      visit(join(path, key), before[key], after[key]);
    }
  };
  object("", old, now);
  return found;
}
