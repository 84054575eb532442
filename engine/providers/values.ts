/** Helpers on the plain values that the engine and its providers exchange. */
import { setMaxListeners } from "node:events";
import { type DiffResult, UNKNOWN, type Value, type Values } from "../provider";

export type DiffKind = NonNullable<DiffResult["detailedDiff"]>[string];

/** The key that marks assets, archives and other special objects, which are never looked into. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

export function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSpecial(value: unknown): boolean {
  return isObject(value) && SIGNATURE in value;
}

/** Pulumi takes a property that is null for one that is not there. */
function present(value: Value | undefined): value is Value {
  return value !== undefined && value !== null;
}

/** True when the value, or anything in it, will only be known when the change is made. */
export function hasUnknown(value: Value | undefined): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
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

/** The engine's answer from a set of changed paths; `forcesReplace` is asked for each path. */
export function diffOf(changed: Map<string, DiffKind>, forcesReplace: (path: string) => boolean): DiffResult {
  if (changed.size === 0) return { changes: false };
  const detailedDiff: Record<string, DiffKind> = {};
  const replaces = new Set<string>();
  for (const [path, kind] of changed) {
    const replace = forcesReplace(path);
    if (replace) replaces.add(head(path));
    detailedDiff[path] = replace ? (`${kind.replace("-replace", "")}-replace` as DiffKind) : kind;
  }
  return { changes: true, detailedDiff, ...(replaces.size > 0 ? { replaces: [...replaces] } : {}) };
}

/** Text in double quotes as Go's `%q` prints it, which is what the real providers' messages hold. */
export function goQuote(text: string): string {
  const short: Record<string, string> = {
    "\x07": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
  };
  // Go leaves printable characters as they are: letters, marks, numbers, punctuation, symbols and the plain space.
  const quoted = text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu, (c) => {
    const code = c.codePointAt(0) ?? 0;
    const hex = (width: number) => code.toString(16).padStart(width, "0");
    return short[c] ?? (code < 0x80 ? `\\x${hex(2)}` : code > 0xffff ? `\\U${hex(8)}` : `\\u${hex(4)}`);
  });
  return `"${quoted}"`;
}

/** The refusal for a type or function outside the part of a package that rehearsals need. */
export function unsupported(what: string, token: string, supported: readonly string[]): Error {
  return new Error(`${what} ${token} is not supported in a rehearsal; supported: ${supported.join(", ")}`);
}

/** All resources share one signal, so that many listeners on it are no leak; without this Node prints a warning. */
export function expectListeners(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
