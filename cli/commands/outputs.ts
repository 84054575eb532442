import type { Command } from "commander";
import { print } from "../output";
import { engineOption, jsonOption, stackArgument } from "./options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)), "print them as JSON")
    .option("--show-secrets", "print secrets in clear instead of [secret]")
    .addHelpText(
      "after",
      `
Examples:
  kilonode outputs lab
  kilonode outputs lab --json | jq -r .apiEndpoint`,
    )
    .action(async (stack: string, options: { engine?: string; json?: boolean; showSecrets?: boolean }) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      const { openStack } = require("../run/open-stack") as typeof import("../run/open-stack");
      const { outputsText } = require("../show/outputs") as typeof import("../show/outputs");
      const engine = openStack(checkedStack(stack), { engine: options.engine, make: false, say: () => undefined });
      const outputs = (await engine.exists())
        ? await engine.outputs({ showSecrets: options.showSecrets === true })
        : {};
      if (options.json) print(`${JSON.stringify(outputs, null, 2)}\n`);
      else print(`${outputsText(outputs).join("\n")}\n`);
    });
}
