/** `kilonode scale`: what the scale model derives, as text, JSON, explanation or page. Touches nothing but the file of --html. */
import { writeFile } from "node:fs/promises";
import { z } from "zod";
import { exitCodes, UserError } from "../../config/errors";
import { deriveScale, explain, fullTable, type Scale, summary } from "../../config/scale";
import { print } from "../output";
import { argumentError, helpText, readArguments, type ScaleArguments } from "./arguments";
import { page } from "./page";
import { renderedFlags, userFlagProblems } from "./rendered";
import { series } from "./series";

/** Where text goes: the terminal, or a test. */
export interface Output {
  readonly out: (text: string) => unknown;
  readonly error: (text: string) => unknown;
}

const terminal: Output = { out: print, error: (text) => process.stderr.write(text) };

const optionOf = (path: PropertyKey): string =>
  `--${String(path)
    .replace("GiB", "Gib")
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The lines of an error that the user can mend; undefined for a bug. */
function problemsOf(error: unknown): readonly string[] | undefined {
  if (error instanceof UserError) return error.problems;
  if (error instanceof z.ZodError)
    return error.issues.map((issue) => `${optionOf(issue.path[0] ?? "")}: ${issue.message}`);
  return undefined;
}

/** @returns the exit code: 0 done, 2 bad arguments or a cluster that would not work. */
export async function runScale(argv: readonly string[], output: Output = terminal): Promise<number> {
  try {
    return await run(readArguments(argv), output);
  } catch (error) {
    const problems = problemsOf(error);
    if (!problems) throw error;
    output.error(`${problems.map((problem) => `error: ${problem}`).join("\n")}\n`);
    return error instanceof UserError ? error.exitCode : exitCodes.badConfiguration;
  }
}

async function run(args: ScaleArguments, output: Output): Promise<number> {
  if (args.help) {
    output.out(helpText());
    return 0;
  }
  if (args.range) return overRange(args, args.range, output);
  const scale = deriveScale(args.workload, args.options);
  const errors = [
    ...scale.notices.filter(({ level }) => level === "error").map(({ path, message }) => `${path}: ${message}`),
    ...userFlagProblems(scale, args.flags),
  ];
  if (errors.length > 0) throw argumentError(errors);
  output.out(text(args, scale));
  return 0;
}

function text(args: ScaleArguments, scale: Scale): string {
  if (args.json) return `${JSON.stringify({ ...scale, flags: renderedFlags(scale, args.flags) }, null, 2)}\n`;
  if (args.explain.length > 0) return explained(args.explain, scale);
  return args.table ? fullTable(scale) : summary(scale);
}

function explained(paths: readonly string[], scale: Scale): string {
  const problems: string[] = [];
  const texts = paths.map((path) => {
    try {
      return explain(scale, path);
    } catch (error) {
      problems.push(`--explain: ${(error as Error).message}`);
      return "";
    }
  });
  if (problems.length > 0) throw argumentError(problems);
  return texts.join("\n");
}

async function overRange(args: ScaleArguments, range: readonly [number, number], output: Output): Promise<number> {
  const figures = series(range, args);
  if (args.html) await writeFile(args.html, page(figures));
  if (args.json) output.out(`${JSON.stringify(figures, null, 2)}\n`);
  else output.out(`${args.html}: ${figures.points.length} sizes from ${range[0]} to ${range[1]} nodes\n`);
  return 0;
}
