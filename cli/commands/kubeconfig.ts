import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { print } from "../output";
import { engineOption, stackArgument } from "./options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .option("--path", "write it to a file that only you can read, and print the file's name")
    .addHelpText(
      "after",
      `
Examples:
  kilonode kubeconfig lab > kubeconfig
  kubectl --kubeconfig "$(npx kilonode kubeconfig lab --path)" get --raw /readyz`,
    )
    .action(async (stack: string, options: ClusterOptions & { path?: boolean }) => {
      const { runningCluster } = require("../hosts/cluster") as typeof import("../hosts/cluster");
      const { writeKubeconfig } = require("../hosts/kubeconfig") as typeof import("../hosts/kubeconfig");
      const { kubeconfig } = await runningCluster(stack, options);
      print(options.path ? `${writeKubeconfig(stack, kubeconfig)}\n` : kubeconfig.replace(/\n?$/, "\n"));
    });
}
