import type { Command } from "commander";

/** What each file in commands/ exports. */
export interface CommandModule {
  /** Adds arguments, options, help and the action. */
  define(command: Command): void;
}
