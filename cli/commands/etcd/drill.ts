import type { Command } from "commander";
import type { ShardOptions } from "../../etcd/shards";
import { print } from "../../output";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("--shard <shard>", "of this shard alone")
    .option(
      "--no-fresh",
      "never take another snapshot, also where the latest one cannot be compared with the live shard",
    )
    .addHelpText(
      "after",
      `
On a member of each shard that does not lead, with what the member leaves of the host: fetches the latest snapshot, restores it into an etcd
of its own that nobody else can reach, and compares the keys of each resource with the snapshot's manifest and with the live shard at that
revision. API servers have a shard forget old revisions every five minutes; where that has happened, another snapshot is taken first.
Members' data is not touched.

Examples:
  kilonode etcd drill prod
  kilonode etcd drill prod --no-fresh --json | jq '.[] | {shard, passed, ageSeconds}'

Exit status: 0 every shard could be restored as it was, 1 some could not (the last lines say why).`,
    )
    .action(async (stack: string, options: ShardOptions & { json?: boolean; fresh: boolean }) => {
      const { shardsOf } = require("../../etcd/backup/members") as typeof import("../../etcd/backup/members");
      const { drillShards, drillText } = require("../../etcd/backup/drill") as typeof import("../../etcd/backup/drill");
      const { styleOf } = require("../../show/style") as typeof import("../../show/style");
      const say = (line: string) => process.stderr.write(`${line}\n`);
      const shards = await drillShards(await shardsOf(stack, options), options.fresh, say);
      const lines = options.json ? [JSON.stringify(shards, null, 2)] : drillText(shards, styleOf(process.stdout));
      print(`${lines.join("\n")}\n`);
      process.exitCode = shards.every(({ passed }) => passed) ? 0 : 1;
    });
}
