/** Reads a running cluster and judges every setting. */
import type { ClusterPlan } from "../../components/plan/types";
import { type ClusterOptions, runningCluster } from "../hosts/cluster";
import { apiserver } from "./checks/apiserver";
import { backups } from "./checks/backups";
import { etcd } from "./checks/etcd";
import { flow } from "./checks/flow";
import { hosts } from "./checks/hosts";
import { objects } from "./checks/objects";
import { reads } from "./checks/reads";
import { shards } from "./checks/shards";
import { judgeCis } from "./cis";
import { type Evidence, readEvidence } from "./evidence";
import { type Gathered, gather } from "./gather";
import { withProbe } from "./probe";
import type { Check, CheckResult, DoctorReport } from "./types";
import { countsOf, verdictOf } from "./verdict";

export const checks: readonly Check[] = [
  ...reads,
  ...apiserver,
  ...flow,
  ...etcd,
  ...backups,
  ...shards,
  ...objects,
  ...hosts,
];

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
  const counts = countsOf(results);
  const cis = judgeCis(evidence);
  const passed = [counts, cis.counts].every(({ failed, unknown }) => failed + unknown === 0);
  return { stack: plan.stack, passed, counts, checks: results, cis, durationMs };
}

function judge({ judge: look, wanted, ...check }: Check, evidence: Evidence): CheckResult {
  return { ...check, wanted: wanted(evidence), ...verdictOf(look, evidence) };
}
