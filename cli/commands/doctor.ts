import { type Command, Option } from "commander";
import { exitCodes, UserError } from "../../config/errors";
import type { ClusterOptions } from "../hosts/cluster";
import { print } from "../output";
import { engineOption, jsonOption, type MarkdownOptions, markdownOption, stackArgument } from "./options";

interface Options extends ClusterOptions, MarkdownOptions {
  readonly json?: boolean;
  readonly explain?: string;
  readonly probe?: boolean;
  readonly cis?: boolean;
}

export function define(command: Command): void {
  markdownOption(jsonOption(engineOption(command.argument(...stackArgument))))
    .addOption(
      new Option(
        "--explain <check>",
        "all about one check: what was found, what is wanted, why, and what to do",
      ).conflicts("markdown"),
    )
    .addOption(
      new Option(
        "--cis",
        "the CIS Kubernetes Benchmark alone, item by item, with the reason of every departure",
      ).conflicts("markdown"),
    )
    .option("--probe", "make a Secret in a namespace of its own to see that it is encrypted, then remove both")
    .addHelpText(
      "after",
      `
Reads the running cluster: processes, metrics, keys in etcd, kernel settings, objects. Takes about ten seconds and changes nothing
(except with --probe). \`status\` says whether the cluster is healthy; doctor says whether it is set as planned.

Examples:
  kilonode doctor lab
  kilonode doctor lab --explain seats
  kilonode doctor lab --cis
  kilonode doctor lab --json | jq '.checks[] | select(.status != "ok") | {id, found, remedy}'

Exit status: 0 nothing failed (warnings and explained differences are told), 1 something did, or was not answered in time.`,
    )
    .action(async (stack: string, options: Options) => {
      const { checks, collectDoctor } = require("../doctor") as typeof import("../doctor");
      const { cisText, doctorText, explainText } = require("../doctor/show") as typeof import("../doctor/show");
      const { styleOf } = require("../show/style") as typeof import("../show/style");
      if (options.explain !== undefined && !checks.some(({ id }) => id === options.explain)) {
        const known = checks.map(({ id }) => id).join(", ");
        throw new UserError(
          `there is no check "${options.explain}"; the checks are: ${known}`,
          exitCodes.badConfiguration,
        );
      }
      const report = await collectDoctor(stack, options);
      const style = styleOf(process.stdout);
      const one = report.checks.find(({ id }) => id === options.explain);
      const lines = options.json
        ? [JSON.stringify(one ?? (options.cis ? report.cis : report), null, 2)]
        : one
          ? explainText(one, style)
          : options.cis
            ? cisText(report, style)
            : doctorText(report, style);
      const text = `${lines.join("\n")}\n`;
      if (options.markdown) {
        const { doctorMarkdown } = require("../show/markdown-doctor") as typeof import("../show/markdown-doctor");
        process.stderr.write(text);
        print(doctorMarkdown(report, options.logUrl));
      } else print(text);
      const passed = one ? isWell(one) : options.cis ? report.cis.items.every(isWell) : report.passed;
      process.exitCode = passed ? 0 : 1;
    });
}

const isWell = ({ status }: { readonly status: string }) => status !== "failed" && status !== "unknown";
