import type { Command } from "commander";
import type { RunOptions } from "../run/run";
import { engineOption, jsonOption, stackArgument } from "./options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("--expect-no-changes", "fail when something was changed")
    .option("--reviewed <file>", "do what this preview (preview --save) would do, or nothing")
    .addHelpText(
      "after",
      `
Checks the configuration, the machine and the binaries, then makes and changes hosts in order: etcd one member at a time
behind a health gate, then masters one by one. Can be interrupted and run again at any time: it goes on from what is there.
In the end it looks at the cluster as \`kilonode status\` does, and waits for what is still coming up.
With --reviewed the preview is made once more first: when something else comes out, nothing is touched (2), and every difference is named.

Examples:
  kilonode up lab
  kilonode up lab --json 2>progress.log | jq .phases

Exit status: 0 done, 1 failed or the cluster is not healthy, 2 bad configuration (nothing touched), 3 a health gate refused, 130 interrupted.`,
    )
    .action(async (stack: string, options: RunOptions) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      const { runAction } = require("../run/run") as typeof import("../run/run");
      process.exitCode = await runAction(checkedStack(stack), "up", options);
    });
}
