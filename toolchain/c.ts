/** The C compiler, for the two programs that are not all Go: runc, and the pause program. */
import { dirname, isAbsolute, join } from "node:path";
import type { Arch, CLibrary } from "../config/releases";
import type { Entry } from "./catalogue";
import { systemCode, ToolchainError } from "./errors";
import { type GoOptions, goEnvironment } from "./go";
import { sha256OfFile } from "./hash";
import { type RunResult, run } from "./run";

/** The C compiler of an architecture, and what it links. */
export interface C {
  /** The command: "gcc", or "aarch64-linux-gnu-gcc" for hosts of another architecture than this machine's. */
  readonly command: string;
  /** The first line that it says of its version, with the distribution's own. */
  readonly version: string;
  /** Absolute path of each static library. */
  readonly libraries: ReadonlyMap<CLibrary, string>;
}

const triples: Readonly<Record<Arch, string>> = { amd64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
/** Debian's packages. */
const packages: Readonly<Record<CLibrary, string>> = { libc: "libc6-dev", libseccomp: "libseccomp-dev" };

/** Finds what this entry takes. @throws ToolchainError naming everything that is not installed, with the command that installs it */
export async function findC(entry: Entry, arch: Arch, hostArch: Arch, options: GoOptions): Promise<C> {
  const native = arch === hostArch;
  const command = native ? "gcc" : `${triples[arch]}-gcc`;
  const wanted = entry.c?.libraries ?? [];
  const ask = (program: string, ...args: string[]) => answerOf(program, args, entry.moduleDir, options);
  const version = (await ask(command, "--version"))?.split("\n", 1)[0];
  const found = await Promise.all(
    // A compiler prints the bare name of a file that it does not find.
    wanted.map(async (name) => [name, await ask(command, `-print-file-name=${name}.a`)] as const),
  );
  const lacking = found.filter(([, path]) => path === undefined || !isAbsolute(path)).map(([name]) => name);
  // Only cgo asks it where a library's headers are.
  const lacksPkgConfig = entry.c?.file === undefined && (await ask("pkg-config", "--version")) === undefined;
  const missing: readonly Missing[] = [
    ...(version === undefined ? [{ what: command, from: native ? "gcc" : `gcc-${triples[arch]}` }] : []),
    ...(lacksPkgConfig ? [{ what: "pkg-config", from: "pkg-config" }] : []),
    ...lacking.map((name) => ({ what: `${name}.a`, from: `${packages[name]}${native ? "" : `:${arch}`}` })),
  ];
  if (version === undefined || missing.length > 0) throw compilerIsMissing(entry, missing);
  return { command, version, libraries: new Map(found.map(([name, path]) => [name, path ?? ""])) };
}

/** What is not there, and the package that has it. */
interface Missing {
  readonly what: string;
  readonly from: string;
}

function compilerIsMissing(entry: Entry, missing: readonly Missing[]): ToolchainError {
  return new ToolchainError("compiler", {
    what: `${entry.name} ${entry.release.version} is written in C, or has parts that are, and what compiles them is not installed`,
    got: `no ${missing.map(({ what }) => what).join(", ")}`,
    allowed: "gcc, with the static libraries that it is linked with",
    todo: `apt-get install ${missing.map(({ from }) => from).join(" ")} (Debian's names)`,
  });
}

/** Turns what gcc printed into an error. */
export function explainC(entry: Entry, stderr: string): ToolchainError {
  const name = `${entry.name} ${entry.release.version}`;
  if (/no space left on device|disk quota exceeded/i.test(stderr))
    return new ToolchainError("disk", { what: `no space left on the disk while compiling ${name}` });
  const last = stderr.trim().split("\n").slice(-15).join("\n           ");
  return new ToolchainError("build", { what: `gcc could not compile ${name}`, got: last });
}

/** What a program says; undefined where it is not installed or refuses. */
async function answerOf(program: string, args: string[], cwd: string, { env, signal }: GoOptions) {
  // In English, whatever the user's language: what it says is part of a recipe.
  const options = { cwd, env: { ...env, LC_ALL: "C" }, signal };
  const result = await run(program, args, options).catch((error: unknown): RunResult | undefined => {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "EACCES") return undefined;
    throw error;
  });
  return result?.status === 0 ? result.stdout.trim() : undefined;
}

/** The same program from the same distribution is the same bytes; another compiler or another library makes another one. */
export async function cRecipe(c: C): Promise<Record<string, string>> {
  const sums = [...c.libraries].map(async ([name, path]) => [`${name}.a`, await sha256OfFile(path)] as const);
  return { compiler: c.version, ...Object.fromEntries(await Promise.all(sums)) };
}

/**
 * Go's environment where parts of the program are C. Paths of this machine stay out of what is written (Go passes -ffile-prefix-map);
 * pkg-config looks beside the library that is linked, so that headers and library are of one architecture.
 */
export function cgoEnvironment(arch: Arch, c: C): Record<string, string> {
  return { ...goEnvironment(arch), CGO_ENABLED: "1", CC: c.command, CGO_CFLAGS: "-O2", CGO_LDFLAGS: "-O2" };
}

/** Where that library's pkg-config file is: beside it in all distributions. No part of a recipe, being a path of this machine. */
export function pkgConfigEnvironment(c: C): Record<string, string> {
  const path = c.libraries.get("libseccomp") ?? c.libraries.get("libc") ?? "";
  return { PKG_CONFIG_LIBDIR: join(dirname(path), "pkgconfig"), PKG_CONFIG_PATH: "" };
}

/** As upstream's Makefile has it; the release stands where it has a description of its git checkout. */
export function cArguments(entry: Entry): string[] {
  return ["-Os", "-Wall", "-Werror", "-static", "-s", `-DVERSION=v${entry.release.version}`];
}
