import type { Command } from "commander";
import type { RotateOptions } from "../rotate/rotate";
import { engineOption, stackArgument } from "./options";

export function define(command: Command): void {
  engineOption(command.argument(...stackArgument))
    .argument("<key>", "encryption-key, service-account-key, ssh-key, or authority with its name")
    .argument("[authority]", "name of the authority (docs/security.md has the list)")
    .addHelpText(
      "after",
      `
Another key takes the place of the one that is used, in steps: it is trusted everywhere, then it is used, then the old one is not
trusted any more. Each step is written to the stack's file (keys) and is an \`up\` of its own. When it is cut short anywhere, the same
command goes on from there. Where somebody outside of the cluster trusts the key (the kubernetes authority, tokens of service accounts),
it ends after each step and says who has to follow before the next one.

Examples:
  kilonode rotate lab encryption-key
  kilonode rotate lab authority etcd-main-peer
  kilonode rotate lab ssh-key

Exit status: as of \`kilonode up\`.`,
    )
    .action(async (stack: string, key: string, authority: string | undefined, options: RotateOptions) => {
      const { rotate } = require("../rotate/rotate") as typeof import("../rotate/rotate");
      process.exitCode = await rotate(stack, key, authority, options);
    });
}
