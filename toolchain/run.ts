import { spawn } from "node:child_process";
import { interrupted } from "./errors";

export interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

export interface RunResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command may print is kept up to here (its end, where errors are); `go build` with a broken module prints megabytes. */
const keptCharacters = 64 * 1024;
/** How long an interrupted command may take to clean up after SIGTERM. */
const graceMs = 3000;

/**
 * Runs a command in a process group of its own and waits for it. An abort ends the whole group: `go build` has compilers as children, which
 * would otherwise go on. Should this process exit first, the group goes with it.
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { signal, cwd, env } = options;
  if (signal?.aborted) throw interrupted();
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const endGroup = (how: NodeJS.Signals) => {
    try {
      if (child.pid) process.kill(-child.pid, how);
    } catch {
      // The group is already gone.
    }
  };
  let killer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    endGroup("SIGTERM");
    killer = setTimeout(() => endGroup("SIGKILL"), graceMs);
  };
  const onExit = () => endGroup("SIGKILL");
  process.once("exit", onExit);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout = (stdout + text).slice(-keptCharacters)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-keptCharacters)));
    const status = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? -1));
    });
    if (signal?.aborted) throw interrupted();
    return { status, stdout, stderr };
  } finally {
    clearTimeout(killer);
    process.off("exit", onExit);
    signal?.removeEventListener("abort", onAbort);
  }
}
