/** What a run tells while it goes on, and what it results in. Values in here have `[secret]` in the place of secrets. */
import type { DiffResult } from "../provider/provider";
import type { Values } from "../values/value";

export type Op =
  | "same"
  | "create"
  | "update"
  | "delete"
  | "replace"
  | "create-replacement"
  | "delete-replaced"
  | "read"
  | "discard"
  | "remove-pending-replace";

export type Severity = "debug" | "info" | "warning" | "error";

/** One step on one resource. A replacement has three: `create-replacement`, `replace` and `delete-replaced`. */
export interface Step {
  readonly op: Op;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  /** Default providers and bookkeeping: left out of displays and counts. */
  readonly internal: boolean;
  readonly parent: string | undefined;
  readonly provider: string | undefined;
  /** URNs that it waits for, beside its parent's. Absent: the events of Pulumi's own engine do not tell. */
  readonly dependencies?: readonly string[];
  readonly protect: boolean;
  readonly oldId: string | undefined;
  newId: string | undefined;
  readonly oldInputs: Values | undefined;
  readonly newInputs: Values | undefined;
  readonly oldOutputs: Values | undefined;
  newOutputs: Values | undefined;
  /** Property path to the kind of change. Paths are of the inputs. */
  readonly detailedDiff: DiffResult["detailedDiff"];
  /** Top-level properties that changed, and those that force a replacement. */
  readonly diffs: readonly string[];
  readonly keys: readonly string[];
  status: "running" | "done" | "failed";
  error: string | undefined;
  /** Milliseconds since the run began. */
  readonly startedAt: number;
  durationMs: number;
}

export interface PolicyViolation {
  readonly urn: string;
  readonly pack: string;
  readonly packVersion: string;
  readonly policy: string;
  readonly description: string;
  readonly message: string;
  readonly level: "advisory" | "mandatory" | "disabled" | "remediate";
}

export interface Diagnostic {
  readonly severity: Severity;
  readonly message: string;
  readonly urn?: string;
  /** A status line, to be shown in passing. */
  readonly ephemeral?: boolean;
}

export type EngineEvent =
  | { readonly type: "pre"; readonly step: Step }
  /** For components and the stack `done` comes when their outputs are registered (in previews also before). */
  | { readonly type: "done"; readonly step: Step }
  | { readonly type: "failed"; readonly step: Step }
  | ({ readonly type: "diagnostic" } & Diagnostic)
  /** A line that the program or a policy pack printed. */
  | { readonly type: "log"; readonly stream: "stdout" | "stderr"; readonly line: string }
  | { readonly type: "policy"; readonly violation: PolicyViolation }
  | { readonly type: "summary"; readonly result: Result };

export interface Result {
  readonly action: "preview" | "up" | "destroy" | "preview-destroy";
  readonly result: "succeeded" | "failed" | "interrupted";
  /** Steps by resource, in the order in which they began. */
  readonly steps: readonly Step[];
  /** Counts by operation; internal steps and the parts of a replacement are not counted. */
  readonly changes: Readonly<Partial<Record<Op, number>>>;
  /** Messages other than debug and passing ones. */
  readonly diagnostics: readonly Diagnostic[];
  readonly policy: readonly PolicyViolation[];
  /** Outputs of the stack, secrets redacted. */
  readonly outputs: Values;
  /** Resources whose creation was running when an earlier run was killed. */
  readonly pending: readonly { readonly urn: string; readonly operation: string }[];
  readonly durationMs: number;
}

/** True when anything but `same` was done or planned. */
export function hasChanges(result: Pick<Result, "changes">): boolean {
  return Object.entries(result.changes).some(([op, count]) => op !== "same" && count > 0);
}
