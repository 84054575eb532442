/** Options that several commands share. */
import { type Command, Option } from "commander";

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

export interface MarkdownOptions {
  readonly markdown?: boolean;
  readonly logUrl?: string;
}

export function markdownOption(command: Command): Command {
  return command
    .addOption(
      new Option("--markdown", "print the text of a comment on GitHub on the standard output").conflicts("json"),
    )
    .option("--log-url <url>", "with --markdown: where the log of this run is, for a comment that had to be cut");
}
