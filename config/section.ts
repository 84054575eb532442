/** One part of the configuration, read as far as it is right. */
import type { z } from "zod";
import { isOneLine } from "./one-line";
import { isWithin, type Path, type Problem } from "./rules";

export interface Section {
  /** What is left without what is wrong; undefined where nothing is left and there is no default. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Places where something else stands than what the user wrote. */
  readonly wrong: readonly Path[];
}

export const unknownKey = "unknown key; see docs/configuration.md for the keys there are";

/**
 * Takes out what is wrong, place by place, until the rest can be read. A scalar of another type than the schema's that reads as one of
 * that type is none of it: `pulumi config set` writes "3" and "true" for knobs, and with --path 3 and true for texts.
 */
export function readSection(schema: z.ZodType, raw: unknown, key: string): Section {
  // A box around the value, so that the value itself can be taken out as well.
  const box = structuredClone({ [key]: raw });
  const unusable = unusableIn(box, []).map(({ path, problem }) => ({ problem, place: placeOf(box, path) }));
  for (const { place } of unusable) place.takeOut();
  const problems = unusable.map(({ problem }) => problem);
  const wrong: Path[] = unusable.map(({ place }) => place.path);
  let isFirst = true;
  for (;;) {
    const parsed = schema.safeParse(box[key], { reportInput: true });
    if (parsed.success) return { value: parsed.data, problems, wrong };
    const issues = parsed.error.issues.flatMap(meant).map((issue): Issue => ({ ...issue, path: [key, ...issue.path] }));
    const readable = issues.filter((issue) => readAs(issue) !== undefined);
    if (readable.length > 0) {
      for (const issue of readable) put(box, issue.path.map(String), readAs(issue));
      continue;
    }
    // Afterwards something may be wrong with a default that stands in for the user's value, which is none of his errors.
    const own = issues.filter(({ path }) => isFirst && !wrong.some((place) => isWithin(path.map(String), place)));
    problems.push(...own.flatMap(describe));
    isFirst = false;
    // Found before any is taken out, or the second would look for a place that is gone with the first.
    const unknown = issues.flatMap((issue) => unknownIn(issue).map((path) => placeOf(box, path)));
    const places = issues.filter((issue) => unknownIn(issue).length === 0).map(({ path }) => placeOf(box, path));
    for (const { takeOut } of [...unknown, ...places]) takeOut();
    wrong.push(...places.map(({ path }) => path));
    if (places.some(({ isRoot }) => isRoot)) return { value: undefined, problems, wrong };
  }
}

type Issue = z.core.$ZodIssue;

/** Of a value that can be of several kinds: what is wrong with it as the kind that it is; the issue itself where it is none. */
function meant(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const isWithin = ({ code, path }: Issue) => path.length > 0 || code === "unrecognized_keys";
  const kind = issue.errors.find((issues) => issues.length > 0 && issues.every(isWithin));
  return kind?.flatMap(meant).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })) ?? [issue];
}

/** The value in the type that the schema wants; undefined when it does not read as one. */
function readAs(issue: Issue): unknown {
  if (issue.code !== "invalid_type") return undefined;
  const { expected, input } = issue;
  // A fraction that became a number may have been written with more digits.
  if (expected === "string" && (typeof input === "boolean" || Number.isSafeInteger(input))) return String(input);
  if (typeof input !== "string") return undefined;
  if (expected === "boolean" && /^(true|false)$/.test(input)) return input === "true";
  if (expected === "number" && /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(input)) return Number(input);
  return undefined;
}

/** Paths of the keys that the schema does not know. */
const unknownIn = (issue: Issue): PropertyKey[][] =>
  issue.code === "unrecognized_keys" ? issue.keys.map((name) => [...issue.path, name]) : [];
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `holder` is a map or a list, and holds what the path names. */
function put(holder: object, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) Reflect.set(holder, name, value);
  else put(Reflect.get(holder, name) as object, rest, value);
}

interface FoundPlace {
  readonly path: Path;
  /** True: not even the section is there, and yet something is wrong: it must be given and is not. */
  readonly isRoot: boolean;
  readonly takeOut: () => void;
}

/** The value at the path; for a key that is missing what should hold it, for an item of a list the list. */
function placeOf(box: Record<string, unknown>, wanted: readonly PropertyKey[]): FoundPlace {
  const path = wanted.map(String);
  let node: unknown = box;
  let takeOut = () => {};
  let depth = 0;
  for (const name of path) {
    if (!isRecord(node) || !Object.hasOwn(node, name)) break;
    const holder = node;
    takeOut = () => {
      delete holder[name];
    };
    node = holder[name];
    depth++;
  }
  return { path: path.slice(0, Math.max(1, depth)), isRoot: depth === 0, takeOut };
}

interface Unusable {
  /** Of what has to be taken out. */
  readonly path: Path;
  readonly problem: Problem;
}

/** What no schema has to say of each of its texts and names. */
function unusableIn(value: unknown, path: Path): Unusable[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => unusableIn(item, [...path, index]));
  if (isRecord(value)) return Object.entries(value).flatMap(([name, item]) => unusableEntry(name, item, path));
  if (typeof value !== "string" || isOneLine(value)) return [];
  return [{ path, problem: { path, message: severalLines(value) } }];
}

function unusableEntry(name: string, item: unknown, holder: Path): Unusable[] {
  const path = [...holder, name];
  if (!isOneLine(name)) return [{ path, problem: { path: holder, message: severalLines(name) } }];
  // No record can hold a key of this name, and zod passes over it without a word.
  if (name === "__proto__")
    return [{ path, problem: { path, message: "cannot be used as a name; choose another one" } }];
  return unusableIn(item, path);
}

const severalLines = (text: string) =>
  `wants one line without control characters: a host reads its files line by line (got ${JSON.stringify(text)})`;

function describe(issue: Issue): Problem[] {
  const unknown = unknownIn(issue);
  if (unknown.length > 0) return unknown.map((at) => ({ path: at.map(String), message: unknownKey }));
  const path = issue.path.map(String);
  const got = issue.input === undefined ? "" : ` (got ${JSON.stringify(issue.input)})`;
  if (issue.code === "invalid_value") {
    const allowed = issue.values.map((value) => JSON.stringify(value)).join(" or ");
    return [{ path, message: `allowed is ${allowed}${got}` }];
  }
  if (issue.code === "invalid_key") {
    return [{ path, message: `no usable name: ${issue.issues.map(({ message }) => message).join("; ")}` }];
  }
  // A rule of our own already says the value it got.
  return [{ path, message: `${issue.message}${issue.code === "custom" ? "" : got}` }];
}
