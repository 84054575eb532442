/** The state of a stack on the rehearsal engine, also of a run that goes on, or that was killed. */
import { readState } from "../../engine";
import type { StackState } from "./engine";
import { readRunRecord } from "./run-record";

export function stateOf(stateFile: string, passphrase: string | undefined): StackState {
  const { resources, pending, owner } = readState(stateFile, passphrase);
  const record = readRunRecord(stateFile);
  return {
    resources,
    pending,
    ...(owner !== undefined
      ? { unfinished: { action: owner.action, how: "running", at: owner.since, what: [] } }
      : record !== undefined
        ? { unfinished: record }
        : // A state without a record: of a run that was killed before it could write one, or imported.
          pending.length > 0 && { unfinished: { action: "up", how: "killed", what: [] } }),
  };
}
