import type { Command } from "commander";

export function define(command: Command): void {
  command
    .argument("[arguments...]", "see kilonode scale --help")
    .passThroughOptions()
    .allowUnknownOption()
    .helpOption(false)
    .action(async () => {
      const { runScale } = require("../scale") as { runScale(argv: readonly string[]): Promise<number> };
      // Its options are its own affair, --help too.
      process.exitCode = await runScale(process.argv.slice(process.argv.indexOf("scale") + 1));
    });
}
