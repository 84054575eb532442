import type { Command } from "commander";
import type { MoveOptions } from "../../etcd/move/options";
import { engineOption, stackArgument } from "../options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .requiredOption("--shard <shard>", "name of the shard that gets them, as in the stack's file")
    .option("--until <step>", "go no further than joined, served or own (default: own, and what follows)")
    .option("--abandon", "take back a split whose new cluster has not begun")
    .option("--unverified", "have main let go what has moved, although it was not compared in time")
    .option("-y, --yes", "do not ask before each step")
    .addHelpText(
      "after",
      `
Give the shard, with its members, resources and slot, in \`etcd.shards\` of the stack's file. Then:
  joined   its members join main's cluster, one at a time, and so get all data
  served   API servers use them for these resources; it is the same cluster still
  own      they leave main for a cluster of their own; writes of these resources wait for some seconds
Then both let go what is the other's, after it was compared. \`joined\` and \`served\` are steps of the stack's file (move), each an \`up\` of
its own, and go back by it; \`own\` does not go back. When the command is cut short anywhere, the same command goes on from there.

Examples:
  kilonode etcd move lab --shard pods --until served
  kilonode etcd move lab --shard pods
  kilonode etcd move lab --shard pods --abandon

Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused (the text says why and what to do), 130 interrupted between two steps.`,
    )
    .action(async (stack: string, options: MoveOptions) => {
      const { move } = require("../../etcd/move/move") as typeof import("../../etcd/move/move");
      process.exitCode = await move(stack, options);
    });
}
