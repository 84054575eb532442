/** The end of a run: for machines one object, for people a table. */
import type { ClusterPlan } from "../../components/plan/types";
import { exitCodes } from "../../config/errors";
import { priced, usd } from "../../config/scale/table";
import type { Diagnostic, Result } from "../../engine";
import type { Health } from "../hosts/settled";
import type { EngineName } from "../run/engine";
import { costDifference } from "./cost";
import { type Creation, chainText } from "./creation";
import type { Failure } from "./failures";
import type { PhaseReport } from "./phases";
import { policyText } from "./policy";
import { changesText } from "./progress";
import type { Style } from "./style";
import { table } from "./table";
import { duration } from "./terminal";

/** What `--json` prints. */
export interface RunReport {
  readonly stack: string;
  readonly engine: EngineName;
  readonly action: Result["action"];
  readonly result: Result["result"];
  readonly changes: Result["changes"];
  /** Of a preview that makes everything. */
  readonly creation?: Creation;
  /** The cluster's hosts as planned, USD a month; absent where they cost nothing. What it is of, and what it leaves out: `kilonode scale`. */
  readonly costUsdPerMonth?: number;
  /** The same of the hosts that the state has; absent where it has none, or one of a type without a price. */
  readonly costBeforeUsdPerMonth?: number;
  readonly durationMs: number;
  readonly phases: readonly PhaseReport[];
  readonly diagnostics: readonly Diagnostic[];
  readonly policy: Result["policy"];
  readonly failures: readonly Failure[];
  /** Of an `up` that has applied everything: the cluster as it was then. */
  readonly health?: Health;
  readonly outputs: Result["outputs"];
  /** Of a destroy: what stays in the state, because data is kept that needs it. */
  readonly kept?: readonly string[];
}

export function exitCodeOfRun({ result, failures, health }: Pick<RunReport, "result" | "failures" | "health">): number {
  if (result === "interrupted") return exitCodes.interrupted;
  if (result === "succeeded") return health?.healthy === false ? exitCodes.failed : exitCodes.done;
  return failures.some(({ gate }) => gate) ? exitCodes.gateRefused : exitCodes.failed;
}

export function summaryText(report: RunReport, plan: ClusterPlan, style: Style): string[] {
  const { action, engine, failures, phases, result, stack } = report;
  const planned = action === "preview" || action === "preview-destroy";
  const colour = result === "succeeded" ? style.green : style.red;
  const lines = [
    "",
    `${style.bold(`stack ${stack}`)}: ${action} ${colour(result)} in ${duration(report.durationMs)} (${engine} engine)`,
    ...table([["resources", resourcesText(report, planned)], ...figureRows(report)], "  "),
  ];
  if (!planned) lines.push(...phaseTable(phases));
  lines.push(...policyText(report.policy, style));
  lines.push(...failures.flatMap((failure) => failureText(failure, style)));
  if (result === "interrupted")
    lines.push(`  ${style.yellow("interrupted")}: what was done is kept; run the same command again to go on`);
  if (report.kept && report.kept.length > 0) lines.push(...keptText(stack, report.kept, planned));
  if (report.health) lines.push(...healthText(stack, report.health, style));
  if (action === "up" && exitCodeOfRun(report) === exitCodes.done) lines.push(...howToUse(stack, plan));
  return lines;
}

function resourcesText({ changes, creation }: RunReport, planned: boolean): string {
  const text = changesText(changes, planned);
  return creation ? `${text}, ${creation.resourcesPerControlPlaneHost} a control-plane host` : text;
}

function figureRows({ costBeforeUsdPerMonth, costUsdPerMonth, creation }: RunReport): string[][] {
  const difference = costUsdPerMonth === undefined ? undefined : costDifference(costUsdPerMonth, costBeforeUsdPerMonth);
  return [
    ...(costUsdPerMonth === undefined
      ? []
      : [["cost", `${usd(costUsdPerMonth)} a month${difference ? `, ${difference}` : ""}: ${priced}`]]),
    ...(creation?.longestChain ? [["longest chain", chainText(creation.longestChain)]] : []),
  ];
}

function healthText(stack: string, { healthy, problems, durationMs }: Health, style: Style): string[] {
  if (healthy) return [`  cluster    ${style.green("healthy")} (looked for ${duration(durationMs)})`];
  if (healthy === undefined) return [`  cluster    ${style.yellow("not looked at")}: ${problems.join("; ")}`];
  return [
    "",
    `${style.red("error")}: everything was applied, but the cluster is not healthy:`,
    ...problems.map((problem) => `  ${problem}`),
    `  ${style.bold("what to do:")} \`kilonode status ${stack}\` shows it as it is now; docs/operations.md says what to do about each`,
  ];
}

function keptText(stack: string, kept: readonly string[], planned: boolean): string[] {
  return [
    `  ${planned ? "would be kept" : "kept"}: the volumes of the hosts, and in the state what their data needs:`,
    `    ${kept.join(", ")}`,
    `  \`kilonode up ${stack}\` makes the cluster again with its data; to remove that too: docs/data-and-keys.md#a-cluster-that-was-destroyed`,
  ];
}

function phaseTable(phases: readonly PhaseReport[]): string[] {
  const rows = phases.map(({ name, durationMs, resources, failed }) => [
    name,
    (durationMs / 1000).toFixed(1).padStart(8),
    resources > 0 ? resources : "",
    failed > 0 ? `${failed} failed` : "",
  ]);
  return table([["phase", " seconds", "resources"], ...rows], "  ");
}

function failureText({ resource, host, message, remedy }: Failure, style: Style): string[] {
  const where = [resource, host && host !== resource ? `on host ${host}` : undefined].filter(Boolean).join(" ");
  return [
    "",
    `${style.red("error")}${where ? ` in ${where}` : ""}:`,
    ...message.split("\n").map((line) => `  ${line}`),
    `  ${style.bold("what to do:")} ${remedy}`,
  ];
}

function howToUse(stack: string, plan: ClusterPlan): string[] {
  return table(
    [
      ["endpoint", plan.api.endpoint],
      ["use it", `npx kilonode kubectl ${stack} get nodes`],
      ["", `kubectl --kubeconfig "$(npx kilonode kubeconfig ${stack} --path)" get nodes`],
      ["look at it", `npx kilonode status ${stack}`],
    ],
    "  ",
  );
}
