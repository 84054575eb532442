import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { exitCodes, UserError } from "../../config/errors";
import { print } from "../output";
import type { StackEngine } from "../run/engine";
import { engineOption, stackArgument } from "./options";

interface Options {
  readonly engine?: string;
}

export function define(command: Command): void {
  command.addHelpText(
    "after",
    `
The state is in Pulumi's own format: what one engine exports the other imports. Secrets in it stay encrypted.

Examples:
  kilonode state export lab > lab.json
  kilonode state import lab lab.json
  pulumi stack import -s lab --file lab.json`,
  );
  engineOption(
    command
      .command("export")
      .description("Print the state.")
      .argument(...stackArgument),
  ).action(async (stack: string, options: Options) => {
    print(`${JSON.stringify(await open(stack, options, false).export(), null, 2)}\n`);
  });
  engineOption(
    command
      .command("import")
      .description("Replace the state by an exported one.")
      .argument(...stackArgument),
  )
    .argument("[file]", "default: the standard input")
    .action(async (stack: string, file: string | undefined, options: Options) => {
      await open(stack, options, true).import(readState(file));
      process.stderr.write(
        `the state of stack ${stack} was replaced; \`kilonode preview ${stack}\` shows how it compares\n`,
      );
    });
  engineOption(
    command
      .command("unlock")
      .description("Free the state from a run that is gone.")
      .argument(...stackArgument),
  ).action(async (stack: string, options: Options) => {
    process.stderr.write(`${await open(stack, options, false).unlock()}\n`);
  });
}

function open(stack: string, { engine }: Options, make: boolean): StackEngine {
  const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
  const { openStack } = require("../run/open-stack") as typeof import("../run/open-stack");
  return openStack(checkedStack(stack), { engine, make, handOver: make, say: () => undefined });
}

function readState(file: string | undefined): object {
  const name = file ?? "the standard input";
  try {
    const state: unknown = JSON.parse(readFileSync(file ?? 0, "utf8"));
    if (typeof state === "object" && state !== null) return state;
    throw new Error(`it holds ${JSON.stringify(state)}`);
  } catch (error) {
    throw new UserError(
      `${name} is no exported state: ${(error as Error).message}; nothing was changed`,
      exitCodes.badConfiguration,
    );
  }
}
