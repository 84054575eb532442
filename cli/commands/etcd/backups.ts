import type { Command } from "commander";
import type { ShardOptions } from "../../etcd/shards";
import { print } from "../../output";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("--shard <shard>", "of this shard alone")
    .addHelpText(
      "after",
      `
Examples:
  kilonode etcd backups prod
  kilonode etcd backups prod --shard main --json | jq '.[0].snapshots[-1]'

Exit status: 0, 1 some repository cannot be read.`,
    )
    .action(async (stack: string, options: ShardOptions & { json?: boolean }) => {
      const { shardsOf } = require("../../etcd/backup/members") as typeof import("../../etcd/backup/members");
      const { backupsText, listBackups } =
        require("../../etcd/backup/backups") as typeof import("../../etcd/backup/backups");
      const { styleOf } = require("../../show/style") as typeof import("../../show/style");
      const shards = await listBackups(await shardsOf(stack, options));
      const lines = options.json ? [JSON.stringify(shards, null, 2)] : backupsText(shards, styleOf(process.stdout));
      print(`${lines.join("\n")}\n`);
      process.exitCode = shards.some(({ error }) => error !== undefined) ? 1 : 0;
    });
}
