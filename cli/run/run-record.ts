/**
 * A run that changes something leaves a note beside the state until it has come to its end: what happened to it is told by
 * `status`, long after its terminal was closed. Readable by its owner alone, as all of the state's folder.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { EngineEvent, Result } from "../../engine";
import { failuresOf } from "../show/failures";
import type { Action } from "./engine";
import type { Unfinished } from "./unfinished";

export function runRecordFile(stateFile: string): string {
  return `${stateFile}.run`;
}

export function readRunRecord(stateFile: string): Unfinished | undefined {
  try {
    return JSON.parse(readFileSync(runRecordFile(stateFile), "utf8")) as Unfinished;
  } catch {
    // None, or half of one: it only explains.
    return undefined;
  }
}

export class RunRecord {
  #begun = false;

  constructor(
    private readonly stateFile: string,
    private readonly action: Action,
    private readonly onBegin: () => void,
  ) {}

  /** A run that changes nothing, or is refused before it does, says nothing about the cluster. */
  onEvent(event: EngineEvent): void {
    if (this.#begun || event.type !== "pre") return;
    const { custom, internal, op } = event.step;
    if (!custom || internal || op === "same" || op === "read") return;
    this.#begun = true;
    this.onBegin();
    this.#write("killed", []);
  }

  end(result: Result): void {
    if (result.result === "succeeded") rmSync(runRecordFile(this.stateFile), { force: true });
    else if (this.#begun) {
      const failures = failuresOf(result, { hosts: [] }, "");
      const what = failures.map(({ resource, message }) => ({ ...(resource && { resource }), message }));
      this.#write(result.result, what);
    }
  }

  #write(how: Unfinished["how"], what: Unfinished["what"]): void {
    const file = runRecordFile(this.stateFile);
    const record: Unfinished = { action: this.action, how, at: new Date().toISOString(), what };
    try {
      writeFileSync(`${file}.tmp`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
      renameSync(`${file}.tmp`, file);
    } catch {
      // It only explains: on a full disk the run itself says what is wrong.
      rmSync(`${file}.tmp`, { force: true });
    }
  }
}
