import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { print } from "../output";
import { engineOption, jsonOption, stackArgument } from "./options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .addHelpText(
      "after",
      `
Asks every host over SSH at the same time, and the API for its nodes. What does not answer is asked once more, for a minute; then it
counts as not known, which is no failure.
Works on half of a cluster, too: after an \`up\` that failed or was killed it says what that was at and what there is.

Examples:
  kilonode status lab
  kilonode status lab --json | jq '.etcd[] | {shard, leader, healthy}'

Exit status: 0 all is healthy, 1 something is not or is not known (the last lines say what), or the last \`up\` did not finish.`,
    )
    .action(async (stack: string, options: ClusterOptions & { json?: boolean }) => {
      const { collectStatus } = require("../hosts/collect") as typeof import("../hosts/collect");
      const { statusText } = require("../show/status") as typeof import("../show/status");
      const { styleOf } = require("../show/style") as typeof import("../show/style");
      const report = await collectStatus(stack, options);
      const lines = options.json
        ? [JSON.stringify(report, null, 2)]
        : statusText(report, styleOf(process.stdout), new Date());
      print(`${lines.join("\n")}\n`);
      process.exitCode = report.healthy ? 0 : 1;
    });
}
