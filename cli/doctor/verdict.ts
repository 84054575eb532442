/** Lets a check look, whatever it stumbles over. */
import type { Evidence } from "./evidence";
import type { CheckCounts, CheckStatus, Verdict } from "./types";
import { NotInTime } from "./unread";

/** What cannot be read or understood is a failure of its check, not of the doctor; what was not answered in time is neither. */
export function verdictOf(look: (evidence: Evidence) => Verdict, evidence: Evidence): Verdict {
  try {
    return look(evidence);
  } catch (error) {
    const status = error instanceof NotInTime ? "unknown" : "failed";
    return { status, found: `cannot be told: ${(error as Error).message}` };
  }
}

const statuses: readonly CheckStatus[] = ["ok", "warning", "failed", "unknown", "explained", "skipped"];

export function countsOf(verdicts: readonly Verdict[]): CheckCounts {
  const counts = statuses.map((status) => [status, verdicts.filter((one) => one.status === status).length]);
  return Object.fromEntries(counts) as CheckCounts;
}
