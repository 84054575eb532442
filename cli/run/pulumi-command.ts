/** The Pulumi CLI as a process of its own: in a process group that a terminal's Ctrl-C does not reach, told once to stop. */
import { spawn } from "node:child_process";
import { PulumiCommand } from "@pulumi/pulumi/automation";

/** What the Automation API asks of a command, which its declarations leave out (automation/cmd.js). */
type Run = (
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  onOutput?: (text: string) => void,
  onError?: (text: string) => void,
  signal?: AbortSignal,
) => Promise<{ stdout: string; stderr: string; code: number }>;

/**
 * The command that is on PATH. The Automation API's own starts the CLI among this process's, so that it gets a Ctrl-C from the terminal
 * and a second one from the signal, which to Pulumi means to drop everything at once.
 */
export async function pulumiCommand(): Promise<PulumiCommand> {
  return Object.assign(await PulumiCommand.get(), { run: runInItsOwnGroup });
}

const runInItsOwnGroup: Run = (args, cwd, env, onOutput, onError, signal) => {
  const child = spawn("pulumi", args.includes("--non-interactive") ? args : [...args, "--non-interactive"], {
    cwd,
    env: { ...process.env, ...env, PULUMI_AUTOMATION_API: "true" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const interrupt = () => child.kill("SIGINT");
  signal?.addEventListener("abort", interrupt, { once: true });
  // A second Ctrl-C ends this process, and the CLI must not outlive it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const printed = { stdout: "", stderr: "" };
  const collect = (name: keyof typeof printed, tell?: (text: string) => void) =>
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
      tell?.(text);
    });
  collect("stdout", onOutput);
  collect("stderr", onError);
  return new Promise<{ stdout: string; stderr: string; code: number }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, by) => {
      if (code === 0) resolve({ ...printed, code });
      else
        reject(
          new Error(printed.stderr.trim() || printed.stdout.trim() || `pulumi ended with ${by ?? `code ${code}`}`),
        );
    });
    if (signal?.aborted) interrupt();
  }).finally(() => {
    signal?.removeEventListener("abort", interrupt);
    process.removeListener("exit", kill);
  });
};
