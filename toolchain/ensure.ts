import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import {
  faultOf,
  layout,
  type Made,
  readManifest,
  readVerified,
  record,
  store,
  type Verified,
  withWorkDir,
} from "./cache";
import { compile } from "./compile";
import { download } from "./download";
import { systemCode, ToolchainError } from "./errors";
import { type Holder, withLock } from "./lock";
import { type Context, type Plan, prepare, type ToolchainOptions } from "./plan";
import type { Step } from "./progress";

export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly path: string;
}

/** A tool that is not there to be used, with the reason in words. It has no sum: nothing stands in for one. */
export interface LackingTool {
  readonly name: string;
  readonly version: string;
  readonly fault: string;
}

/** A tool as it was found, without making it. */
export type CheckedTool = Tool | LackingTool;

export function isSound(tool: CheckedTool): tool is Tool {
  return !("fault" in tool);
}

/** Makes sure that these binaries are in the cache, whole and unchanged, and says where. Makes only what is missing or damaged. */
export async function ensureToolchain(options: ToolchainOptions = {}): Promise<Tool[]> {
  const context = await prepare(options);
  const found = await checkAll(context);
  if (found.every(isFound)) return found.map((one) => one.tool);
  try {
    return await makeAll(context);
  } catch (error) {
    throw await explainFullDisk(error, context.cacheDir);
  }
}

async function makeAll(context: Context): Promise<Tool[]> {
  const { cacheDir, child, tell } = context;
  await mkdir(join(cacheDir, "toolchain"), { recursive: true });
  const onWait = (holder: Holder, seconds: number) => tell({ kind: "wait", holder, seconds });
  return withLock(layout.lock(cacheDir), { onWait, signal: child.signal }, async () => {
    // Whoever held the lock before may have made what was missing.
    const lacking = (await checkAll(context)).filter((one): one is Lacking => !isFound(one));
    await withWorkDir(cacheDir, async (workDir) => {
      for (const [done, one] of lacking.entries()) {
        await make(context, one, { index: done + 1, total: lacking.length }, workDir);
      }
    });
    return (await checkAll(context)).map((one) => {
      if (isFound(one)) return one.tool;
      throw new ToolchainError("build", {
        what: `${one.plan.entry.name} was just made, but is ${one.fault}`,
        got: cacheDir,
      });
    });
  });
}

/**
 * Looks only: what is in the cache, and whether it is sound.
 * @param believe true: what was once hashed and looks unchanged is not hashed again. For a preview, which uses none of it.
 */
export async function checkToolchain(options: ToolchainOptions = {}, believe = false): Promise<CheckedTool[]> {
  const context = await prepare(options);
  const found = await checkAll(context, believe ? await readVerified(context.cacheDir) : undefined);
  return found.map((one) => {
    if (isFound(one)) return one.tool;
    return { name: one.plan.entry.name, version: one.plan.entry.release.version, fault: one.fault };
  });
}

interface Found {
  readonly plan: Plan;
  readonly tool: Tool;
}

/** `before` is the record of what was there; without it nothing was ever made. */
interface Lacking {
  readonly plan: Plan;
  readonly fault: string;
  readonly before: Made | undefined;
}

function isFound(one: Found | Lacking): one is Found {
  return "tool" in one;
}

function checkAll(context: Context, verified?: Verified): Promise<(Found | Lacking)[]> {
  return Promise.all(context.plans.map((plan) => check(plan, context.cacheDir, verified)));
}

async function check(plan: Plan, cacheDir: string, verified?: Verified): Promise<Found | Lacking> {
  const { name, release } = plan.entry;
  const made = (await readManifest(plan.recipeDir))?.binaries[name];
  if (!made || (plan.how && made.how !== plan.how)) return { plan, fault: "not made yet", before: undefined };
  const path = layout.artifact(cacheDir, made.sha256, name);
  const fault = await faultOf(path, made, verified);
  if (fault) return { plan, fault, before: made };
  return { plan, tool: { name, version: release.version, sha256: made.sha256, path } };
}

async function make(
  context: Context,
  lacking: Lacking,
  position: { index: number; total: number },
  workDir: string,
): Promise<void> {
  const { plan, before, fault } = lacking;
  const { entry, compilers, recipe, recipeDir } = plan;
  const { arch, cacheDir, child, pins, tell } = context;
  const step: Step = {
    name: entry.name,
    version: entry.release.version,
    action: compilers ? "compile" : "download",
    ...position,
  };
  if (before) tell({ kind: "fault", name: step.name, version: step.version, fault });
  tell({ kind: "start", ...step });
  const begin = Date.now();
  const seconds = () => Math.round((Date.now() - begin) / 1000);
  const ticker = setInterval(() => tell({ kind: "tick", ...step, seconds: seconds() }), 1000);
  try {
    const output = join(workDir, entry.name);
    const how = compilers
      ? await compile(entry, arch, compilers, output, workDir, child)
      : await download(entry, arch, pins, output, workDir, child);
    const stored = await store(cacheDir, output, entry.name);
    await record(recipeDir, workDir, recipe, entry.name, {
      ...stored,
      ...(compilers && { goVersion: compilers.go.version }),
      how,
    });
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
      "about 0.6 GB for the binaries; compiling also takes about 5 GB in Go's caches (`go env GOCACHE GOMODCACHE`)",
    todo: "free some space, or put the cache on another disk with KILONODE_CACHE_DIR",
  });
}
