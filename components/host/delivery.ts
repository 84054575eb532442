/**
 * How host programs and their input reach a host. The programs are put on it once, by a resource of their own; every other
 * command runs one of them with its input as one JSON document on stdin.
 */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import type { Words } from "../access/privilege";
import { hostPaths, hostText } from "../machine/host-files";
import { machineApply, tools } from "../machine/host-programs";
import type { Machine } from "../machine/machine";

export const makeKeys = `${tools}/make-keys`;
/** Where a host notes which programs were put on it, and how often. */
export const programsRecord = "/var/lib/kilonode/programs.json";

const loader = hostText(`${tools}/deliver`)
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .join("\n");

/** The command that puts {@link programsInput} on the host. @param repairs how often they differed from what was put there */
export function programsCommand(repairs: number): Words {
  return ["python3", "-IS", "-c", loader, String(repairs)];
}

const machineApplyPackage = hostPaths(`${tools}/machine_apply`, ".py");
/** What a restore calls: of a shard without a quorum no rollout can bring it. */
const restorePrograms = [
  `${tools}/etcd-restore`,
  ...hostPaths(`${tools}/etcd_restore`, ".py"),
  `${tools}/etcd-move`,
  ...hostPaths(`${tools}/etcd_move`, ".py"),
  `${tools}/api-server`,
];
/** What gates ask before any content is live, so that it cannot be part of the content; and what works beside it. */
const gateTools = [
  ...["still-starting", "secret-keys"],
  ...["etcd-look", "etcd-call", "etcd-counts", "etcd-defragment"],
].map((name) => `${tools}/${name}`);
const programs = textsOf([makeKeys, machineApply, ...machineApplyPackage, ...gateTools, ...restorePrograms]);

/** The same for every host. Compressed: the state holds it twice for each of them, and every run compares it. */
export const programsInput = json({ programs: deflateSync(json(programs)).toString("base64") });

/** Of all that a program consists of. */
const programSums: Readonly<Record<string, string>> = {
  [makeKeys]: sumOf([makeKeys]),
  [machineApply]: sumOf([machineApply, ...machineApplyPackage]),
};

function textsOf(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, hostText(path)]));
}

function sumOf(paths: readonly string[]): string {
  return createHash("sha256")
    .update(json(textsOf(paths)))
    .digest("hex")
    .slice(0, 12);
}

/** Runs a program that is one file from its compiled form, which takes a third less. (A package's modules Python takes so anyway.) */
const runner =
  'import sys; from importlib.machinery import SourceFileLoader; del sys.argv[0]; __file__ = sys.argv[0]; exec(SourceFileLoader("__main__", __file__).get_code("__main__"))';

export function compiled(program: string, args: readonly string[]): Words {
  return [...(program === makeKeys ? ["python3", "-IS", "-c", runner] : []), program, ...args];
}

/**
 * The command that runs a program with {@link programInput} on stdin. The values before it only make the command another one:
 * `environment`, and the sum of the program, so that a new one takes the input anew.
 */
export function programCommand(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Words {
  const variables = Object.entries({ ...environment, PROGRAM: programSums[program] }).map(
    ([name, value]) => `${name}=${value}`,
  );
  return [...variables, ...compiled(program, args)];
}

export const programInput = json;

/**
 * A host's content. `pulumi preview --diff` shows a text that can be read as JSON or YAML with everything in it that does not change,
 * and of any other text the lines that change with two around them. So the first line makes it no JSON (nothing in YAML begins with
 * an @), and a file is the list of its lines (docs/decisions/0011-previews-show-lines.md).
 */
export function machineInput(machine: Machine): string {
  const files = Object.entries(machine.files).map(([path, file]) => [
    path,
    { ...file, content: linesOf(file.content) },
  ]);
  return `${byLines}${json({ ...machine, files: Object.fromEntries(files) })}`;
}

const byLines = "@machine\n";

const linesOf = (text: string) => ({ lines: text.split("\n") });

/** The reverse of {@link machineInput}. @throws for a text that is none */
export function readMachineInput(stdin: string): unknown {
  return JSON.parse(stdin.startsWith(byLines) ? stdin.slice(byLines.length) : stdin, (_, value: unknown) => {
    const lines = typeof value === "object" && value !== null && "lines" in value ? value.lines : undefined;
    return Array.isArray(lines) ? lines.join("\n") : value;
  });
}

function json(value: unknown): string {
  return JSON.stringify(value, sortedKeys, 1);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
