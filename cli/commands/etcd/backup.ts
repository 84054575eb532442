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
Each shard's snapshot is taken of a member that does not lead, restored beside it as a sample, and kept in the store. What is under way on
a host goes on there when this command is interrupted.

Examples:
  kilonode etcd backup prod
  kilonode etcd backup prod --shard main

Exit status: 0, 1 of some shard none was taken (the last lines say why).`,
    )
    .action(async (stack: string, options: ShardOptions & { json?: boolean }) => {
      const { shardsOf } = require("../../etcd/backup/members") as typeof import("../../etcd/backup/members");
      const { takenText, takeBackups } =
        require("../../etcd/backup/backup") as typeof import("../../etcd/backup/backup");
      const say = (line: string) => process.stderr.write(`${line}\n`);
      const shards = await takeBackups(await shardsOf(stack, options), say);
      print(`${options.json ? JSON.stringify(shards, null, 2) : shards.map(takenText).join("\n")}\n`);
      process.exitCode = shards.some(({ error }) => error !== undefined) ? 1 : 0;
    });
}
