/**
 * `command:local:Command`: a shell command on this machine.
 *
 * Follows provider/pkg/provider/local/commandOutputs.go of pulumi-command 1.2.1, except that a command runs in a process group
 * of its own: the real plugin lets an interrupted command's children live on, a rehearsal of an interruption must not.
 */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import type { Value, Values } from "../../values/value";
import { goQuote } from "./go-quote";
import { type Logging, Output, type Printed } from "./output";

/** After an interruption a command has this long to end by itself. */
const GRACE_MS = 10_000;
const SHELL = "/bin/sh";
/** What holds a killed command's output open after this is not waited for. */
const DRAIN_MS = 1_000;

/** Who wants a command run: hears of it, and may interrupt it. */
export interface Caller {
  readonly signal: AbortSignal;
  readonly log: (severity: "debug" | "info" | "warning" | "error", message: string) => void;
}

/** The variables that hand the output of the previous command of the same resource to the next one. */
export function previousOutput(properties: Values, previous: Values): Record<string, string> {
  if (properties.addPreviousOutputInEnv === false) return {};
  const env: Record<string, string> = {};
  if (typeof previous.stdout === "string" && previous.stdout !== "") env.PULUMI_COMMAND_STDOUT = previous.stdout;
  if (typeof previous.stderr === "string" && previous.stderr !== "") env.PULUMI_COMMAND_STDERR = previous.stderr;
  return env;
}

export function stringMap(value: Value | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries((value ?? {}) as Values).map(([key, item]) => [key, String(item)]));
}

/** Signals the command and everything it started that is still in its process group. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended.
  }
}

/** How Go names a process's end: `exit status 3`, `signal: interrupt`. */
function endText(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === null) return `exit status ${code}`;
  const names: Record<string, string> = { SIGINT: "interrupt", SIGTERM: "terminated", SIGKILL: "killed" };
  return `signal: ${names[signal] ?? `signal ${constants.signals[signal]}`}`;
}

/** Why the shell did not start, as Go tells it. */
function startText(error: NodeJS.ErrnoException, dir: string): string {
  if (!existsSync(dir)) return `chdir ${dir}: no such file or directory`;
  const reason = error.code === "E2BIG" ? "argument list too long" : error.message;
  return `fork/exec ${SHELL}: ${reason}`;
}

function start(command: string, dir: string, env: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams {
  try {
    return spawn(SHELL, ["-c", command], { cwd: dir, env, detached: true });
  } catch (error) {
    // Some failures are thrown (too long an environment), others are events.
    throw new Error(`${startText(error as NodeJS.ErrnoException, dir)}: running ${goQuote(command)}:\n`);
  }
}

/** Runs `command` with the settings of a resource and the output of its previous run. */
export async function runLocal(
  caller: Caller,
  command: string,
  properties: Values,
  previous: Values,
): Promise<Printed> {
  caller.signal.throwIfAborted();
  const dir = typeof properties.dir === "string" ? properties.dir : process.cwd();
  const env = { ...process.env, ...stringMap(properties.environment), ...previousOutput(properties, previous) };

  const child = start(command, dir, env);
  let stopping = false;
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
  const kill = () => {
    signalGroup(child, "SIGKILL");
    after(DRAIN_MS, () => {
      child.stdout.destroy();
      child.stderr.destroy();
    });
  };
  const stop = () => {
    if (stopping) return;
    stopping = true;
    signalGroup(child, "SIGINT");
    after(GRACE_MS, kill);
  };
  // A shell's background processes ignore SIGINT; without the shell there is nothing that they still have to do.
  child.once("exit", () => {
    if (!stopping) return;
    signalGroup(child, "SIGTERM");
    after(DRAIN_MS, kill);
  });
  const output = new Output(properties.logging as Logging | undefined, (text) => caller.log("info", text), stop);
  child.stdout.on("data", (chunk: Buffer) => output.add("stdout", chunk));
  child.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
  child.stdin.on("error", () => {}); // A command need not read its input.
  child.stdin.end(typeof properties.stdin === "string" ? properties.stdin : "");
  caller.signal.addEventListener("abort", stop, { once: true });

  try {
    const failure = await new Promise<string | undefined>((resolve) => {
      child.once("error", (error) => resolve(startText(error, dir)));
      child.once("close", (code, signal) => resolve(code === 0 ? undefined : endText(code, signal)));
    });
    return output.result(command, failure);
  } finally {
    caller.signal.removeEventListener("abort", stop);
    timers.forEach(clearTimeout);
  }
}
