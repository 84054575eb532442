/** The look at the cluster with which an `up` ends. What is only just coming up is waited for, as long as it gets on. */
import type { Clock } from "../../components/rollout/hosts/hosts";
import type { StatusReport } from "./status-types";

/** What an `up` tells of the cluster after it has applied everything. */
export interface Health {
  /** Absent: the cluster could not be looked at. */
  readonly healthy?: boolean;
  readonly problems: readonly string[];
  readonly durationMs: number;
}

const PAUSE_MS = 1_000;
/** Longer than a lease takes from the end of its holder to the next one. */
const STANDSTILL_MS = 30_000;
/** Thousands of nodes register by and by. */
const AT_MOST_MS = 300_000;

/** @param waiting called once, with what the first look found. @param signal ends the wait, not a look */
export async function settledHealth(
  look: () => Promise<Pick<StatusReport, "healthy" | "problems">>,
  clock: Clock,
  waiting: (problems: readonly string[]) => void,
  signal: AbortSignal,
): Promise<Health> {
  const started = clock.now();
  let seen: { readonly problems: readonly string[]; readonly since: number } | undefined;
  for (;;) {
    const { healthy, problems } = await look();
    const now = clock.now();
    if (seen === undefined && !healthy) waiting(problems);
    if (seen === undefined || seen.problems.join("\n") !== problems.join("\n")) seen = { problems, since: now };
    const over = now - seen.since >= STANDSTILL_MS || now - started >= AT_MOST_MS || signal.aborted;
    if (healthy || over) return { healthy, problems, durationMs: Math.round(now - started) };
    await clock.sleep(PAUSE_MS);
  }
}
