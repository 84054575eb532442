/** The table of contents of the `kilonode` command. A subcommand is loaded only when it is the one that runs. */
import { Command, CommanderError } from "commander";
import { exitCodes } from "../config/errors";
import type { CommandModule } from "./command-module";
import { errorText, exitCodeOf } from "./errors";
import { print } from "./output";

/** `require`, not `import()`: a dynamic import would need a second loader at every start, for a tenth of a second. */
const table: readonly (readonly [name: string, summary: string, load: () => CommandModule])[] = [
  ["up", "make the cluster what its configuration says", () => require("./commands/up") as CommandModule],
  ["preview", "show what up would change, line by line", () => require("./commands/preview") as CommandModule],
  ["destroy", "remove the cluster", () => require("./commands/destroy") as CommandModule],
  ["recreate", "remove the cluster and make the same one again", () => require("./commands/recreate") as CommandModule],
  ["replace", "make a dead or sick host anew", () => require("./commands/replace") as CommandModule],
  ["rotate", "another key in the place of the one that is used", () => require("./commands/rotate") as CommandModule],
  ["etcd", "backups, restore, defragmentation of the shards", () => require("./commands/etcd") as CommandModule],
  ["plan", "print the plan: hosts, shards, files (touches nothing)", () => require("./commands/plan") as CommandModule],
  ["status", "health of etcd, masters, load balancer, nodes", () => require("./commands/status") as CommandModule],
  ["doctor", "is every setting in effect on the running cluster?", () => require("./commands/doctor") as CommandModule],
  ["drift", "which hosts differ from what was put on them", () => require("./commands/drift") as CommandModule],
  ["outputs", "print the outputs of the stack", () => require("./commands/outputs") as CommandModule],
  ["kubeconfig", "print the operator's kubeconfig", () => require("./commands/kubeconfig") as CommandModule],
  ["kubectl", "run kubectl against the cluster", () => require("./commands/kubectl") as CommandModule],
  ["ssh", "log in to a host, or run a command on it", () => require("./commands/ssh") as CommandModule],
  ["logs", "show the journal of a host", () => require("./commands/logs") as CommandModule],
  ["scale", "what the scale model derives from the workload", () => require("./commands/scale") as CommandModule],
  ["state", "export, import or unlock the state", () => require("./commands/state") as CommandModule],
];

const help = `
Examples:
  kilonode up lab                 the full-size cluster on this machine
  kilonode preview lab            what would change, before it does
  kilonode status lab             is it healthy?
  kilonode kubectl lab get nodes  use it
  kilonode destroy lab            remove it

Exit status: 0 done, 1 failed (or unhealthy), 2 bad configuration or usage, 3 a health gate refused, 130 interrupted.
Environment: PULUMI_CONFIG_PASSPHRASE[_FILE], KILONODE_STATE_DIR, KILONODE_CACHE_DIR, NO_COLOR.`;

/** Its commands; only the one that is named has its arguments and options. */
export function program(argv: readonly string[]): Command {
  const root = new Command("kilonode")
    .description("Kubernetes control planes for thousands of nodes.")
    .addHelpText("after", help)
    .enablePositionalOptions()
    .configureOutput({ writeOut: print })
    .exitOverride();
  const [first, second] = argv;
  for (const [name, summary, load] of table) {
    const command = root
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`);
    command.exitOverride();
    if (name === first || (first === "help" && name === second)) load().define(command);
  }
  return root;
}

export async function main(argv: readonly string[]): Promise<number> {
  try {
    await program(argv).parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    // Wrong usage; commander has printed why. Asking for help is not an error.
    if (error instanceof CommanderError)
      return error.exitCode === 0 || argv.length === 0 ? 0 : exitCodes.badConfiguration;
    process.stderr.write(`error: ${errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

/** Connections that linger must not keep the process; what it says of itself is flushed first, also into a slow pipe. */
export function run(): void {
  // Progress that nobody can read is no reason to stop a run half-way.
  process.stderr.on("error", () => undefined);
  void main(process.argv.slice(2)).then((code) => process.stderr.write("", () => process.exit(code)));
}
