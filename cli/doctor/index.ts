/** Reads a running cluster and judges every setting. */
import type { ClusterPlan } from "../../components/plan/types";
import { type ClusterOptions, runningCluster } from "../hosts/cluster";
import { apiserver } from "./checks/apiserver";
import { etcd } from "./checks/etcd";
import { flow } from "./checks/flow";
import { hosts } from "./checks/hosts";
import { objects } from "./checks/objects";
import { reads } from "./checks/reads";
import { shards } from "./checks/shards";
import { type Evidence, readEvidence } from "./evidence";
import { type Gathered, gather } from "./gather";
import { withProbe } from "./probe";
import type { Check, CheckResult, CheckStatus, DoctorReport, Verdict } from "./types";
import { NotInTime } from "./unread";

export const checks: readonly Check[] = [...reads, ...apiserver, ...flow, ...etcd, ...shards, ...objects, ...hosts];

export interface DoctorOptions extends ClusterOptions {
  readonly probe?: boolean;
}

export async function collectDoctor(stack: string, options: DoctorOptions): Promise<DoctorReport> {
  const started = performance.now();
  const cluster = await runningCluster(stack, options);
  const look = () => gather(cluster);
  const gathered = options.probe ? await withProbe(cluster.kubeconfig, look) : await look();
  return diagnose(cluster.checked.plan, gathered, Math.round(performance.now() - started));
}

export function diagnose(plan: ClusterPlan, gathered: Gathered, durationMs = 0): DoctorReport {
  const evidence = readEvidence(plan, gathered);
  const results = checks.map((check) => judge(check, evidence));
  const statuses: readonly CheckStatus[] = ["ok", "warning", "failed", "unknown", "explained", "skipped"];
  const counts = Object.fromEntries(
    statuses.map((status) => [status, results.filter((result) => result.status === status).length]),
  ) as Record<CheckStatus, number>;
  return { stack: plan.stack, passed: counts.failed + counts.unknown === 0, counts, checks: results, durationMs };
}

function judge({ judge: look, wanted, ...check }: Check, evidence: Evidence): CheckResult {
  return { ...check, wanted: wanted(evidence), ...verdictOf(look, evidence) };
}

/** What cannot be read or understood is a failure of its check, not of the doctor; what was not answered in time is neither. */
function verdictOf(look: Check["judge"], evidence: Evidence): Verdict {
  try {
    return look(evidence);
  } catch (error) {
    const status = error instanceof NotInTime ? "unknown" : "failed";
    return { status, found: `cannot be told: ${(error as Error).message}` };
  }
}
