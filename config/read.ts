/** From the raw values of a stack file to a checked {@link ClusterSpec}: all errors at once, before anything is touched. */
import { z } from "zod";
import { ClusterConfig, type ClusterSpec } from "./cluster";

/** What a platform adds to the configuration. */
export interface PlatformKnobs {
  /** Its own knobs, which stand below a key of its name. */
  readonly own: z.ZodObject;
  /** What a stack on it gets where it says nothing, in the form of a stack's file. */
  readonly defaults: RawConfiguration;
}

/** Values as a stack's file has them, without the project's name in front of the keys. */
export type RawConfiguration = Readonly<Record<string, unknown>>;

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

/** @param platforms the platforms there are, by name */
export function readSpec(
  stack: string,
  raw: RawConfiguration,
  platforms: Readonly<Record<string, PlatformKnobs>>,
): ClusterSpec {
  const nameProblems = /^[a-z][a-z0-9-]{0,11}$/.test(stack)
    ? []
    : [
        `stack: "${stack}" is no usable name; lower-case letters, digits and dashes, at most 12, since host names and network devices start with it`,
      ];
  const known = new Map(Object.entries(platforms));
  const platform = typeof raw.platform === "string" ? known.get(raw.platform) : undefined;
  const name = z.enum(Object.keys(platforms));
  const schema = platform
    ? ClusterConfig.safeExtend({ platform: name, [raw.platform as string]: platform.own.prefault({}) })
    : ClusterConfig.safeExtend({ platform: name });
  const parsed = schema.safeParse(platform ? over(platform.defaults, raw) : raw, { reportInput: true });
  if (!parsed.success) throw new ConfigurationError(stack, [...nameProblems, ...parsed.error.issues.flatMap(describe)]);
  if (nameProblems.length > 0) throw new ConfigurationError(stack, nameProblems);
  const { [parsed.data.platform as string]: own, ...config } = parsed.data as ClusterConfig & Record<string, unknown>;
  return { ...(config as ClusterConfig), stack, own };
}

/** The stack's values over the platform's: maps are joined key by key, anything else is the stack's where it has it. */
function over(defaults: unknown, given: unknown): unknown {
  if (given === undefined) return defaults;
  if (!isMap(defaults) || !isMap(given)) return given;
  const keys = new Set([...Object.keys(defaults), ...Object.keys(given)]);
  return Object.fromEntries([...keys].map((key) => [key, over(defaults[key], given[key])]));
}

function isMap(value: unknown): value is RawConfiguration {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
