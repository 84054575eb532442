import type { Command } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { engineOption, stackArgument } from "./options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .argument("<host>", "name of the host; the stack's name in front may be left out")
    .argument("[command...]", "run this instead of a shell; its words are joined as ssh does")
    .passThroughOptions()
    .addHelpText(
      "after",
      `
Uses this machine's ssh with the cluster's own key and the host's pinned key, as root whoever logs in. Ends with the exit code of the
command.

Examples:
  kilonode ssh lab lab-master-1
  kilonode ssh lab etcd-main-1 -- systemctl status etcd --no-pager`,
    )
    .action(async (stack: string, name: string, words: string[], options: ClusterOptions) => {
      const { hostNamed, reachableCluster } = require("../hosts/cluster") as typeof import("../hosts/cluster");
      const { openssh } = require("../hosts/openssh") as typeof import("../hosts/openssh");
      const cluster = await reachableCluster(stack, options);
      // ssh would hand the "--" on to the host's shell.
      const command = (words[0] === "--" ? words.slice(1) : words).join(" ");
      const run = command === "" ? undefined : ["bash", "-c", command];
      process.exitCode = await openssh(cluster.sshKey, hostNamed(cluster, name), run);
    });
}
