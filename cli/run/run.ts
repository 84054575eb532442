/** One action on a stack: refused, or run by an engine and summed up. */
import { resourceIds } from "../../components/resources";
import { countOf, exitCodes, UserError } from "../../config/errors";
import { ConfigurationError } from "../../config/read";
import { hasChanges, type Result, type Values } from "../../engine";
import { print } from "../output";
import { Phases } from "../show/phases";
import { ProgressDisplay } from "../show/progress";
import { styleOf } from "../show/style";
import { exitCodeOfRun } from "../show/summary";
import { Terminal } from "../show/terminal";
import type { CheckedStack } from "../stack/configuration";
import { type Action, isLook, type StackEngine } from "./engine";
import { impossibleChanges, otherReleases } from "./impossible";
import { refuseLosingKeys } from "./kept";
import { openStack } from "./open-stack";
import { type ReportOptions, reportOf, reportText } from "./report";
import { changesOf, chooseIncarnation, digestOf, readReviewed, refuseUnreviewed, writeReviewed } from "./reviewed";
import { runShown } from "./shown";

export interface RunOptions extends ReportOptions {
  readonly engine?: string;
  readonly expectNoChanges?: boolean;
  /** Of a preview: the file that it is kept in, for `reviewed`. */
  readonly save?: string;
  /** Of an update: the file of the preview that it is held to. */
  readonly reviewed?: string;
  /** Of an update: a host that is made anew, whatever there is of it. */
  readonly replaced?: string;
  /** An update of what an earlier one of this command has left waiting. */
  readonly second?: boolean;
}

/** Progress goes to the standard error, the result to the standard output. @returns the exit code */
export async function runAction(checked: CheckedStack, action: Action, options: RunOptions): Promise<number> {
  const { stack, plan } = checked;
  const command = `kilonode ${isLook(action) ? "preview" : action} ${stack}`;
  const phases = new Phases(action === "up" ? plan : undefined);
  const progress = new ProgressDisplay(new Terminal(process.stderr), phases, styleOf(process.stderr), isLook(action));
  const reviewed = options.reviewed === undefined ? undefined : readReviewed(options.reviewed);
  if (options.replaced !== undefined && !options.second) process.env.KILONODE_REPLACED = options.replaced;
  else delete process.env.KILONODE_REPLACED;
  const newIncarnation = chooseIncarnation(reviewed?.newIncarnation);
  const say = (line: string) => progress.line(line);
  // Opened for a look of its own: until it is known that this is what was reviewed, nothing is made, not even a folder for a state.
  if (reviewed) {
    const looking = openStack(checked, { engine: options.engine, make: false, say: () => undefined });
    await refuseUnreviewed(reviewed, stack, looking, say);
  }
  const engine = openStack(checked, { engine: options.engine, make: !isLook(action), say });
  if (action === "up" || action === "preview") {
    const notes = await refuseImpossibleChange(checked, engine);
    // A preview has them in its report.
    if (action === "up") for (const note of notes) say(note);
  } else await refuseLosingKeys(checked, engine);
  const ran = await runShown(checked, action, engine, command, progress);
  const { result } = ran;
  const report = reportOf(checked, engine.name, command, ran);
  if (options.save !== undefined && result.result === "succeeded")
    save(options.save, stack, engine, newIncarnation, result);
  print(reportText(report, result, checked, options));
  if (options.expectNoChanges === true && result.result === "succeeded" && hasChanges(result)) {
    process.stderr.write(`error: no changes were expected, and there ${isLook(action) ? "are" : "were"} some\n`);
    return exitCodes.failed;
  }
  const code = exitCodeOfRun(report);
  const waiting = action === "up" && code === exitCodes.done ? waitingIn(result.outputs) : [];
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

/**
 * What the cluster cannot become is said before the engine starts; program and rollouts themselves stop an update in the same way.
 * @returns what is to be said of another release before it begins
 */
async function refuseImpossibleChange({ stack, plan }: CheckedStack, engine: StackEngine): Promise<readonly string[]> {
  const rollouts = plan.groups.map(({ name }) => resourceIds.rollout(name));
  const [commitments, ...results] = await engine.printed([resourceIds.commitments, ...rollouts]);
  const problems = impossibleChanges(plan, commitments, results);
  if (problems.length > 0) throw new ConfigurationError(stack, problems);
  return otherReleases(plan, results);
}

function save(file: string, stack: string, engine: StackEngine, newIncarnation: string, { steps }: Result): void {
  const saved = { stack, engine: engine.name, newIncarnation, changes: changesOf(steps) };
  writeReviewed(file, saved);
  process.stderr.write(`saved for review in ${file}: ${digestOf(saved)}\n`);
}
