/** What a run is reported as: one object for machines, and its text for people. */
import type { ClusterPlan } from "../../components/plan/types";
import type { PlatformModule } from "../../components/platform/module";
import type { Result } from "../../engine";
import { costBefore } from "../show/cost";
import { creationOf } from "../show/creation";
import { failuresOf } from "../show/failures";
import { previewReport } from "../show/preview";
import { previewText } from "../show/preview-text";
import { styleOf } from "../show/style";
import { type RunReport, summaryText } from "../show/summary";
import type { CheckedStack } from "../stack/configuration";
import { type EngineName, isLook } from "./engine";
import type { Ran } from "./shown";

export interface ReportOptions {
  readonly json?: boolean;
  /** Of a preview: print the text of a comment, and everything else on the standard error. */
  readonly markdown?: boolean;
  /** Where the standard error can be read. */
  readonly logUrl?: string;
}

export function reportOf(
  { stack, plan, platform }: CheckedStack,
  engine: EngineName,
  command: string,
  { result, phases, health, kept }: Ran,
): RunReport {
  const { action, changes, diagnostics, durationMs, outputs, policy } = result;
  const { creationSeconds, instances } = platform;
  const succeeded = result.result === "succeeded";
  const creation = succeeded && action === "preview" ? creationOf(result, plan, creationSeconds) : undefined;
  const costs = succeeded && (action === "up" || action === "preview");
  return {
    stack,
    engine,
    action,
    result: result.result,
    changes,
    ...(creation && { creation }),
    ...(costs && instances && costsOf(result, plan, instances)),
    durationMs,
    phases,
    diagnostics,
    policy,
    failures: failuresOf({ diagnostics }, plan, command),
    ...(health && { health }),
    outputs,
    ...(kept && { kept }),
  };
}

function costsOf(
  { action, steps }: Result,
  { scale }: ClusterPlan,
  instances: NonNullable<PlatformModule["instances"]>,
): Pick<RunReport, "costUsdPerMonth" | "costBeforeUsdPerMonth"> {
  const before = action === "preview" ? costBefore(steps, instances) : undefined;
  return { costUsdPerMonth: scale.cost.total, ...(before !== undefined && { costBeforeUsdPerMonth: before }) };
}

export function reportText(
  report: RunReport,
  result: Result,
  { plan, platform }: CheckedStack,
  options: ReportOptions,
): string {
  const preview = isLook(report.action) ? previewReport(result, plan, platform) : undefined;
  if (options.json) return `${JSON.stringify({ ...report, ...preview }, null, 2)}\n`;
  const style = styleOf(options.markdown ? process.stderr : process.stdout);
  const text = [...(preview ? previewText(preview, style) : []), ...summaryText(report, plan, style)].join("\n");
  if (!preview || !options.markdown) return `${text}\n`;
  process.stderr.write(`${text}\n`);
  const { previewMarkdown } = require("../show/markdown-preview") as typeof import("../show/markdown-preview");
  return previewMarkdown(report, preview, plan, options.logUrl);
}
