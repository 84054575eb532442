/** One run of an engine, shown while it goes on and summed up at its end. */
import { resourceIds } from "../../components/resources";
import { exitCodes } from "../../config/errors";
import { ConfigurationError } from "../../config/read";
import { hasChanges, type Result } from "../../engine";
import { failuresOf } from "../show/failures";
import { Phases } from "../show/phases";
import { previewReport } from "../show/preview";
import { previewText } from "../show/preview-text";
import { ProgressDisplay } from "../show/progress";
import { styleOf } from "../show/style";
import { exitCodeOfRun, type RunReport, summaryText } from "../show/summary";
import { Terminal } from "../show/terminal";
import type { CheckedStack } from "../stack/configuration";
import type { Action, StackEngine } from "./engine";
import { impossibleChanges } from "./impossible";
import { interruptible } from "./interrupt";
import { keptBy, refuseLosingKeys } from "./kept";
import { openStack } from "./open-stack";

export interface RunOptions {
  readonly engine?: string;
  readonly json?: boolean;
  readonly expectNoChanges?: boolean;
}

/** Progress goes to the standard error, the result to the standard output. @returns the exit code */
export async function runAction(checked: CheckedStack, action: Action, options: RunOptions): Promise<number> {
  const { stack, plan } = checked;
  const isPreview = action === "preview" || action === "preview-destroy";
  const destroys = action === "destroy" || action === "preview-destroy";
  const style = styleOf(process.stderr);
  const phases = new Phases(action === "up" ? plan : undefined);
  const progress = new ProgressDisplay(new Terminal(process.stderr), phases, style, isPreview);
  const say = (line: string) => progress.line(line);
  const engine = openStack(checked, { engine: options.engine, make: !isPreview, say });
  if (action === "up" || action === "preview") await refuseImpossibleChange(checked, engine);
  else await refuseLosingKeys(checked, engine);
  const command = `kilonode ${isPreview ? "preview" : action} ${stack}`;
  const interruption = interruptible(command, say);
  progress.start();
  let result: Result;
  let reports: RunReport["phases"];
  let kept: RunReport["kept"];
  try {
    result = await engine.run(action, { onEvent: (event) => progress.onEvent(event), signal: interruption.signal });
    if (destroys) kept = await keptBy(engine);
    // What is kept may be the data of a stack that has been called ephemeral only since its last `up`.
    if (action === "destroy" && result.result === "succeeded" && kept?.length === 0)
      await checked.platform.sweep(checked.spec);
    reports = progress.stop(result.durationMs);
  } finally {
    progress.stop(0);
    interruption.end();
  }
  const { diagnostics, policy, outputs, changes, durationMs } = result;
  const report: RunReport = {
    stack,
    engine: engine.name,
    action,
    result: result.result,
    changes,
    durationMs,
    phases: reports,
    diagnostics,
    policy,
    failures: failuresOf(result, plan, command),
    outputs,
    ...(kept && { kept }),
  };
  print(report, result, checked, options, isPreview);
  const unexpected = options.expectNoChanges === true && result.result === "succeeded" && hasChanges(result);
  if (!unexpected) return exitCodeOfRun(report);
  process.stderr.write(`error: no changes were expected, and there ${isPreview ? "are" : "were"} some\n`);
  return exitCodes.failed;
}

/** What the cluster cannot become is said before the engine starts; program and rollouts themselves stop an update in the same way. */
async function refuseImpossibleChange({ stack, plan }: CheckedStack, engine: StackEngine): Promise<void> {
  const rollouts = plan.groups.map(({ name }) => resourceIds.rollout(name));
  const [commitments, ...results] = await engine.printed([resourceIds.commitments, ...rollouts]);
  const problems = impossibleChanges(plan, commitments, results);
  if (problems.length > 0) throw new ConfigurationError(stack, problems);
}

function print(
  report: RunReport,
  result: Result,
  { plan }: CheckedStack,
  options: RunOptions,
  isPreview: boolean,
): void {
  const preview = isPreview ? previewReport(result, plan) : undefined;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...report, ...preview }, null, 2)}\n`);
    return;
  }
  const style = styleOf(process.stdout);
  const lines = [...(preview ? previewText(preview, style) : []), ...summaryText(report, plan, style)];
  process.stdout.write(`${lines.join("\n")}\n`);
}
