import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { print } from "../output";
import { engineOption, jsonOption, type MarkdownOptions, markdownOption, stackArgument } from "./options";

export function define(command: Command): void {
  markdownOption(jsonOption(engineOption(command.argument(...stackArgument))))
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
    .action(async (stack: string, options: ClusterOptions & MarkdownOptions & { json?: boolean; full?: boolean }) => {
      const { collectDrift, driftText } = require("../hosts/drift") as typeof import("../hosts/drift");
      const report = await collectDrift(stack, options);
      const text = `${(options.json ? [JSON.stringify(report, null, 2)] : driftText(report)).join("\n")}\n`;
      if (options.markdown) {
        const { driftMarkdown } = require("../show/markdown-drift") as typeof import("../show/markdown-drift");
        process.stderr.write(text);
        print(driftMarkdown(report, options.logUrl));
      } else print(text);
      process.exitCode = report.differs ? 1 : 0;
    });
}
