import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, defaultBinaries } from "../config/versions";
import { defaultCacheDir, faultOf, layout, type Made, readManifest, record, store, withWorkDir } from "./cache";
import { type Catalogue, catalogue, type Entry, hostArch, select } from "./catalogue";
import { systemCode, ToolchainError } from "./errors";
import { findGo, type Go, goBuild, goIsMissing, goRecipe } from "./go";
import { sha256OfText } from "./hash";
import { withLock } from "./lock";
import type { Progress, Step } from "./progress";
import { download, type Pins, releaseHow, releaseRecipe } from "./release";

/** `gomod` compiles from the Go module proxy, `release` downloads; `auto` is gomod where a fitting Go is installed, release otherwise. */
export const sources = ["gomod", "release", "auto"] as const;
export type Source = (typeof sources)[number];

export interface ToolchainOptions {
  /** Default: all that a whole cluster runs (`defaultBinaries`). */
  readonly binaries?: readonly string[] | undefined;
  /** Default: auto. */
  readonly source?: Source | undefined;
  /** Architecture of the hosts that will run them. Default: that of this machine. */
  readonly arch?: Arch | undefined;
  /** Default: `$KILONODE_CACHE_DIR`, or `kilonode` below `$XDG_CACHE_HOME` (~/.cache). */
  readonly cacheDir?: string | undefined;
  /** Sums for the `release` source, by binary name, beside those of config/versions.ts. */
  readonly sha256?: Pins | undefined;
  readonly onProgress?: ((event: Progress) => void) | undefined;
  /** Aborting ends compilers and downloads; what is finished stays. */
  readonly signal?: AbortSignal | undefined;
  /** For tests: other binaries than ours, and another environment. */
  readonly catalogue?: Catalogue | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly path: string;
}

/** A tool as it was found, without making it: sound, or with a fault in words. */
export type CheckedTool = Tool | { readonly name: string; readonly version: string; readonly fault: string };

/** Makes sure that these binaries are in the cache, whole and unchanged, and says where. Makes only what is missing or damaged. */
export async function ensureToolchain(options: ToolchainOptions = {}): Promise<Tool[]> {
  const context = await prepare(options);
  const first = await checkAll(context);
  if (first.every(isSound)) return first.map((one) => one.tool);
  await mkdir(join(context.cacheDir, "toolchain"), { recursive: true });
  const onWait = (holder: Parameters<NonNullable<Parameters<typeof withLock>[1]["onWait"]>>[0], seconds: number) =>
    context.tell({ kind: "wait", holder, seconds });
  return withLock(layout.lock(context.cacheDir), { onWait, signal: options.signal }, async () => {
    // Whoever held the lock before may have made what was missing.
    const again = await checkAll(context);
    const lacking = again.filter((one): one is Lacking => !isSound(one));
    await withWorkDir(context.cacheDir, async (workDir) => {
      for (const [index, one] of lacking.entries())
        await make(context, one, { index: index + 1, total: lacking.length }, workDir);
    }).catch(async (error: unknown) => {
      throw await explainFullDisk(error, context.cacheDir);
    });
    const last = await checkAll(context);
    return last.map((one) => {
      if (isSound(one)) return one.tool;
      throw new ToolchainError("build", {
        what: `${one.plan.entry.name} was made, and is ${one.fault} now`,
        got: context.cacheDir,
      });
    });
  });
}

/** Looks only: what is in the cache, and whether it is sound. */
export async function checkToolchain(options: ToolchainOptions = {}): Promise<CheckedTool[]> {
  const found = await checkAll(await prepare(options));
  return found.map((one) => {
    if (isSound(one)) return one.tool;
    return { name: one.plan.entry.name, version: one.plan.entry.product.version, fault: one.fault };
  });
}

/** How one binary is made, and where its record is kept. */
interface Plan {
  readonly entry: Entry;
  readonly recipe: Readonly<Record<string, string>>;
  readonly recipeDir: string;
  /** What the record must say of how it was made; undefined where the recipe already says it all. */
  readonly how: string | undefined;
  /** The Go that compiles it; undefined for a download. */
  readonly go: Go | undefined;
}

interface Context {
  readonly plans: readonly Plan[];
  readonly arch: Arch;
  readonly cacheDir: string;
  readonly pins: Pins;
  readonly tell: (event: Progress) => void;
  readonly child: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal | undefined };
}

async function prepare(options: ToolchainOptions): Promise<Context> {
  const entries = select(options.catalogue ?? catalogue, options.binaries ?? defaultBinaries);
  const env = options.env ?? process.env;
  const arch = options.arch ?? hostArch();
  const cacheDir = options.cacheDir ?? defaultCacheDir(env);
  const pins = options.sha256 ?? {};
  const child = { env, signal: options.signal };
  const gos = await chooseGo(entries, options.source ?? "auto", arch, pins, child);
  const plans = await Promise.all(
    entries.map(async (entry): Promise<Plan> => {
      const go = gos.get(entry.moduleDir);
      const recipe = go ? await goRecipe(entry, arch, go) : releaseRecipe(entry, arch);
      const digest = sha256OfText(JSON.stringify(recipe)).slice(0, 16);
      const recipeDir = layout.recipe(cacheDir, `${entry.productName}-${entry.product.version}-${digest}`);
      return { entry, recipe, recipeDir, how: go ? undefined : releaseHow(entry, arch, pins), go };
    }),
  );
  return { plans, arch, cacheDir, pins, tell: options.onProgress ?? (() => undefined), child };
}

/** The Go for each module folder; none at all means: download. */
async function chooseGo(
  entries: readonly Entry[],
  source: Source,
  arch: Arch,
  pins: Pins,
  child: Context["child"],
): Promise<Map<string, Go>> {
  const gos = new Map<string, Go>();
  if (source === "release") return gos;
  const oneOfEach = [...new Map(entries.map((entry) => [entry.moduleDir, entry])).values()];
  try {
    await Promise.all(
      oneOfEach.map(async (entry) => {
        const go = await findGo(entry, child);
        if (!go) throw goIsMissing(entry);
        gos.set(entry.moduleDir, go);
      }),
    );
    return gos;
  } catch (error) {
    const mayDownload = source === "auto" && error instanceof ToolchainError && error.kind === "go";
    if (mayDownload && entries.every((entry) => hasPin(entry, arch, pins))) return new Map();
    throw error;
  }
}

function hasPin(entry: Entry, arch: Arch, pins: Pins): boolean {
  return (pins[entry.name] ?? entry.release.sha256[arch]) !== undefined;
}

interface Sound {
  readonly plan: Plan;
  readonly tool: Tool;
}

/** `before` is the record of what was there; without it nothing was ever made. */
interface Lacking {
  readonly plan: Plan;
  readonly fault: string;
  readonly before: Made | undefined;
}

function isSound(one: Sound | Lacking): one is Sound {
  return "tool" in one;
}

function checkAll(context: Context): Promise<(Sound | Lacking)[]> {
  return Promise.all(context.plans.map((plan) => check(plan, context.cacheDir)));
}

async function check(plan: Plan, cacheDir: string): Promise<Sound | Lacking> {
  const { name, product } = plan.entry;
  const made = (await readManifest(plan.recipeDir))?.binaries[name];
  if (!made || (plan.how && made.how !== plan.how)) return { plan, fault: "not made yet", before: undefined };
  const path = layout.artifact(cacheDir, made.sha256, name);
  const fault = await faultOf(path, made);
  if (fault) return { plan, fault, before: made };
  return { plan, tool: { name, version: product.version, sha256: made.sha256, path } };
}

async function make(
  context: Context,
  lacking: Lacking,
  position: { index: number; total: number },
  workDir: string,
): Promise<void> {
  const { plan, before, fault } = lacking;
  const { entry, go, recipe, recipeDir } = plan;
  const { arch, cacheDir, child, pins, tell } = context;
  const step: Step = {
    name: entry.name,
    version: entry.product.version,
    action: go ? "compile" : "download",
    ...position,
  };
  if (before) tell({ kind: "fault", name: step.name, version: step.version, fault });
  tell({ kind: "start", ...step });
  const begin = Date.now();
  const seconds = () => Math.round((Date.now() - begin) / 1000);
  const ticker = setInterval(() => tell({ kind: "tick", ...step, seconds: seconds() }), 1000);
  try {
    const output = join(workDir, entry.name);
    const how = go
      ? await goBuild(entry, arch, go, output, workDir, child)
      : await download(entry, arch, pins, output, workDir, child);
    const stored = await store(cacheDir, output, entry.name);
    await record(recipeDir, workDir, recipe, entry.name, { ...stored, ...(go && { goVersion: go.version }), how });
    if (before && before.sha256 !== stored.sha256) {
      tell({ kind: "changed", name: entry.name, from: before.sha256, to: stored.sha256 });
    }
    tell({ kind: "done", ...step, seconds: seconds(), size: stored.size });
  } finally {
    clearInterval(ticker);
  }
}

/** Called after the work folder was removed, so the free space named is what the next run has. */
async function explainFullDisk(error: unknown, cacheDir: string): Promise<unknown> {
  const code = systemCode(error);
  const full = code === "ENOSPC" || code === "EDQUOT" || (error instanceof ToolchainError && error.kind === "disk");
  if (!full || !(error instanceof Error)) return error;
  const { bavail, bsize } = await statfs(cacheDir);
  return new ToolchainError("disk", {
    what: "the disk is full; what was unfinished has been removed, finished binaries are kept",
    got: `${error.message.replaceAll(/\n\s*(got:\s*)?/g, ": ")}; now ${Math.floor((bavail * bsize) / 1e6)} MB free in ${cacheDir}`,
    allowed:
      "about 1 GB for the binaries; compiling also takes about 4 GB in Go's caches (`go env GOCACHE GOMODCACHE`)",
    todo: "free some space, or put the cache on another disk with KILONODE_CACHE_DIR",
  });
}
