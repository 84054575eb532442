import { type Command, InvalidArgumentError } from "commander";
import type { ClusterOptions } from "../hosts/cluster";
import { engineOption, stackArgument } from "./options";

interface Options extends ClusterOptions {
  readonly follow?: boolean;
  readonly lines: number;
  readonly since?: string;
}

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .argument("<host>", "name of the host; the stack's name in front may be left out")
    .argument("[unit]", "a systemd unit, for instance etcd; default: the units that Kilonode put on the host")
    .option("-f, --follow", "go on with what comes")
    .option("-n, --lines <number>", "how many lines back", wholeNumber, 100)
    .option("--since <time>", 'as journalctl takes it, for instance "10 min ago"')
    .addHelpText(
      "after",
      `
Examples:
  kilonode logs lab master-1 kube-apiserver -f
  kilonode logs lab etcd-main-1 -n 20`,
    )
    .action(async (stack: string, name: string, unit: string | undefined, options: Options) => {
      const { hostNamed, reachableCluster } = require("../hosts/cluster") as typeof import("../hosts/cluster");
      const { openssh } = require("../hosts/openssh") as typeof import("../hosts/openssh");
      const cluster = await reachableCluster(stack, options);
      const host = hostNamed(cluster, name);
      const planned = cluster.checked.plan.hosts.find((one) => one.name === host.name)?.machine.services ?? {};
      const own = Object.entries(planned).flatMap(([service, { kind }]) => (kind === "unit" ? [service] : []));
      const units = unit === undefined ? own : [unit];
      const words = ["journalctl", "--no-pager", `--lines=${options.lines}`, ...units.map((one) => `--unit=${one}`)];
      if (options.since) words.push(`--since=${options.since}`);
      if (options.follow) words.push("--follow");
      process.exitCode = await openssh(cluster.sshKey, host, words);
    });
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}
