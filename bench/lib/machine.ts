/** What a figure was measured on, and how much memory was in use at most. */

import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

export function machineLine(): string {
  const [first] = cpus();
  return `${cpus().length} x ${first?.model.trim() ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`;
}

function availableMiB(): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"));
  return Number(match?.[1] ?? 0) / 1024;
}

/** Samples the memory of the machine twice a second; `stop` gives the most that was in use beyond the start, MiB. */
export function memoryWatch(): { stop(): number } {
  const before = availableMiB();
  let lowest = before;
  const timer = setInterval(() => {
    lowest = Math.min(lowest, availableMiB());
  }, 500);
  return {
    stop() {
      clearInterval(timer);
      return Math.round(before - lowest);
    },
  };
}
