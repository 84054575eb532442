import type { Command } from "commander";
import { print } from "../output";
import { jsonOption, stackArgument } from "./options";

interface Options {
  readonly json?: boolean;
  readonly host?: string;
  readonly files?: boolean;
}

export function define(command: Command): void {
  jsonOption(command.argument(...stackArgument), "print the whole plan (or of --host its part) as JSON")
    .option("--host <name>", "print everything that this host holds")
    .option("--files", "list the files of each host")
    .addHelpText(
      "after",
      `
The plan is computed from the configuration alone: no engine, no root, nothing is looked at but the cache of binaries.

Examples:
  kilonode plan lab
  kilonode plan lab --host lab-etcd-main-1
  kilonode plan lab --json | jq '.hosts[] | {name, zone, address}'`,
    )
    .action(async (stack: string, options: Options) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      const { planWithSums } = require("../stack/sums") as typeof import("../stack/sums");
      const show = require("../show/plan") as typeof import("../show/plan");
      const plan = await planWithSums(checkedStack(stack));
      const host = options.host === undefined ? undefined : show.findHost(plan, options.host);
      const lines = options.json
        ? [JSON.stringify(host ?? plan, null, 2)]
        : host
          ? show.hostText(plan, host)
          : show.planText(plan, options.files === true);
      print(`${lines.join("\n")}\n`);
    });
}
