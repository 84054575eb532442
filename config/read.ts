/** From the raw values of a stack file to a checked {@link ClusterSpec}: all errors at once, before anything is touched. */
import { z } from "zod";
import type { KeyChange } from "./changes";
import { byModel, ClusterConfig, type ClusterSpec, maxVoters } from "./cluster";
import { countOf, exitCodes, UserError } from "./errors";
import { lookup } from "./lookup";
import { poolRules } from "./pool-rules";
import { overlaps, type Path, type Problem, type Rule, rules } from "./rules";
import { membersFor } from "./scale/etcd";
import { readSection, unknownKey } from "./section";

/**
 * Values as a stack's file has them, or as Pulumi makes texts of them: a number, a map or a list may be a text as well. Without the
 * project's name in front of the keys.
 */
export type RawConfiguration = Readonly<Record<string, unknown>>;

/** What a platform adds to the configuration. */
export interface PlatformKnobs {
  /** Its own knobs, which stand below a key of its name. */
  readonly own: z.ZodObject;
  /** What a cluster that exists does about a change of each of its own knobs. */
  readonly changes: Readonly<Record<string, KeyChange>>;
  /** What a stack on it gets where it says nothing, in the form of a stack's file. */
  readonly defaults: RawConfiguration;
  /** What it refuses beyond the configuration's own rules; a rule names its knobs as a stack's file does. */
  readonly rules: readonly Rule[];
}

/** A configuration that was refused. `problems` has one line for each error. */
export class ConfigurationError extends UserError {
  constructor(stack: string, problems: readonly string[]) {
    super(
      `the configuration of stack ${stack} has ${countOf(problems, "error")}; nothing was touched`,
      exitCodes.badConfiguration,
      problems,
    );
  }
}

/**
 * Every key of the top level is read on its own. Where one is wrong its default stands in for it, and no rule is asked that needs it, so
 * that each error is told and none that only follows from another.
 *
 * @param given top-level key to value
 * @param platforms the platforms there are, by name
 * @param more rules of those who use the configuration, asked after those of the configuration itself
 */
export function readSpec(
  stack: string,
  given: RawConfiguration,
  platforms: Readonly<Record<string, PlatformKnobs>>,
  more: readonly Rule[] = [],
): ClusterSpec {
  const raw = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, withoutText(value)]));
  const platform = typeof raw.platform === "string" ? raw.platform : "";
  const knobs = lookup(platforms, platform);
  const shape: Shape = {
    ...ClusterConfig.shape,
    platform: z.enum(Object.keys(platforms)),
    ...(knobs && { [platform]: knobs.own.prefault({}) }),
  };
  const defaults = knobs?.defaults ?? {};
  const problems: Problem[] = nameProblems(stack);
  const wrong = problems.map(({ path }) => path);
  const values: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const section = readSection(schema, over(lookup(defaults, key), lookup(raw, key)), key);
    values[key] = section.value;
    problems.push(...section.problems);
    wrong.push(...section.wrong);
  }
  problems.push(...unknownSections(shape, raw));
  values.etcd = withMembers(values.etcd as ClusterConfig["etcd"], values.workload as ClusterConfig["workload"]);
  // Every value has its schema's type now; one that must be given and is not is missing, and in `wrong`.
  const { [platform]: own, ...config } = values;
  const spec = { ...config, stack, own: knobs ? own : undefined } as ClusterSpec;
  const answers = [...rules, ...poolRules, ...(knobs?.rules ?? [])].flatMap((rule) => asked(rule, spec, wrong));
  const broken = answers.map(({ problem }) => problem.path);
  const usable = {
    ...spec,
    ...withoutConfiguration(
      shape,
      defaults,
      broken.map(([section]) => String(section)),
    ),
  };
  answers.push(...more.flatMap((rule) => asked(rule, usable, [...wrong, ...broken])));
  problems.push(...answers.filter(({ isCause }) => isCause).map(({ problem }) => problem));
  if (problems.length > 0) throw new ConfigurationError(stack, problems.map(problemLine));
  return spec;
}

/** Shards that do not say how many members they have, with what the model says. */
function withMembers(etcd: ClusterConfig["etcd"], { nodes }: ClusterConfig["workload"]): ClusterConfig["etcd"] {
  const shards = Object.entries(etcd.shards).map(([name, shard]) => {
    const members = shard.members === byModel ? membersFor(nodes, name === "main" ? maxVoters : 5) : shard.members;
    return [name, { ...shard, members }] as const;
  });
  return { ...etcd, shards: Object.fromEntries(shards) };
}

/** A map or a list that is given as its JSON is that; scalars are read as the schema wants them (section.ts). */
function withoutText(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

type Shape = Readonly<Record<string, z.ZodType>>;

/** The stack's values over the platform's: maps are joined key by key, anything else is the stack's where it has it. */
function over(defaults: unknown, given: unknown): unknown {
  if (given === undefined) return defaults;
  if (!isMap(defaults) || !isMap(given)) return given;
  const keys = new Set([...Object.keys(defaults), ...Object.keys(given)]);
  return Object.fromEntries([...keys].map((key) => [key, over(lookup(defaults, key), lookup(given, key))]));
}

function isMap(value: unknown): value is RawConfiguration {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Answer {
  readonly problem: Problem;
  /** False: it may only follow from something that is wrong already. */
  readonly isCause: boolean;
}

function asked({ needs, check }: Rule, spec: ClusterSpec, wrong: readonly Path[]): Answer[] {
  const isWrong = (path: Path) => wrong.some((other) => overlaps(other, path));
  const paths = needs.map((name) => name.split("."));
  const values = { ...spec, [spec.platform]: spec.own };
  if (paths.some(([section = ""]) => lookup(values, section) === undefined)) return [];
  const canJudge = !paths.some(isWrong);
  return check(spec).map((problem) => ({ problem, isCause: canJudge && !isWrong(problem.path) }));
}

/** The line that a user reads. */
export function problemLine({ path, message }: Problem): string {
  return `${path.join(".")}: ${message}`;
}

function nameProblems(stack: string): Problem[] {
  if (/^[a-z][a-z0-9-]{0,11}$/.test(stack)) return [];
  const message = `"${stack}" is no usable name; lower-case letters, digits and dashes, at most 12, since host names and network devices start with it`;
  return [{ path: ["stack"], message }];
}

function unknownSections(shape: Shape, raw: RawConfiguration): Problem[] {
  return Object.keys(raw)
    .filter((key) => !Object.hasOwn(shape, key))
    .map((key) => ({ path: [key], message: unknownKey }));
}

/** Sections that break a rule, as they are without a configuration: something that a plan can be computed with. */
function withoutConfiguration(
  shape: Shape,
  defaults: RawConfiguration,
  sections: readonly string[],
): Partial<ClusterSpec> {
  const entries = Object.entries(shape).filter(([key]) => sections.includes(key));
  return Object.fromEntries(entries.map(([key, schema]) => [key, schema.safeParse(lookup(defaults, key)).data]));
}
