/** Options that several commands share. */
import type { Command } from "commander";

export const stackArgument = ["<stack>", "name of the stack: a file stacks/Pulumi.<stack>.yaml"] as const;

export function engineOption(command: Command): Command {
  return command.option(
    "--engine <engine>",
    "pulumi (the Pulumi CLI) or rehearsal (the engine of this project); default: pulumi where it is on PATH",
  );
}

export function jsonOption(command: Command, what = "print one JSON object on the standard output"): Command {
  return command.option("--json", what);
}
