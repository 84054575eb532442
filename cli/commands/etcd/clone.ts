import type { Command } from "commander";
import type { CloneOptions } from "../../etcd/clone/clone";
import { engineOption, stackArgument } from "../options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .requiredOption("--from <stack>", "the stack whose snapshots it gets the content of")
    .option("--snapshot <id>", "the snapshot, or how its id begins (default: the newest of each shard)")
    .option("--at <time>", "the last snapshots that were taken until then, such as 2026-11-29T03:15:00Z")
    .option("--drop <resource...>", "more that is left out, such as cronjobs or cert-manager.io/certificates")
    .option("--dry-run", "say which snapshots and what is left out, and touch nothing")
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      `
For a test cluster with the content of another one. The stack must be ephemeral, be up, and have a store (etcd.backup); it keeps its own certificates, names,
addresses and keys. Each snapshot is opened in an etcd on this machine, and what would let the clone act for the other cluster is
removed with its history: Secrets, nodes, pods, leases, endpoints of API servers, volumes and their claims, webhooks, aggregated APIs. The rest
goes to the clone's own store and is restored from there. Of the other cluster nothing but its store is touched, and that is only read.

Examples:
  kilonode etcd clone test --from prod --dry-run
  kilonode etcd clone test --from prod --drop cronjobs jobs --yes

Exit status: 0 done; 1 failed; 2 wrong usage; 3 refused (the text says why and what to do).`,
    )
    .action(async (stack: string, options: CloneOptions) => {
      const { clone } = require("../../etcd/clone/clone") as typeof import("../../etcd/clone/clone");
      await clone(stack, options);
    });
}
