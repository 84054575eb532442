/** What a recording client has done, one operation a line, as bench/linearizability reads it; and what of it went wrong, and when. */

export type Kind = "get" | "list" | "create" | "put" | "update" | "delete";

/** `refused`: its precondition did not hold. `failed`: it did not happen. `unknown`: it may have happened, or may still. */
export type Result = "ok" | "refused" | "failed" | "unknown";

export interface Seen {
  readonly value: string;
  readonly version: number;
}

export interface Operation {
  readonly worker: number;
  readonly kind: Kind;
  /** Absent for a list. */
  readonly key?: string;
  /** Microseconds since the recorder began. */
  readonly call: number;
  readonly return: number;
  readonly result: Result;
  /** Why it is not ok. */
  readonly error?: string;
  /** It changes this version of the object and no other. */
  readonly ifVersion?: number;
  /** What a write writes; what a get has seen, absent where there is no object. */
  readonly value?: string;
  readonly version?: number;
  /** Of a list: keys with this beginning, and the revision of the store that it shows. */
  readonly prefix?: string;
  readonly items?: Readonly<Record<string, Seen>>;
  readonly revision?: number;
}

/** As bench/linearizability reads it. */
export const asLines = (operations: readonly Operation[]) =>
  operations.map((one) => `${JSON.stringify(one)}\n`).join("");

/** A request that took longer has kept somebody waiting, whatever came of it. */
const SLOW_MICROSECONDS = 5_000_000;

export const wentWrong = ({ result }: Operation) => result === "failed" || result === "unknown";
export const isWrite = ({ kind }: Operation) => kind !== "get" && kind !== "list";

export interface Stretch {
  readonly operations: number;
  /** Requests that did not happen, and those of which nobody knows. */
  readonly failed: number;
  readonly unknown: number;
  /** What was said of them, and of how many. */
  readonly errors: Readonly<Record<string, number>>;
  /** Seconds from its beginning until nothing went wrong any more and requests succeeded; undefined: not within it. */
  readonly quietAfterSeconds: number | undefined;
  /** The longest time without an acknowledged write. */
  readonly longestPauseSeconds: number;
}

/** Looks at what was called between two times of the recorder's clock, in microseconds. */
export function stretch(operations: readonly Operation[], from: number, to: number): Stretch {
  const during = operations.filter(({ call }) => call >= from && call < to);
  const results = (wanted: Result) => during.filter(({ result }) => result === wanted).length;
  const bad = during.filter((one) => wentWrong(one) || one.return - one.call > SLOW_MICROSECONDS);
  const last = bad.reduce((latest, one) => Math.max(latest, one.return), from);
  const goesOn = during.some((one) => !wentWrong(one) && one.call >= last && one.return <= to);
  return {
    operations: during.length,
    failed: results("failed"),
    unknown: results("unknown"),
    errors: errorsOf(during.filter(wentWrong)),
    quietAfterSeconds: goesOn ? (last - from) / 1e6 : undefined,
    longestPauseSeconds: longestPause(operations, from, to) / 1e6,
  };
}

/** In the server's words, where it has some: they are in JSON, and cut short. */
function errorsOf(operations: readonly Operation[]): Record<string, number> {
  const errors: Record<string, number> = {};
  for (const { error = "" } of operations) {
    const text = /^HTTP \d+/.exec(error)?.[0].concat(": ", /"message":"([^"\\]*)/.exec(error)?.[1] ?? "") ?? error;
    errors[text] = (errors[text] ?? 0) + 1;
  }
  return errors;
}

function longestPause(operations: readonly Operation[], from: number, to: number): number {
  const acknowledged = operations
    .filter((one) => isWrite(one) && one.result === "ok" && one.return >= from && one.return < to)
    .map((one) => one.return)
    .sort((a, b) => a - b);
  const end = Math.min(
    to,
    operations.reduce((latest, one) => Math.max(latest, one.return), 0),
  );
  const times = [from, ...acknowledged, end];
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] as number)));
}

/** Names of the objects that were made, acknowledged, never touched again, and are not in the last list of everything, if that came. */
export function lostWrites(operations: readonly Operation[]): readonly string[] | undefined {
  const last = operations.findLast(({ kind, prefix, result }) => kind === "list" && prefix === "" && result === "ok");
  if (!last) return undefined;
  const made = operations.filter(({ key, kind, result }) => kind === "create" && result === "ok" && isOnce(key));
  return made.flatMap(({ key = "" }) => (last.items?.[key] ? [] : [key]));
}

/** Keys that are written once, and keys that many workers change. */
export const once = "o";
export const shared = "s";
const isOnce = (key: string | undefined) => key?.startsWith(once) === true;
