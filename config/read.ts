/** From the raw values of a stack file to a checked {@link ClusterSpec}: all errors at once, before anything is touched. */
import { ClusterConfig, type ClusterSpec } from "./cluster";
import { countOf, exitCodes, UserError } from "./errors";
import { overlaps, type Path, type Problem, type Rule, rules } from "./rules";
import { readSection, unknownKey } from "./section";

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
 * @param raw top-level key (without the project's name) to value, as YAML or JSON gave it
 * @param more rules of those who use the configuration, asked after those of the configuration itself
 */
export function readSpec(
  stack: string,
  raw: Readonly<Record<string, unknown>>,
  more: readonly Rule[] = [],
): ClusterSpec {
  const problems: Problem[] = nameProblems(stack);
  const wrong = problems.map(({ path }) => path);
  const values: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(ClusterConfig.shape)) {
    const section = readSection(schema, Object.hasOwn(raw, key) ? raw[key] : undefined, key);
    values[key] = section.value;
    problems.push(...section.problems);
    wrong.push(...section.wrong);
  }
  problems.push(...unknownSections(raw));
  // Every value has its schema's type now; one that must be given and is not is missing, and in `wrong`.
  const spec = { stack, ...values } as ClusterSpec;
  const answers = rules.flatMap((rule) => asked(rule, spec, wrong));
  const broken = answers.map(({ problem }) => problem.path);
  const usable = { ...spec, ...defaultsOf(broken.map(([section]) => String(section))) };
  answers.push(...more.flatMap((rule) => asked(rule, usable, [...wrong, ...broken])));
  problems.push(...answers.filter(({ isCause }) => isCause).map(({ problem }) => problem));
  if (problems.length > 0) throw new ConfigurationError(stack, problems.map(problemLine));
  return spec;
}

interface Answer {
  readonly problem: Problem;
  /** False: it may only follow from something that is wrong already. */
  readonly isCause: boolean;
}

function asked({ needs, check }: Rule, spec: ClusterSpec, wrong: readonly Path[]): Answer[] {
  const isWrong = (path: Path) => wrong.some((other) => overlaps(other, path));
  const paths = needs.map((name) => name.split("."));
  if (paths.some(([section = ""]) => spec[section as keyof ClusterSpec] === undefined)) return [];
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

function unknownSections(raw: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(raw)
    .filter((key) => !Object.hasOwn(ClusterConfig.shape, key))
    .map((key) => ({ path: [key], message: unknownKey }));
}

/** Sections that break a rule, as they are without a configuration: something that a plan can be computed with. */
function defaultsOf(sections: readonly string[]): Partial<ClusterSpec> {
  const entries = Object.entries(ClusterConfig.shape).filter(([key]) => sections.includes(key));
  return Object.fromEntries(entries.map(([key, schema]) => [key, schema.safeParse(undefined).data]));
}
