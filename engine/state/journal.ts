/**
 * What happened since the state file was last written, one JSON entry a line. Entries are written in groups, each group
 * with one fsync: a step waits for the group its entry is in, and steps that end together share it.
 */
import { type FileHandle, open } from "node:fs/promises";
import { EngineError } from "../errors";
import type { PendingOperation, ResourceState } from "./types";

export type Entry =
  /** First line: the sha256 of the state file that the entries build on, `none` when there was none. */
  | { e: "base"; sha256: string; salt?: string }
  | { e: "salt"; salt: string }
  /** A step that changes something outside begins; it ends by `end` or by a crash. */
  | { e: "begin"; n: number; type: PendingOperation["type"]; resource: ResourceState }
  | { e: "end"; n: number }
  /** A resource of this run, taking the place of the n-th resource of the base, if any. */
  | { e: "new"; n: number; resource: ResourceState; base?: number; alias?: string }
  /** The n-th resource of the base is part of the new state as it is. */
  | { e: "same"; n: number; base: number }
  | { e: "gone"; base: number }
  | { e: "mark"; base: number; delete?: boolean; pendingReplacement?: boolean }
  /** The state file with this hash holds all of this journal. */
  | { e: "complete"; sha256: string };

export class Journal {
  #lines: string[] = [];
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #writing = false;
  #failure: unknown;
  #handle: FileHandle | undefined;

  /** Nothing is written before the first {@link commit}: a run that changes nothing leaves no trace. */
  constructor(
    readonly file: string,
    first: Entry,
  ) {
    this.append(first);
  }

  get written(): boolean {
    return this.#handle !== undefined;
  }

  append(entry: Entry): void {
    this.#lines.push(JSON.stringify(entry));
  }

  /** Resolves when everything appended so far is on the disk. */
  commit(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      // One turn of the event loop, so that steps that end together are in one group.
      await new Promise(setImmediate);
      const waiting = this.#waiting.splice(0);
      const lines = this.#lines.splice(0);
      try {
        if (lines.length > 0) {
          this.#handle ??= await open(this.file, "w", 0o600);
          await this.#handle.write(`${lines.join("\n")}\n`);
          await this.#handle.datasync();
        }
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        this.#failure = new EngineError("state", `cannot write ${this.file}: ${(error as Error).message}`);
        for (const { reject } of waiting) reject(this.#failure);
      }
    }
    this.#writing = false;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

/** The entries of a journal. A last line without its end was being written at the crash: its step did not end. */
export function parseJournal(file: string, text: string): Entry[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as Entry;
    } catch {
      throw new EngineError(
        "state",
        `${file}: line ${i + 1} is damaged, so what was done since the state file was written is not known; keep a copy of the file, compare the resources with the state, then remove it`,
      );
    }
  });
}
