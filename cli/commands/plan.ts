import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { exitCodes, UserError } from "../../config/errors";
import { print } from "../output";
import type { CheckedStack } from "../stack/configuration";
import { jsonOption, stackArgument } from "./options";

interface Options {
  readonly json?: boolean;
  readonly host?: string;
  readonly files?: boolean;
  readonly picture?: boolean;
  readonly light?: boolean;
  readonly dark?: boolean;
  readonly output?: string;
}

export function define(command: Command): void {
  jsonOption(command.argument(...stackArgument), "print the whole plan (or of --host its part) as JSON")
    .option("--host <name>", "print everything that this host holds")
    .option("--files", "list the files of each host")
    .addOption(
      new Option("--picture", "draw zones, masters, shards, load balancer and pools as SVG").conflicts([
        "json",
        "host",
        "files",
      ]),
    )
    .addOption(
      new Option("--light", "with --picture: its light form alone; default: as the reader's page is").conflicts("dark"),
    )
    .option("--dark", "with --picture: its dark form alone")
    .option("--output <file>", "with --picture: write it to this file")
    .addHelpText(
      "after",
      `
The plan is computed from the configuration alone: no engine, no root, nothing is looked at but the cache of binaries.

Examples:
  kilonode plan lab
  kilonode plan lab --host lab-etcd-main-1
  kilonode plan lab --picture --output lab.svg
  kilonode plan lab --json | jq '.hosts[] | {name, zone, address}'`,
    )
    .action(async (stack: string, options: Options) => {
      const { checkedStack } = require("../stack/configuration") as typeof import("../stack/configuration");
      if (options.picture) {
        draw(checkedStack(stack), options);
        return;
      }
      if (options.light || options.dark || options.output !== undefined)
        throw new UserError("--light, --dark and --output are of --picture: add it", exitCodes.badConfiguration);
      const { planWithSums } = require("../stack/sums") as typeof import("../stack/sums");
      const show = require("../show/plan") as typeof import("../show/plan");
      const plan = await planWithSums(checkedStack(stack));
      const host = options.host === undefined ? undefined : show.findHost(plan, options.host);
      const lines = options.json
        ? [JSON.stringify(host ?? plan, null, 2)]
        : host
          ? show.hostText(plan, host)
          : show.planText(plan, options.files === true);
      print(`${lines.join("\n")}\n`);
    });
}

function draw({ plan, platform }: CheckedStack, { dark, light, output }: Options): void {
  const { pictureOf } = require("../show/picture-layout") as typeof import("../show/picture-layout");
  const { pictureSvg } = require("../show/picture") as typeof import("../show/picture");
  const svg = pictureSvg(
    pictureOf(plan, platform.instances !== undefined),
    dark ? "dark" : light ? "light" : undefined,
  );
  if (output === undefined) print(svg);
  else writeFileSync(output, svg);
}
