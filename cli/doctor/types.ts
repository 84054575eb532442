/** What a check is, and what it says. */
import type { Evidence } from "./evidence";

/**
 * `explained`: not in effect, and the platform says why it cannot be; `skipped`: nothing to look at, for the reason
 * given; `unknown`: what shows it was not answered in time.
 */
export type CheckStatus = "ok" | "warning" | "failed" | "unknown" | "explained" | "skipped";

export type CheckGroup = "reads" | "API server" | "etcd" | "objects" | "hosts";

export interface Verdict {
  readonly status: CheckStatus;
  /** What the running cluster shows. */
  readonly found: string;
  /** Why it is explained or skipped. */
  readonly because?: string;
  /** One line for each thing that differs; bounded. */
  readonly details?: readonly string[];
}

/** One setting, and how to see that it is in effect. */
export interface Check {
  readonly id: string;
  readonly group: CheckGroup;
  readonly title: string;
  readonly wanted: (evidence: Evidence) => string;
  readonly why: string;
  readonly source: string;
  readonly remedy: string;
  /** Rows of the ledger (docs/ledger.md) whose effect it shows. */
  readonly ledger: readonly string[];
  readonly judge: (evidence: Evidence) => Verdict;
}

export interface CheckResult extends Verdict, Omit<Check, "judge" | "wanted"> {
  readonly wanted: string;
}

export type CheckCounts = Readonly<Record<CheckStatus, number>>;

export interface CisResult extends Verdict {
  /** Of the benchmark: "1.2.16". */
  readonly id: string;
  readonly title: string;
}

export interface CisReport {
  readonly benchmark: string;
  readonly counts: CheckCounts;
  readonly items: readonly CisResult[];
}

export interface DoctorReport {
  readonly stack: string;
  /** True when no check and no item of the benchmark failed, and none is unknown. */
  readonly passed: boolean;
  readonly counts: CheckCounts;
  readonly checks: readonly CheckResult[];
  readonly cis: CisReport;
  readonly durationMs: number;
}
