import type { Holder } from "./lock";

/** What `ensureToolchain` tells while it works. */
export type Progress =
  | { readonly kind: "fault"; readonly name: string; readonly version: string; readonly fault: string }
  | { readonly kind: "wait"; readonly holder: Holder; readonly seconds: number }
  | (Step & { readonly kind: "start" })
  | (Step & { readonly kind: "tick"; readonly seconds: number })
  | (Step & { readonly kind: "done"; readonly seconds: number; readonly size: number })
  | { readonly kind: "changed"; readonly name: string; readonly from: string; readonly to: string };

const doing = { compile: "compiling", download: "downloading", image: "making its image" } as const;

/** One binary, or the image of one, being made: the `index`-th (from 1) of `total`. */
export interface Step {
  readonly name: string;
  readonly version: string;
  readonly action: keyof typeof doing;
  readonly index: number;
  readonly total: number;
}

/** A tick comes each second; a line each this many is enough for a person and does not flood a log. */
const secondsBetweenLines = 10;

/** The line for an event, or undefined where it is not worth one. Whole lines only, so that it reads the same in a terminal and in a log. */
export function progressLine(event: Progress): string | undefined {
  switch (event.kind) {
    case "fault":
      return `${event.name} ${event.version} in the cache is ${event.fault}; making it again`;
    case "wait":
      if (event.seconds % secondsBetweenLines !== 1) return undefined;
      return `waiting for process ${event.holder.pid} on ${event.holder.host}, which is making binaries (${event.seconds} s)`;
    case "start":
      return `${place(event)} ${doing[event.action]}`;
    case "tick":
      return event.seconds % secondsBetweenLines === 0 ? `${place(event)} ${event.seconds} s` : undefined;
    case "done":
      return `${place(event)} done in ${event.seconds} s, ${(event.size / 1e6).toFixed(1)} MB`;
    case "changed":
      return `${event.name} is not the same bytes as before: sha256 ${event.from.slice(0, 16)}... is now ${event.to.slice(0, 16)}...`;
  }
}

/** @returns what `onProgress` takes, for who prints lines */
export const progressTo = (say: (line: string) => void) => (event: Progress) => {
  const line = progressLine(event);
  if (line) say(line);
};

function place(step: Step): string {
  return `[${step.index}/${step.total}] ${step.name} ${step.version}:`;
}
