import type { Command } from "commander";
import type { RecoverOptions } from "../../etcd/restore/recover";
import { engineOption, jsonOption, stackArgument } from "../options";

export function define(command: Command): void {
  jsonOption(engineOption(command.argument(...stackArgument)))
    .requiredOption("--shard <shard>", "name of the shard, such as main")
    .option("--dry-run", "say what would happen and what may be lost, and touch nothing")
    .option("-y, --yes", "do not ask (a stack that is not ephemeral asks for its name)")
    .addHelpText(
      "after",
      `
For a shard that has lost the data of so many members that it has no quorum any more. It goes on from the data of one that is left, the
one that is the furthest, as a shard of that member alone; \`kilonode up\` then lets the others join. Refused while there is a quorum, or
while enough members have their data for one. When the command is cut short, the same command goes on from there.

Examples:
  kilonode etcd recover lab --shard main --dry-run
  kilonode etcd recover lab --shard main --yes

Exit status: 0 recovered, 1 failed, 2 wrong usage, 3 refused (the text says why and what to do), 130 interrupted between two steps.`,
    )
    .action(async (stack: string, options: RecoverOptions) => {
      const { recover } = require("../../etcd/restore/recover") as typeof import("../../etcd/restore/recover");
      await recover(stack, options);
    });
}
