import type { Command } from "commander";
import type { CompactOptions } from "../../etcd/compact";
import { print } from "../../output";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .requiredOption("--shard <shard>", "the shard that is full")
    .option("-y, --yes", "do not ask before each step")
    .addHelpText(
      "after",
      `
A shard whose database has reached its quota raises the alarm NOSPACE and takes no writes. This finds the alarm, says how large the
databases are and which resources have the most keys, and goes on by steps, each of which is asked for: compact to the current
revision, defragment member by member, and take the alarm back as soon as every database is below 80 % of its quota. No object is
deleted: when the shard is full of objects, it says so and what to do. Can be stopped anywhere and run again.

Examples:
  kilonode etcd compact lab --shard main
  kilonode etcd compact lab --shard main --yes --json

Exit status: 0 done, or no alarm; 1 failed or stopped; 2 wrong usage; 3 a health gate refused, or it is still full; 130 interrupted.`,
    )
    .action(async (stack: string, options: CompactOptions) => {
      const { compact, compactText } = require("../../etcd/compact") as typeof import("../../etcd/compact");
      const report = await compact(stack, options);
      print(`${(options.json ? [JSON.stringify(report, null, 2)] : compactText(report)).join("\n")}\n`);
    });
}
