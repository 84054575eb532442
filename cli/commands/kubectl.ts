import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { engineOption, stackArgument } from "./options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .argument("[arguments...]", "handed to kubectl as they are")
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText(
      "after",
      `
Runs the kubectl of the cluster's own version from the toolchain's cache, or the one on PATH where there is none.

Examples:
  kilonode kubectl lab get nodes -o wide
  kilonode kubectl lab -- get --raw /readyz`,
    )
    .action(async (stack: string, args: string[], options: ClusterOptions) => {
      const { runningCluster } = require("../hosts/cluster") as typeof import("../hosts/cluster");
      const { runKubectl } = require("../hosts/kubectl") as typeof import("../hosts/kubectl");
      process.exitCode = await runKubectl(
        await runningCluster(stack, options),
        args[0] === "--" ? args.slice(1) : args,
      );
    });
}
