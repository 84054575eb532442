import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { print } from "../output";
import { engineOption, stackArgument } from "./options";

interface Options extends ClusterOptions {
  readonly path?: boolean;
  readonly breakGlass?: boolean;
}

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .option("--path", "write it to a file that only you can read, and print the file's name")
    .option("--break-glass", "of system:masters, past RBAC, for an hour; the audit log keeps all that is done with it")
    .addHelpText(
      "after",
      `
It holds a certificate of 8 hours for the group kilonode:operators, made anew each time: run it again for another 8 hours.

Examples:
  kilonode kubeconfig lab > kubeconfig
  kubectl --kubeconfig "$(npx kilonode kubeconfig lab --path)" get --raw /readyz
  kubectl --kubeconfig "$(npx kilonode kubeconfig lab --break-glass --path)" get clusterrolebindings`,
    )
    .action(async (stack: string, { path, breakGlass, ...options }: Options) => {
      const { reachableCluster, runningCluster } = require("../hosts/cluster") as typeof import("../hosts/cluster");
      const { issuedFor, writeKubeconfig } = require("../hosts/kubeconfig") as typeof import("../hosts/kubeconfig");
      const show = (role: "operator" | "break-glass", text: string) =>
        print(path ? `${writeKubeconfig(stack, role, text)}\n` : text);
      if (!breakGlass) {
        show("operator", (await runningCluster(stack, options)).kubeconfig);
        return;
      }
      const { text, user, ends } = await issuedFor(await reachableCluster(stack, options), "break-glass");
      process.stderr.write(
        `break-glass: ${user} is in system:masters until ${ends.toISOString()}; the audit logs of the API servers keep what it does\n`,
      );
      show("break-glass", text);
    });
}
