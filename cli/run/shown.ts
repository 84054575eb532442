/** One run of an engine, shown while it goes on: what it did, what of that is told, and how the cluster is afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineEvent, Result } from "../../engine";
import { clusterOf } from "../hosts/cluster";
import { statusOf } from "../hosts/collect";
import { type Health, settledHealth } from "../hosts/settled";
import type { ProgressDisplay } from "../show/progress";
import type { RunReport } from "../show/summary";
import type { CheckedStack } from "../stack/configuration";
import { type Action, isLook, type StackEngine } from "./engine";
import { interruptible } from "./interrupt";
import { keptBy } from "./kept";
import { clearLeftovers } from "./leftovers";
import { ownerOf } from "./owner";
import { withStepRules } from "./step-rules";

export interface Ran extends Pick<RunReport, "phases" | "health" | "kept"> {
  readonly result: Result;
}

export async function runShown(
  checked: CheckedStack,
  action: Action,
  engine: StackEngine,
  command: string,
  progress: ProgressDisplay,
): Promise<Ran> {
  const say = (line: string) => progress.line(line);
  const owner = action === "destroy" ? await ownerOf(engine) : undefined;
  const interruption = interruptible(command, say);
  const { signal } = interruption;
  // What fails after a Ctrl-C fails by it, and is nothing to be mended.
  const ended = new Set<string>();
  const onEvent = (event: EngineEvent) => {
    if (signal.aborted && event.type === "diagnostic") ended.add(event.message);
    progress.onEvent(event);
  };
  progress.start();
  try {
    const before = isLook(action) ? undefined : () => clearLeftovers(checked, engine, say);
    const done = await engine.run(action, { onEvent, signal, ...(before && { before }) });
    const result = { ...done, diagnostics: done.diagnostics.filter(({ message }) => !ended.has(message)) };
    const kept = action === "destroy" || action === "preview-destroy" ? await keptBy(engine) : undefined;
    // What is kept may be the data of a stack that has been called ephemeral only since its last `up`.
    if (action === "destroy" && result.result === "succeeded" && kept?.length === 0)
      await checked.platform.sweep(checked.spec, owner);
    const phases = progress.stop(result.durationMs);
    const applied = action === "up" && result.result === "succeeded";
    const health = applied ? await healthAfter(checked, engine, say, signal) : undefined;
    const judged = isLook(action) ? withStepRules(result, checked) : result;
    return { result: judged, phases, ...(health && { health }), ...(kept && { kept }) };
  } finally {
    progress.stop(0);
    interruption.end();
  }
}

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
