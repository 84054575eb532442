import type { Command } from "commander";
import type { RestoreOptions } from "../../etcd/restore/restore";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .requiredOption("--shard <shard>", "name of the shard, such as main")
    .option("--snapshot <id>", "the snapshot, or how its id begins (default: the newest)")
    .option("--at <time>", "the last snapshot that was taken until then, such as 2026-11-29T03:15:00Z")
    .option("--without <host...>", "members whose hosts are lost: they join the restored shard with the next up")
    .option("--dry-run", "say what would happen and what would be lost, and touch nothing")
    .option("--again", "also from a snapshot from which the shard was restored before")
    .option("--abandon", "take back a restore that has exchanged nothing yet")
    .option("-y, --yes", "do not ask (a stack that is not ephemeral asks for its name)")
    .addHelpText(
      "after",
      `
All members get the data of one snapshot. It is made beside the live data while the shard serves; for the exchange the API servers stop
(of a shard that holds only some resources they go on, and are restarted afterwards). What was written after the snapshot is lost to the
cluster; it stays on the volumes until you remove it. When the command is cut short anywhere, or a host is, the same command goes on from
there; until then \`kilonode up\` refuses to change the shard.

Examples:
  kilonode etcd restore lab --shard main --dry-run
  kilonode etcd restore lab --shard main --at 2026-11-29T03:15:00Z
  kilonode etcd restore lab --shard main --snapshot 4f1c22ab --yes --json

Exit status: 0 restored, 1 failed, 2 wrong usage, 3 refused (the text says why and what to do), 130 interrupted between two steps.`,
    )
    .action(async (stack: string, options: RestoreOptions) => {
      const { restore } = require("../../etcd/restore/restore") as typeof import("../../etcd/restore/restore");
      await restore(stack, options);
    });
}
