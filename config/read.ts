/** From the raw values of a stack file to a checked {@link ClusterSpec}: all errors at once, before anything is touched. */
import type { z } from "zod";
import { ClusterConfig, type ClusterSpec } from "./cluster";

/** A configuration that was refused. `problems` has one line for each error. */
export class ConfigurationError extends Error {
  constructor(
    stackName: string,
    readonly problems: readonly string[],
  ) {
    super(
      `the configuration of stack ${stackName} has ${problems.length} error${problems.length === 1 ? "" : "s"}; nothing was touched\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    );
    this.name = "ConfigurationError";
  }
}

/** @param raw top-level key (without the project's name) to value, as YAML or JSON gave it */
export function readSpec(stack: string, raw: Readonly<Record<string, unknown>>): ClusterSpec {
  const nameProblems = /^[a-z][a-z0-9-]{0,11}$/.test(stack)
    ? []
    : [
        `stack: "${stack}" is no usable name; lower-case letters, digits and dashes, at most 12, since host names and network devices start with it`,
      ];
  const parsed = ClusterConfig.safeParse(raw, { reportInput: true });
  if (!parsed.success) throw new ConfigurationError(stack, [...nameProblems, ...parsed.error.issues.flatMap(describe)]);
  if (nameProblems.length > 0) throw new ConfigurationError(stack, nameProblems);
  return { stack, ...parsed.data };
}

function describe(issue: z.core.$ZodIssue): string[] {
  const at = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (key) => `${at ? `${at}.` : ""}${key}: unknown key; see docs/configuration.md for the keys there are`,
    );
  }
  const got = issue.input === undefined ? "" : ` (got ${JSON.stringify(issue.input)})`;
  if (issue.code === "invalid_value")
    return [`${at}: allowed is ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}${got}`];
  // A rule of our own already says the value it got.
  return [`${at || "configuration"}: ${issue.message}${issue.code === "custom" ? "" : got}`];
}
