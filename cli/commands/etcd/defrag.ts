import type { Command } from "commander";
import type { DefragOptions } from "../../etcd/defrag";
import { print } from "../../output";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .option("--shard <shard>", "this shard alone; default: all, one after the other")
    .option("--threshold <percent>", "how much of a database must be free; default 45")
    .addHelpText(
      "after",
      `
A database never becomes smaller by itself: what compaction and deleted objects free is used again, and given back only when the file
is written anew. Each member of which so much is free, of a database above 100 MiB, restarts and does that before it serves again; its
clients are with the others meanwhile, and no request is lost. One member at a time, the leader last, after its leadership was handed
over, and only while the whole shard is healthy. For how long each was away is said. Can be interrupted and run again.

Examples:
  kilonode etcd defrag lab
  kilonode etcd defrag lab --shard main --threshold 20
  kilonode etcd defrag lab --json | jq '.shards[].members[] | select(.silentSeconds != null)'

Exit status: 0 done, or nothing was worth it; 1 failed; 2 wrong usage; 3 a health gate refused, or an update runs; 130 interrupted.`,
    )
    .action(async (stack: string, options: DefragOptions) => {
      const { defrag, defragText } = require("../../etcd/defrag") as typeof import("../../etcd/defrag");
      const report = await defrag(stack, options);
      print(`${(options.json ? [JSON.stringify(report, null, 2)] : defragText(report)).join("\n")}\n`);
    });
}
