import type { Command } from "commander";
import type { ReplaceOptions } from "../replace/replace";
import { engineOption, stackArgument } from "./options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .argument("<host>", "name of the host, dead or alive; the stack's name in front may be left out")
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      `
For a host that is lost or sick. A member of etcd leaves its shard first, while all other members are healthy; its leadership is handed
over when it leads. A master ends what it has begun, while another one is ready. Then the machine is ended and \`up\` makes another one under
the same name and address; a new member joins as a learner, with nothing, and gets the shard's data. Disks of a stack that is not
ephemeral are kept, and what they hold is put aside. Can be interrupted and run again.

Examples:
  kilonode replace lab lab-etcd-main-2
  kilonode replace lab master-1 --yes

Exit status: as of \`kilonode up\`; 3 also when the others could not do without it: nothing was touched then.`,
    )
    .action(async (stack: string, host: string, options: ReplaceOptions) => {
      const { replace } = require("../replace/replace") as typeof import("../replace/replace");
      process.exitCode = await replace(stack, host, options);
    });
}
