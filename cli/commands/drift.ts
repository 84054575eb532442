import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { print } from "../output";
import { engineOption, jsonOption, stackArgument } from "./options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("--full", "hash every binary again instead of believing its size and time")
    .addHelpText(
      "after",
      `
Compares each host with what was last made live on it: files, units, sysctls, mounts, firewall, traffic classes, read back from the
host. \`kilonode up\` repairs what differs. (What would change because the configuration did: \`kilonode preview\`.)

Examples:
  kilonode drift lab
  kilonode drift lab --json | jq '.hosts[] | select(.drift != [])'

Exit status: 0 none, 1 some host differs or cannot be asked.`,
    )
    .action(async (stack: string, options: ClusterOptions & { json?: boolean; full?: boolean }) => {
      const { collectDrift, driftText } = require("../hosts/drift") as typeof import("../hosts/drift");
      const report = await collectDrift(stack, options);
      const lines = options.json ? [JSON.stringify(report, null, 2)] : driftText(report);
      print(`${lines.join("\n")}\n`);
      process.exitCode = report.differs ? 1 : 0;
    });
}
