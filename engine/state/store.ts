/** The state file: reading it with the journal of a crashed run, writing it by a temporary file and a rename. */
import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../errors";
import { type Entry, parseJournal } from "./journal";
import type { Deployment, PendingOperation, ResourceState, StateFile } from "./types";
import { dependenciesOf, parseReference } from "./types";

/** What Pulumi writes in the place of a checksum of the manifest (sdk/go/common/resource/manifest.go). */
const MAGIC = "ab35920a3077459b09dd1a3f7ddc28df4e3efc81b3240013bb6906688abc684d";
/** The version that is written as the engine's: the one whose behaviour was recorded (test/engine/conformance). */
const VERSION = "v3.259.0";

export interface Loaded {
  /** As in the file: secrets encrypted. */
  readonly resources: ResourceState[];
  readonly pending: PendingOperation[];
  readonly salt: string | undefined;
  readonly sha256: string;
  /** A crashed run left a journal; its entries are in `resources`. */
  readonly recovered: boolean;
}

export function journalFile(stateFile: string): string {
  return `${stateFile}.journal`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Reads the state; a file that is not whole is an error and never an empty state. */
export function load(stateFile: string): Loaded {
  const backup = `${stateFile}.bak`;
  const journal = journalFile(stateFile);
  let text: string | undefined;
  if (existsSync(stateFile)) text = readFileSync(stateFile, "utf8");
  else if (existsSync(backup)) {
    throw new EngineError(
      "state",
      `the state file ${stateFile} is missing, but its backup ${backup} exists; copy the backup to its place, or remove the backup too if the stack is really gone`,
    );
  }
  const deployment = text === undefined ? undefined : parseState(stateFile, text);
  const loaded: Loaded = {
    resources: deployment?.resources ?? [],
    pending: deployment?.pending_operations ?? [],
    salt: deployment?.secrets_providers?.state?.salt,
    sha256: text === undefined ? "none" : sha256(text),
    recovered: false,
  };
  if (!existsSync(journal)) return loaded;
  return replay(loaded, parseJournal(journal, readFileSync(journal, "utf8")), stateFile, journal);
}

export function parseState(name: string, text: string): Deployment {
  const broken = (what: string): Error =>
    new EngineError(
      "state",
      `the state file ${name} is damaged: ${what}. Nothing was done; ${name}.bak holds the state before the last run, if there is one: compare it with what really exists, then copy it to ${name}`,
    );
  let file: StateFile;
  try {
    file = JSON.parse(text) as StateFile;
  } catch (error) {
    throw broken(text.trim() === "" ? "it is empty" : (error as Error).message);
  }
  if (file?.version !== 3 || typeof file.deployment !== "object" || file.deployment === null) {
    throw broken(`it is not a Pulumi deployment of version 3, but of version ${JSON.stringify(file?.version)}`);
  }
  const resources = file.deployment.resources ?? [];
  const seen = new Set<string>();
  for (const resource of resources) {
    if (typeof resource?.urn !== "string" || typeof resource.type !== "string")
      throw broken("a resource has no urn or type");
    for (const urn of [...dependenciesOf(resource), ...(resource.parent ? [resource.parent] : [])]) {
      if (!seen.has(urn)) throw broken(`${resource.urn} needs ${urn}, which does not come before it`);
    }
    seen.add(resource.urn);
  }
  return file.deployment;
}

/** Applies what a crashed run wrote down, in the order in which it did. */
function replay(loaded: Loaded, entries: readonly Entry[], stateFile: string, journal: string): Loaded {
  const [first] = entries;
  if (first?.e !== "base") return loaded;
  if (entries.some((entry) => entry.e === "complete" && entry.sha256 === loaded.sha256)) return loaded;
  if (first.sha256 !== loaded.sha256) {
    throw new EngineError(
      "state",
      `${journal} belongs to another content of ${stateFile}: the state file was replaced after a run had crashed. Put the file back that the run began with (sha256 ${first.sha256}), or remove the journal if the present state file is known to be right`,
    );
  }
  const merged = new Merge(loaded.resources.map((resource) => ({ ...resource })));
  const pending = new Map<number, PendingOperation>();
  let salt = first.salt ?? loaded.salt;
  for (const entry of entries) {
    if (entry.e === "begin") pending.set(entry.n, { resource: entry.resource, type: entry.type });
    else if (entry.e === "end") pending.delete(entry.n);
    else if (entry.e === "salt") salt = entry.salt;
    else merged.apply(entry);
  }
  return {
    resources: merged.resources(),
    pending: [...pending.values()],
    salt,
    sha256: loaded.sha256,
    recovered: true,
  };
}

/**
 * The order of a snapshot, as `snap` in pkg/backend/snapshot.go has it: this run's resources as they were done, then those of the
 * base that were not dealt with yet. References to resources that got another name are renamed.
 */
export class Merge {
  readonly #news: ResourceState[] = [];
  readonly #done = new Set<number>();
  readonly #renamed = new Map<string, string>();

  constructor(readonly base: readonly ResourceState[]) {}

  apply(entry: Entry): void {
    if (entry.e === "new") {
      this.#news[entry.n] = entry.resource;
      if (entry.alias !== undefined) this.#renamed.set(entry.alias, entry.resource.urn);
      if (entry.base !== undefined) this.#done.add(entry.base);
    } else if (entry.e === "same") {
      this.#news[entry.n] = this.base[entry.base] as ResourceState;
      this.#done.add(entry.base);
    } else if (entry.e === "gone") {
      this.#done.add(entry.base);
    } else if (entry.e === "mark") {
      const { delete: deleted, pendingReplacement } = entry;
      Object.assign(this.base[entry.base] as ResourceState, {
        ...(deleted && { delete: true }),
        ...(pendingReplacement && { pendingReplacement: true }),
      });
    }
  }

  resources(): ResourceState[] {
    const rest = this.base.filter((_, i) => !this.#done.has(i));
    const all = [...this.#news.filter((resource) => resource !== undefined), ...rest];
    return this.#renamed.size === 0 ? all : all.map((resource) => this.#rename(resource));
  }

  #rename(resource: ResourceState): ResourceState {
    const name = (urn: string): string => this.#renamed.get(urn) ?? urn;
    const result = { ...resource };
    if (result.parent) result.parent = name(result.parent);
    if (result.deletedWith) result.deletedWith = name(result.deletedWith);
    if (result.dependencies) result.dependencies = result.dependencies.map(name);
    if (result.replaceWith) result.replaceWith = result.replaceWith.map(name);
    if (result.provider) {
      const { urn, id } = parseReference(result.provider);
      result.provider = `${name(urn)}::${id}`;
    }
    if (result.propertyDependencies) {
      result.propertyDependencies = Object.fromEntries(
        Object.entries(result.propertyDependencies).map(([key, urns]) => [key, urns.map(name)]),
      );
    }
    return result;
  }
}

export function render(
  resources: readonly ResourceState[],
  salt: string | undefined,
  pending: readonly PendingOperation[] = [],
): string {
  const deployment: Deployment = {
    manifest: { time: new Date().toISOString(), magic: MAGIC, version: VERSION },
    ...(salt !== undefined && { secrets_providers: { type: "passphrase", state: { salt } } }),
    resources: [...resources],
    ...(pending.length > 0 && { pending_operations: [...pending] }),
    metadata: {},
  };
  return `${JSON.stringify({ version: 3, deployment } satisfies StateFile, undefined, 2)}\n`;
}

export function hashOfState(text: string): string {
  return sha256(text);
}

/** Replaces the state file; the one before stays as `.bak`. At any moment one of the two is whole. */
export async function save(stateFile: string, text: string): Promise<void> {
  mkdirSync(path.dirname(stateFile), { recursive: true });
  const temporary = `${stateFile}.tmp`;
  const file = await open(temporary, "w", 0o600);
  await file.writeFile(text);
  await file.sync();
  await file.close();
  if (existsSync(stateFile)) {
    rmSync(`${temporary}.bak`, { force: true });
    linkSync(stateFile, `${temporary}.bak`);
    renameSync(`${temporary}.bak`, `${stateFile}.bak`);
  }
  renameSync(temporary, stateFile);
  const folder = await open(path.dirname(stateFile), "r");
  await folder.sync();
  await folder.close();
}

/** Makes a crashed run's journal part of the state file. A crash in here changes nothing: the journal is removed last. */
export async function recover(stateFile: string, loaded: Loaded): Promise<Loaded> {
  const journal = journalFile(stateFile);
  if (!existsSync(journal)) return loaded;
  if (!loaded.recovered) {
    rmSync(journal);
    return loaded;
  }
  const text = render(loaded.resources, loaded.salt, loaded.pending);
  const entries = readFileSync(journal, "utf8");
  const complete: Entry = { e: "complete", sha256: hashOfState(text) };
  writeFileSync(`${journal}.tmp`, `${entries.slice(0, entries.lastIndexOf("\n") + 1)}${JSON.stringify(complete)}\n`, {
    flush: true,
    mode: 0o600,
  });
  renameSync(`${journal}.tmp`, journal);
  await save(stateFile, text);
  rmSync(journal);
  return { ...loaded, sha256: hashOfState(text), recovered: false };
}
