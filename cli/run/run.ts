/** One run of an engine, shown while it goes on and summed up at its end. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterPlan } from "../../components/plan/types";
import type { PlatformModule } from "../../components/platform/module";
import { resourceIds } from "../../components/resources";
import { countOf, exitCodes, UserError } from "../../config/errors";
import { ConfigurationError } from "../../config/read";
import { type EngineEvent, hasChanges, type Result, type Values } from "../../engine";
import { clusterOf } from "../hosts/cluster";
import { statusOf } from "../hosts/collect";
import { type Health, settledHealth } from "../hosts/settled";
import { print } from "../output";
import { costBefore } from "../show/cost";
import { creationOf } from "../show/creation";
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
import { clearLeftovers } from "./leftovers";
import { openStack } from "./open-stack";
import { ownerOf } from "./owner";
import { changesOf, chooseIncarnation, digestOf, readReviewed, refuseUnreviewed, writeReviewed } from "./reviewed";
import { withStepRules } from "./step-rules";

export interface RunOptions {
  readonly engine?: string;
  /** Of a preview: print the text of a comment, and everything else on the standard error. */
  readonly markdown?: boolean;
  /** Where the standard error can be read. */
  readonly logUrl?: string;
  readonly json?: boolean;
  readonly expectNoChanges?: boolean;
  /** Of a preview: the file that it is kept in, for `reviewed`. */
  readonly save?: string;
  /** Of an update: the file of the preview that it is held to. */
  readonly reviewed?: string;
  /** An update of what an earlier one of this command has left waiting. */
  readonly second?: boolean;
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
  const reviewed = options.reviewed === undefined ? undefined : readReviewed(options.reviewed);
  const newIncarnation = chooseIncarnation(reviewed?.newIncarnation);
  // Opened for a look of its own: until it is known that this is what was reviewed, nothing is made, not even a folder for a state.
  if (reviewed) {
    const looking = openStack(checked, { engine: options.engine, make: false, say: () => undefined });
    await refuseUnreviewed(reviewed, stack, looking, say);
  }
  const engine = openStack(checked, { engine: options.engine, make: !isPreview, say });
  if (action === "up" || action === "preview") await refuseImpossibleChange(checked, engine);
  else await refuseLosingKeys(checked, engine);
  const owner = action === "destroy" ? await ownerOf(engine) : undefined;
  const command = `kilonode ${isPreview ? "preview" : action} ${stack}`;
  const interruption = interruptible(command, say);
  progress.start();
  let result: Result;
  let reports: RunReport["phases"];
  let health: Health | undefined;
  let kept: RunReport["kept"];
  const { signal } = interruption;
  // What fails after a Ctrl-C fails by it, and is nothing to be mended.
  const ended = new Set<string>();
  const onEvent = (event: EngineEvent) => {
    if (signal.aborted && event.type === "diagnostic") ended.add(event.message);
    progress.onEvent(event);
  };
  try {
    const before = isPreview ? undefined : () => clearLeftovers(checked, engine, say);
    result = await engine.run(action, { onEvent, signal, ...(before && { before }) });
    if (destroys) kept = await keptBy(engine);
    // What is kept may be the data of a stack that has been called ephemeral only since its last `up`.
    if (action === "destroy" && result.result === "succeeded" && kept?.length === 0)
      await checked.platform.sweep(checked.spec, owner);
    reports = progress.stop(result.durationMs);
    if (action === "up" && result.result === "succeeded")
      health = await healthAfter(checked, engine, say, interruption.signal);
  } finally {
    progress.stop(0);
    interruption.end();
  }
  if (isPreview) result = withStepRules(result, checked);
  const { policy, outputs, changes, durationMs } = result;
  const diagnostics = result.diagnostics.filter(({ message }) => !ended.has(message));
  const { creationSeconds, instances } = checked.platform;
  const succeeded = result.result === "succeeded";
  const creation = succeeded && action === "preview" ? creationOf(result, plan, creationSeconds) : undefined;
  const report: RunReport = {
    stack,
    engine: engine.name,
    action,
    result: result.result,
    changes,
    ...(creation && { creation }),
    ...(succeeded && instances && !destroys && costs(result, plan, instances)),
    durationMs,
    phases: reports,
    diagnostics,
    policy,
    failures: failuresOf({ diagnostics }, plan, command),
    ...(health && { health }),
    outputs,
    ...(kept && { kept }),
  };
  if (options.save !== undefined && succeeded) {
    const saved = { stack, engine: engine.name, newIncarnation, changes: changesOf(result.steps) };
    writeReviewed(options.save, saved);
    process.stderr.write(`saved for review in ${options.save}: ${digestOf(saved)}\n`);
  }
  print(reportText(report, result, checked, options, isPreview));
  if (options.expectNoChanges === true && result.result === "succeeded" && hasChanges(result)) {
    process.stderr.write(`error: no changes were expected, and there ${isPreview ? "are" : "were"} some\n`);
    return exitCodes.failed;
  }
  const code = exitCodeOfRun(report);
  const waiting = action === "up" && code === exitCodes.done ? waitingIn(outputs) : [];
  if (waiting.length === 0) return code;
  const wait = `the machines of ${countOf(waiting, "host")} wait (${waiting[0]})`;
  if (options.second)
    throw new UserError(
      `${wait} after a second update, too: see docs/machines.md#one-host-at-a-time, then run \`${command}\` again`,
    );
  if (reviewed) {
    process.stderr.write(`${wait} for another update, which is to be reviewed, too\n`);
    return code;
  }
  process.stderr.write(`${wait}: now the update that changes them\n`);
  return runAction(checked, action, { ...options, second: true });
}

/** Hosts whose machines the update has left for the next one: see components/host/trust.ts. */
const waitingIn = ({ waiting }: Values): readonly unknown[] => (Array.isArray(waiting) ? waiting : []);

/** Whether what was applied works. A program of one's own may make other hosts than the plan's, which nobody here knows to look at. */
async function healthAfter(
  checked: CheckedStack,
  engine: StackEngine,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Health> {
  const cluster = await clusterOf(checked, engine).catch((error: Error) => error.message);
  if (typeof cluster === "string") return { problems: [cluster], durationMs: 0 };
  const [unmade] = cluster.unmade;
  if (unmade) return { problems: [`${unmade.name}: ${unmade.reason}`], durationMs: 0 };
  const clock = { now: () => performance.now(), sleep: (milliseconds: number) => sleep(milliseconds) };
  const waiting = ([first, ...more]: readonly string[]) =>
    say(`applied; waiting for the cluster: ${first}${more.length > 0 ? ` (and ${more.length} more)` : ""}`);
  return settledHealth(() => statusOf(cluster), clock, waiting, signal);
}

/** What the cluster cannot become is said before the engine starts; program and rollouts themselves stop an update in the same way. */
async function refuseImpossibleChange({ stack, plan }: CheckedStack, engine: StackEngine): Promise<void> {
  const rollouts = plan.groups.map(({ name }) => resourceIds.rollout(name));
  const [commitments, ...results] = await engine.printed([resourceIds.commitments, ...rollouts]);
  const problems = impossibleChanges(plan, commitments, results);
  if (problems.length > 0) throw new ConfigurationError(stack, problems);
}

function costs(
  { action, steps }: Result,
  { scale }: ClusterPlan,
  instances: NonNullable<PlatformModule["instances"]>,
): Pick<RunReport, "costUsdPerMonth" | "costBeforeUsdPerMonth"> {
  const before = action === "preview" ? costBefore(steps, instances) : undefined;
  return { costUsdPerMonth: scale.cost.total, ...(before !== undefined && { costBeforeUsdPerMonth: before }) };
}

function reportText(
  report: RunReport,
  result: Result,
  { plan, platform }: CheckedStack,
  options: RunOptions,
  isPreview: boolean,
): string {
  const preview = isPreview ? previewReport(result, plan, platform) : undefined;
  if (options.json) return `${JSON.stringify({ ...report, ...preview }, null, 2)}\n`;
  const style = styleOf(options.markdown ? process.stderr : process.stdout);
  const text = [...(preview ? previewText(preview, style) : []), ...summaryText(report, plan, style)].join("\n");
  if (!preview || !options.markdown) return `${text}\n`;
  process.stderr.write(`${text}\n`);
  const { previewMarkdown } = require("../show/markdown-preview") as typeof import("../show/markdown-preview");
  return previewMarkdown(report, preview, plan, options.logUrl);
}
