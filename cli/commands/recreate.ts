import type { Command } from "commander";
import type { RunOptions } from "../run/run";
import { type Consent, consentTo } from "./consent";
import { engineOption, jsonOption, stackArgument } from "./options";

export function define(command: Command): void {
  jsonOption(
    engineOption(command.argument(...stackArgument)),
    "print one JSON object for the destroy and one for the up",
  )
    .option("-y, --yes", "do not ask (a stack that is not ephemeral asks for its name)")
    .addHelpText(
      "after",
      `
Names, addresses and settings come from the configuration, so the new cluster is the same one. Of a stack with
"ephemeral: true" keys and data are new; any other keeps both.

Example:
  kilonode recreate lab`,
    )
    .action(async (stack: string, options: RunOptions & Consent) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      const { runAction } = require("../run/run") as typeof import("../run/run");
      const checked = checkedStack(stack);
      await consentTo("recreate", checked, options);
      process.exitCode = (await runAction(checked, "destroy", options)) || (await runAction(checked, "up", options));
    });
}
