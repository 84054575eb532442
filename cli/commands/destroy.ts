import type { Command } from "commander";
import type { RunOptions } from "../run/run";
import { type Consent, consentTo } from "./consent";
import { engineOption, jsonOption, stackArgument } from "./options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("-y, --yes", "do not ask (a stack that is not ephemeral asks for its name)")
    .addHelpText(
      "after",
      `
Removes the cluster. Of a stack with "ephemeral: true" everything goes, data too. Of any other the volumes of its hosts are
kept, and in its state the keys and results without which their data is of no use: "kilonode up" makes the cluster again
with its data. See "kilonode preview <stack> --destroy" for what would go.

Examples:
  kilonode destroy lab
  kilonode destroy staging --yes`,
    )
    .action(async (stack: string, options: RunOptions & Consent) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      const { runAction } = require("../run/run") as typeof import("../run/run");
      const checked = checkedStack(stack);
      await consentTo("destroy", checked, options);
      process.exitCode = await runAction(checked, "destroy", options);
    });
}
