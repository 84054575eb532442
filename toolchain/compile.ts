/** Compiles an entry from the sources that its go.mod pins: a program in Go, one with parts in C, or one that is a file in C. */
import { basename, join } from "node:path";
import type { Arch } from "../config/releases";
import { type C, cArguments, cgoEnvironment, cRecipe, explainC, findC, pkgConfigEnvironment } from "./c";
import { type Entry, hostArch } from "./catalogue";
import { explain, findGo, type Go, type GoOptions, goBuild, goEnvironment, goIsMissing, goRecipe } from "./go";
import { run } from "./run";

export interface Compilers {
  readonly go: Go;
  /** Absent: all of it is Go. */
  readonly c?: C | undefined;
}

/** @throws ToolchainError when one that it takes is not installed, or too old */
export async function findCompilers(entry: Entry, arch: Arch, options: GoOptions): Promise<Compilers> {
  const go = await findGo(entry, options);
  if (!go) throw goIsMissing(entry);
  return { go, ...(entry.c && { c: await findC(entry, arch, hostArch(), options) }) };
}

/** Everything that changes the outcome. */
export async function compileRecipe(entry: Entry, arch: Arch, { go, c }: Compilers): Promise<Record<string, string>> {
  if (!c) return goRecipe(entry, go, goEnvironment(arch));
  const recipe = await goRecipe(entry, go, cgoEnvironment(arch, c));
  return { ...recipe, ...(await cRecipe(c)), ...(entry.c?.file && { arguments: cArguments(entry).join(" ") }) };
}

/** Compiles it to `output`. @returns how, for the record */
export function compile(
  entry: Entry,
  arch: Arch,
  { go, c }: Compilers,
  output: string,
  workDir: string,
  options: GoOptions,
): Promise<string> {
  if (!c) return goBuild(entry, go, goEnvironment(arch), output, workDir, options);
  if (entry.c?.file) return compileFile(entry, { go, c }, entry.c.file, output, workDir, options);
  const environment = { ...cgoEnvironment(arch, c), ...pkgConfigEnvironment(c) };
  return goBuild(entry, go, environment, output, workDir, options);
}

async function compileFile(
  entry: Entry,
  { go, c }: { go: Go; c: C },
  file: string,
  output: string,
  workDir: string,
  { env, signal }: GoOptions,
): Promise<string> {
  const goEnv = { ...env, GOFLAGS: "-mod=readonly", GOWORK: "off" };
  // The folder of the module, which Go fetches and checks against go.sum where it is not there yet.
  const download = ["mod", "download", "-json", entry.module];
  const fetched = await run("go", download, { cwd: entry.moduleDir, env: goEnv, signal });
  if (fetched.status !== 0) throw explain(entry, fetched.stderr || fetched.stdout, go.proxy);
  const { Dir } = JSON.parse(fetched.stdout) as { Dir: string };
  const source = join(Dir, entry.goPackage.slice(entry.module.length + 1), file);
  const args = cArguments(entry);
  const compiled = await run(c.command, [...args, "-o", output, source], {
    cwd: workDir,
    env: { ...env, LC_ALL: "C", TMPDIR: workDir },
    signal,
  });
  if (compiled.status !== 0) throw explainC(entry, compiled.stderr);
  return `${c.version}: ${basename(c.command)} ${args.join(" ")} ${entry.goPackage}/${file}`;
}
