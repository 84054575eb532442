import type { Command } from "commander";
import { UserError } from "../../config/errors";
import { print } from "../output";
import type { RunOptions } from "../run/run";
import { engineOption, jsonOption, markdownOption, stackArgument } from "./options";

export function define(command: Command): void {
  markdownOption(jsonOption(engineOption(command.argument(...stackArgument))))
    .option("--expect-no-changes", "fail (exit 1) when up would change something")
    .option("--destroy", "show what destroy would remove instead")
    .addOption(
      command
        .createOption("--save <file>", "keep what it would do, for a review and for up --reviewed")
        .conflicts("destroy"),
    )
    .addHelpText(
      "after",
      `
Shows for each host which lines of which files change, what restarts because of it, and in which order hosts are changed.
Hosts with the same change are shown once. Secrets are never shown. Touches nothing. Ends with what the hosts cost a month, where they cost,
and from nothing with the longest chain of operations, where the platform has figures of time and the engine tells what waits for what.
Fails when it breaks a mandatory rule of the policy pack (docs/policy.md).

With --markdown the standard output is the text of a comment on a pull request (docs/reviews.md), and the standard error has the preview as
it is otherwise, whole.

Examples:
  kilonode preview lab
  kilonode preview prod-a --expect-no-changes   in CI: is the cluster what the configuration says?
  kilonode preview prod-a --save reviewed.json  then: kilonode up prod-a --reviewed reviewed.json`,
    )
    .action(async (stack: string, { destroy, ...options }: RunOptions & { destroy?: boolean }) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      const { runAction } = require("../run/run") as typeof import("../run/run");
      try {
        process.exitCode = await runAction(checkedStack(stack), destroy ? "preview-destroy" : "preview", options);
      } catch (error) {
        if (options.markdown && error instanceof UserError) {
          const { refusalMarkdown } = require("../show/markdown-preview") as typeof import("../show/markdown-preview");
          print(refusalMarkdown(stack, error.problems, options.logUrl));
        }
        throw error;
      }
    });
}
