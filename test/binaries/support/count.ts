/** What the binaries accepted, counted over all files of tests. */
import { appendFileSync } from "node:fs";
import { inject } from "vitest";
import type { Checked } from "./summary";

/** Call it after the last assertion. */
export function accepted(checked: Checked): void {
  appendFileSync(inject("checked"), `${JSON.stringify(checked)}\n`);
}

/** Names of rendered flags. */
export const flagNames = (flags: readonly string[]): string[] =>
  flags.map((flag) => flag.replace(/^--/, "").split("=", 1)[0] ?? flag);
