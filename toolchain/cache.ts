import type { BigIntStats } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { systemCode, ToolchainError } from "./errors";
import { sha256OfFile } from "./hash";

/** What is known of one finished binary. */
export interface Made {
  readonly sha256: string;
  readonly size: number;
  /** The Go that compiled it; absent for a download. */
  readonly goVersion?: string;
  /** Of an image: that of its manifest, "sha256:...". */
  readonly digest?: string;
  /** How it came about: the command, or the address with the sum that was checked. */
  readonly how: string;
}

/** `manifest.json`: what was made by one recipe. It is rewritten after each binary, so a run that ends early loses only the one under way. */
export interface Manifest {
  readonly recipe: Readonly<Record<string, string>>;
  readonly binaries: Readonly<Record<string, Made>>;
}

/** A binary in the artifact store is read-only and executable for everyone; nobody edits it in place. */
const artifactMode = 0o555;
const sha256Pattern = /^[0-9a-f]{64}$/;

/** `$KILONODE_CACHE_DIR`, or `kilonode` below `$XDG_CACHE_HOME` (~/.cache). Outside the repository: a clean checkout keeps its binaries. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  // The XDG specification says that a relative XDG_CACHE_HOME is to be ignored.
  const xdg = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(homedir(), ".cache");
  const dir = env.KILONODE_CACHE_DIR || join(xdg, "kilonode");
  if (isAbsolute(dir)) return dir;
  throw new ToolchainError("arguments", {
    what: "KILONODE_CACHE_DIR is not an absolute path",
    got: dir,
    allowed: "an absolute path, for example /var/cache/kilonode",
    todo: "change KILONODE_CACHE_DIR, or unset it to use ~/.cache/kilonode",
  });
}

/** The layout of the cache, in one place. */
export const layout = {
  artifact: (cacheDir: string, sha256: string, name: string) => join(cacheDir, "artifacts", sha256, name),
  recipe: (cacheDir: string, recipeName: string) => join(cacheDir, "toolchain", recipeName),
  lock: (cacheDir: string) => join(cacheDir, "toolchain", "lock"),
};

export async function readManifest(recipeDir: string): Promise<Manifest | undefined> {
  try {
    const value = JSON.parse(await readFile(join(recipeDir, "manifest.json"), "utf8")) as Partial<Manifest> | null;
    const made = Object.entries(value?.binaries ?? {}).filter(([, one]) => isMade(one));
    return { recipe: value?.recipe ?? {}, binaries: Object.fromEntries(made) };
  } catch (error) {
    // Unreadable is as good as absent: everything in it can be made again.
    if (systemCode(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isMade(value: unknown): value is Made {
  const made = value as Partial<Made> | null;
  return typeof made?.sha256 === "string" && sha256Pattern.test(made.sha256) && typeof made.size === "number";
}

/** Adds one binary to the manifest, written in `workDir` and renamed. Only the holder of the lock may call this. */
export async function record(
  recipeDir: string,
  workDir: string,
  recipe: Readonly<Record<string, string>>,
  name: string,
  made: Made,
): Promise<void> {
  await mkdir(recipeDir, { recursive: true });
  const binaries = { ...(await readManifest(recipeDir))?.binaries, [name]: made };
  const sorted = Object.fromEntries(Object.entries(binaries).sort(([a], [b]) => (a < b ? -1 : 1)));
  const aside = join(workDir, "manifest.json");
  await writeFile(aside, `${JSON.stringify({ recipe, binaries: sorted } satisfies Manifest, null, 2)}\n`);
  await rename(aside, join(recipeDir, "manifest.json"));
}

/** Identity, time and length of stored binaries when they were last hashed, by `<sha256>/<name>`. */
export type Verified = ReadonlyMap<string, string>;

const markOf = (info: BigIntStats): string => `[${info.ino}, ${info.mtimeNs}, ${info.size}]`;
const verifiedFile = (cacheDir: string): string => join(cacheDir, "artifacts", "verified.json");

/**
 * Notes that these binaries have just been hashed. `machine-apply` reads it on hosts that are shown the artifact store and
 * cannot write to it; a preview believes it.
 */
export async function noteVerified(
  cacheDir: string,
  tools: readonly { readonly name: string; readonly sha256: string; readonly path: string }[],
): Promise<void> {
  const entries = await Promise.all(
    tools.map(async ({ name, sha256, path }) => {
      return `  ${JSON.stringify(`${sha256}/${name}`)}: ${markOf(await stat(path, { bigint: true }))}`;
    }),
  );
  const file = verifiedFile(cacheDir);
  await writeFile(`${file}.new`, `{\n${entries.join(",\n")}\n}\n`);
  await rename(`${file}.new`, file);
}

/** Read as text, line by line: a time in nanoseconds is more than a number of JavaScript holds. */
export async function readVerified(cacheDir: string): Promise<Verified> {
  const text = await readFile(verifiedFile(cacheDir), "utf8").catch(() => "");
  return new Map(
    [...text.matchAll(/^ {2}"([^"]+)": (\[[0-9, ]+\]),?$/gm)].map(([, key, mark]) => [key ?? "", mark ?? ""]),
  );
}

/**
 * What is wrong with a stored binary, in words; undefined if it is sound. Length first: it is free and catches a truncated
 * file. One that is unchanged since it was `verified` is not hashed again.
 */
export async function faultOf(path: string, made: Made, verified?: Verified): Promise<string | undefined> {
  const info = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  });
  if (!info) return "missing";
  if (!info.isFile()) return "not a regular file";
  if (Number(info.size) !== made.size) return `damaged: ${info.size} bytes, expected ${made.size}`;
  if (verified?.get(`${made.sha256}/${basename(path)}`) === markOf(info)) return undefined;
  const sha256 = await sha256OfFile(path);
  if (sha256 !== made.sha256)
    return `damaged: sha256 ${sha256.slice(0, 16)}..., expected ${made.sha256.slice(0, 16)}...`;
  if ((Number(info.mode) & 0o7777) !== artifactMode) await chmod(path, artifactMode);
  return undefined;
}

/**
 * Moves a finished file into the artifact store. The rename is the one step that makes it visible, so the store never holds half a binary;
 * processes that run a damaged one keep their copy.
 */
export async function store(cacheDir: string, file: string, name: string): Promise<{ sha256: string; size: number }> {
  await chmod(file, artifactMode);
  const [sha256, { size }] = await Promise.all([sha256OfFile(file), stat(file)]);
  const path = layout.artifact(cacheDir, sha256, name);
  await mkdir(dirname(path), { recursive: true });
  await rename(file, path);
  return { sha256, size };
}

const workPrefix = "work-";

/**
 * Runs `work` with an empty folder on the cache's own disk and removes it afterwards. Folders that a killed run left behind are removed
 * first; holding the lock says that nobody uses them.
 */
export async function withWorkDir<T>(cacheDir: string, work: (dir: string) => Promise<T>): Promise<T> {
  const parent = join(cacheDir, "toolchain");
  const left = (await readdir(parent)).filter((name) => name.startsWith(workPrefix));
  for (const name of left) await removeTree(join(parent, name));
  const dir = join(parent, `${workPrefix}${process.pid}`);
  await mkdir(dir);
  try {
    return await work(dir);
  } finally {
    await removeTree(dir);
  }
}

/** A compiler that was just ended may still write for a moment, and rm then finds folders that are not empty: hence the retries. */
async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
