/** Ctrl-C: the first lets what runs come to its end, the second ends everything at once. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { exitCodes } from "../../config/errors";

export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives the signals back. */
  end(): void;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function interruptible(command: string, say: (line: string) => void): Interruption {
  const abort = new AbortController();
  const onSignal = () => {
    if (abort.signal.aborted) {
      killDescendants();
      process.exit(exitCodes.interrupted);
    }
    say(`interrupted: finishing what runs; go on later with \`${command}\` (once more: stop at once)`);
    abort.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: abort.signal,
    end: () => {
      for (const name of signals) process.removeListener(name, onSignal);
    },
  };
}

/** Commands run in process groups of their own, so that a terminal's Ctrl-C does not reach them: found by their parents. */
function killDescendants(): void {
  if (!existsSync("/proc")) return;
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // Field 4, counted behind the name, which may hold spaces (proc_pid_stat(5)).
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Ended meanwhile.
    }
  }
  const visit = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      visit(child);
      try {
        process.kill(child, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
  };
  visit(process.pid);
}
