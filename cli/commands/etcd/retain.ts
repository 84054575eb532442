import type { Command } from "commander";
import type { RetainOptions } from "../../etcd/retention/retain";
import { print } from "../../output";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("--shard <shard>", "of this shard alone")
    .option("--dry-run", "say what would be forgotten and what is kept, and why; touch nothing")
    .option("--at-most <percent>", "of a shard's snapshots, how many may be forgotten at once; default 50")
    .option("--despite-many", "also when the store got more snapshots in a day than the timer makes")
    .option("-y, --yes", "do not ask (a stack that is not ephemeral asks for its name)")
    .addHelpText(
      "after",
      `
Hosts can add snapshots and remove none; this does, from here, with rights that no host has: on a lab those of a user of the store whose
key is in the state, on AWS your own. Kept are all of the last day, then the last one of each hour, day and week, as etcd.backup.keep
says, by the clock of the store, never by the time that a host has written; and the newest, always. What a host says otherwise, or has
written twice, is a suspect: neither counted nor forgotten. Refused while the newest is older than it should be. Wants restic, which is made
or downloaded as the binaries of a cluster are. Can be killed anywhere and run again.

Examples:
  kilonode etcd retain prod --dry-run
  kilonode etcd retain prod --yes --json | jq '.[] | {shard, forgotten: (.forgotten | length)}'

Exit status: 0 done, or nothing is too old; 1 failed; 2 wrong usage; 3 refused (the text says why and what to do).`,
    )
    .action(async (stack: string, options: RetainOptions) => {
      const { retain, retainedJson, retainedText } =
        require("../../etcd/retention/retain") as typeof import("../../etcd/retention/retain");
      const report = await retain(stack, options);
      const lines = options.json
        ? [JSON.stringify(retainedJson(report), null, 2)]
        : report.shards.flatMap(retainedText);
      print(`${lines.join("\n")}\n`);
      process.exitCode = report.exitCode;
    });
}
