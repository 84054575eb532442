/**
 * What exists in the pretended account: a graph of things in a file of its own, which outlives the state of the stack, as AWS does.
 *
 * The file is a list of changes, one JSON line each, written and synced before the provider answers; a last line that was cut off
 * by a crash did not happen.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { EngineError } from "../../errors";
import type { Values } from "../../values/value";
import { textsAt } from "./inputs";

export interface Thing {
  readonly id: string;
  readonly type: string;
  /** Of the resource that made it. */
  readonly urn: string;
  readonly name: string;
  readonly region: string;
  readonly inputs: Values;
  readonly outputs: Values;
  /** Gone for programs, but still told about: an instance that was terminated, a key that is to be deleted. */
  readonly gone?: string;
}

export interface Reference {
  /** Where the input names another thing; lists are looked through: `subnetMappings.subnetId`. */
  readonly path: string;
  /** Types of what it may name. Names that no such thing can have are not looked up (`unless`). */
  readonly to: readonly string[];
  readonly unless?: RegExp;
  readonly code: string;
  readonly reason: (value: string) => string;
  /** What is named cannot be deleted while this thing exists. */
  readonly holds?: true;
  /** The real provider tries again when what is named is not there yet: other services learn of it late. */
  readonly retried?: true;
}

export interface Account {
  readonly quotas?: Readonly<Record<string, number>>;
  /** Instance types that a zone does not have. */
  readonly notOffered?: Readonly<Record<string, readonly string[]>>;
  readonly foreignBuckets?: readonly string[];
}

type Change =
  | { readonly put: Thing }
  | { readonly remove: { readonly type: string; readonly id: string } }
  /** How many operations there were, and how many ids. */
  | { readonly count: { readonly operations: number; readonly ids: number } }
  /** How often a planned fault has happened. */
  | { readonly fault: { readonly index: number; readonly times: number } };

const keyOf = (type: string, id: string): string => `${type}::${id}`;
/** Lines beyond which a file is written anew when it is opened. */
const COMPACT = 5_000;

export class Cloud {
  readonly #things = new Map<string, Thing>();
  readonly #faults = new Map<number, number>();
  #operations = 0;
  #ids = 0;
  /** Size of the file as this process knows it: another process may have written since. */
  #size = -1;
  #lines = 0;
  #reading = 0;

  constructor(
    readonly file: string,
    private readonly rows: Readonly<Record<string, { readonly references?: readonly Reference[] }>>,
    /** What the account may do. */
    private readonly account: Account = {},
  ) {}

  /** A service quota by its code; without a limit unless the plan of the rehearsal says so. */
  quota(code: string): number {
    return this.account.quotas?.[code] ?? Number.MAX_SAFE_INTEGER;
  }

  /** Whether a zone has instances of the type; it has unless the plan of the rehearsal says otherwise. */
  offers(instanceType: string, zone: string): boolean {
    return !this.account.notOffered?.[zone]?.includes(instanceType);
  }

  /** Names of buckets that others have. */
  get foreignBuckets(): readonly string[] {
    return this.account.foreignBuckets ?? [];
  }

  /** Reads what other processes did since. */
  refresh(): void {
    const size = existsSync(this.file) ? statSync(this.file).size : 0;
    if (size === this.#size) return;
    this.#things.clear();
    this.#faults.clear();
    this.#operations = this.#ids = this.#lines = 0;
    const text = size === 0 ? "" : readFileSync(this.file, "utf8");
    const end = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(0, end).split("\n").slice(0, -1)) this.#apply(this.#parse(line));
    this.#reading = Buffer.byteLength(text.slice(0, end));
    this.#size = size;
  }

  find(type: string, id: string): Thing | undefined {
    const found = this.#things.get(keyOf(type, id));
    return found?.gone === undefined ? found : undefined;
  }

  /** With what is gone: for those who ask what became of it. */
  remembered(type: string): Thing[] {
    return [...this.#things.values()].filter((thing) => thing.type === type);
  }

  all(type: string): Thing[] {
    return this.remembered(type).filter(({ gone }) => gone === undefined);
  }

  get everything(): Thing[] {
    return [...this.#things.values()].filter(({ gone }) => gone === undefined);
  }

  /** What an input names: by id, by ARN or by name. */
  named(types: readonly string[], value: string): Thing | undefined {
    for (const type of types) {
      const found =
        this.find(type, value) ?? this.all(type).find(({ outputs }) => outputs.arn === value || outputs.name === value);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Things that keep this one from being deleted. */
  holders(thing: Thing): Thing[] {
    return this.everything.filter((other) =>
      (this.rows[other.type]?.references ?? []).some(
        ({ path: at, to, holds }) =>
          holds &&
          to.includes(thing.type) &&
          textsAt(other.inputs, at).some((value) => this.named(to, value) === thing),
      ),
    );
  }

  put(thing: Thing): void {
    this.#write({ put: thing });
  }

  remove(thing: Thing): void {
    this.#write({ remove: { type: thing.type, id: thing.id } });
  }

  /** The number of an operation, counted from 1 over all runs. */
  nextOperation(): number {
    this.#write({ count: { operations: this.#operations + 1, ids: this.#ids } });
    return this.#operations;
  }

  get operations(): number {
    return this.#operations;
  }

  /** An id that was never given before, the same in every rehearsal that does the same. */
  newId(prefix: string): string {
    this.#write({ count: { operations: this.#operations, ids: this.#ids + 1 } });
    return `${prefix}-${hexOf(`${prefix} ${this.#ids}`, 17)}`;
  }

  /** Takes a planned fault, unless it has happened so often already; written down before it happens, since it may be a crash. */
  useFault(index: number, most: number): boolean {
    const times = this.#faults.get(index) ?? 0;
    if (times >= most) return false;
    this.#write({ fault: { index, times: times + 1 } });
    return true;
  }

  #apply(change: Change): void {
    this.#lines++;
    if ("put" in change) this.#things.set(keyOf(change.put.type, change.put.id), change.put);
    else if ("remove" in change) this.#things.delete(keyOf(change.remove.type, change.remove.id));
    else if ("fault" in change) this.#faults.set(change.fault.index, change.fault.times);
    else ({ operations: this.#operations, ids: this.#ids } = change.count);
  }

  #write(change: Change): void {
    this.refresh();
    if (this.#lines > COMPACT + 10 * this.#things.size) this.#compact();
    mkdirSync(path.dirname(this.file), { recursive: true });
    // What a crash left of a last line.
    if (this.#reading < this.#size) truncateSync(this.file, this.#reading);
    const file = openSync(this.file, "a", 0o600);
    try {
      writeSync(file, `${JSON.stringify(change)}\n`);
      // A count is worth nothing by itself: it is synced with what it counts.
      if (!("count" in change)) fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#apply(change);
    this.#size = this.#reading = statSync(this.file).size;
  }

  #compact(): void {
    const count: Change = { count: { operations: this.#operations, ids: this.#ids } };
    const faults = [...this.#faults].map(([index, times]): Change => ({ fault: { index, times } }));
    const changes: Change[] = [count, ...faults, ...[...this.#things.values()].map((thing) => ({ put: thing }))];
    const temporary = `${this.file}.tmp`;
    const file = openSync(temporary, "w", 0o600);
    writeSync(file, changes.map((change) => `${JSON.stringify(change)}\n`).join(""));
    fdatasyncSync(file);
    closeSync(file);
    renameSync(temporary, this.file);
    this.refresh();
  }

  #parse(line: string): Change {
    try {
      return JSON.parse(line) as Change;
    } catch {
      throw new EngineError(
        "state",
        `${this.file} is damaged: it holds the pretended AWS account of a rehearsal; remove it`,
      );
    }
  }
}

/** Hexadecimal digits that depend on the text alone. */
export function hexOf(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
