/** The state while a run changes it: every change goes to the journal, and into the state file when the run ends. */
import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Crypter } from "./crypter";
import { type Entry, Journal } from "./journal";
import { hashOfState, journalFile, type Loaded, Merge, render, save } from "./store";
import type { PendingOperation, ResourceState } from "./types";

export class Snapshot {
  /** Resources before the run, secrets in clear. */
  readonly base: ResourceState[];
  readonly #sealed: Merge;
  readonly #indexOf: Map<ResourceState, number>;
  readonly #places = new Map<ResourceState, { n: number; base: number | undefined; alias: string | undefined }>();
  readonly #journal: Journal;
  #salt: string | undefined;
  #next = 0;
  #changed: boolean;

  constructor(
    private readonly stateFile: string,
    loaded: Loaded,
    private readonly crypter: Crypter,
  ) {
    this.base = loaded.resources.map((resource) => open(crypter, resource));
    this.#indexOf = new Map(this.base.map((resource, i) => [resource, i]));
    this.#sealed = new Merge(loaded.resources);
    this.#salt = loaded.salt;
    this.#changed = loaded.recovered || loaded.pending.length > 0;
    this.#journal = new Journal(journalFile(stateFile), {
      e: "base",
      sha256: loaded.sha256,
      ...(loaded.salt !== undefined && { salt: loaded.salt }),
    });
  }

  /** Before a step touches anything outside. */
  async begin(type: PendingOperation["type"], resource: ResourceState): Promise<() => void> {
    const n = this.#next++;
    this.#record({ e: "begin", n, type, resource: this.#seal(resource) });
    await this.#journal.commit();
    return () => this.#record({ e: "end", n });
  }

  /** A resource that was created, updated, read or left as it is, in the place of `old`. */
  put(resource: ResourceState, old?: ResourceState, alias?: string): void {
    const base = old === undefined ? undefined : this.#indexOf.get(old);
    this.#places.set(resource, { n: this.#next++, base, alias });
    this.update(resource);
  }

  /** The same resource again: its outputs changed. */
  update(resource: ResourceState): void {
    const place = this.#places.get(resource);
    if (place === undefined) return;
    const { n, base, alias } = place;
    if (base !== undefined && isDeepStrictEqual(resource, this.base[base])) this.#apply({ e: "same", n, base });
    else
      this.#record({
        e: "new",
        n,
        resource: this.#seal(resource),
        ...(base !== undefined && { base }),
        ...(alias !== undefined && { alias }),
      });
  }

  remove(old: ResourceState): void {
    const base = this.#indexOf.get(old);
    if (base !== undefined) this.#record({ e: "gone", base });
  }

  mark(old: ResourceState, mark: { delete?: boolean; pendingReplacement?: boolean }): void {
    const base = this.#indexOf.get(old);
    if (base !== undefined) this.#record({ e: "mark", base, ...mark });
  }

  /** Resolves when all of it is on the disk. */
  commit(): Promise<void> {
    return this.#journal.commit();
  }

  /** Writes the state file, if anything changed, and removes the journal. */
  async close(): Promise<void> {
    if (this.#changed) {
      const text = render(this.#sealed.resources(), this.crypter.salt);
      this.#journal.append({ e: "complete", sha256: hashOfState(text) });
      await this.#journal.commit();
      await save(this.stateFile, text);
    }
    await this.#journal.close();
    rmSync(this.#journal.file, { force: true });
  }

  #apply(entry: Entry): void {
    this.#sealed.apply(entry);
    this.#journal.append(entry);
  }

  #record(entry: Entry): void {
    this.#changed = true;
    if (this.crypter.salt !== undefined && this.crypter.salt !== this.#salt) {
      this.#salt = this.crypter.salt;
      this.#journal.append({ e: "salt", salt: this.#salt });
    }
    this.#apply(entry);
  }

  #seal(resource: ResourceState): ResourceState {
    return seal(this.crypter, resource);
  }
}

function convert(
  resource: ResourceState,
  change: (place: string, values: NonNullable<ResourceState["inputs"]>) => NonNullable<ResourceState["inputs"]>,
): ResourceState {
  const result = { ...resource };
  if (resource.inputs) result.inputs = change(`${resource.urn}\0inputs`, resource.inputs);
  if (resource.outputs) result.outputs = change(`${resource.urn}\0outputs`, resource.outputs);
  if (resource.replacementTrigger !== undefined) {
    result.replacementTrigger =
      change(`${resource.urn}\0trigger`, { value: resource.replacementTrigger }).value ?? null;
  }
  return result;
}

export function open(crypter: Crypter, resource: ResourceState): ResourceState {
  return convert(resource, (place, values) => crypter.open(place, values));
}

export function seal(crypter: Crypter, resource: ResourceState): ResourceState {
  return convert(resource, (place, values) => crypter.seal(place, values));
}
