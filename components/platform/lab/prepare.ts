/**
 * What the lab needs before the first resource: the machine's packages and limits, the binaries, the Debian root. All of it is
 * a cache or a property of the machine, so it is looked at on every run instead of being remembered as a resource.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { countOf, exitCodes, UserError } from "../../../config/errors";
import { defaultCacheDir, noteVerified } from "../../../toolchain/cache";
import { checkToolchain, ensureToolchain, isSound } from "../../../toolchain/ensure";
import { progressTo } from "../../../toolchain/progress";
import type { ArtifactSums } from "../../plan/artifacts";
import type { PreparationRun, Prepared } from "../module";
import { isRoot, type LabStatus, labPrefix, labScript, labStatus } from "./looks";

export interface PreparedLab extends Prepared {
  /** Name of the Debian root below the hosts' overlays. */
  readonly root: string;
  /** The lab as it is now; undefined: nobody may look. */
  readonly lab: LabStatus | undefined;
  readonly newIncarnation: string;
}

export async function prepareLab(run: PreparationRun): Promise<PreparedLab> {
  const { change, plan, say } = run;
  const cacheDir = defaultCacheDir(process.env);
  const env = {
    ...process.env,
    PREFIX: labPrefix(plan.stack),
    CACHE_DIR: cacheDir,
    CIDR: plan.network.hosts,
    HOSTS: String(plan.hosts.length),
    MASTERS: String(plan.hosts.filter(({ role }) => role === "master").length),
  };
  const ready = preflight(env, change, say);
  const look = () => Promise.all([artifacts(run, env, cacheDir), debianRoot(env, change, say), labNow(env)]);
  // A run that changes something touches nothing before the machine is known to be ready; a preview only looks.
  const looking = change ? ready.then(look) : look();
  looking.catch(() => undefined);
  await ready;
  const [sums, root, lab] = await looking;
  return { artifacts: sums, root, lab, newIncarnation: run.newIncarnation };
}

interface Preflight {
  readonly ok: boolean;
  readonly missing: readonly { readonly what: string; readonly why: string; readonly fix: string }[];
}

async function preflight(env: NodeJS.ProcessEnv, change: boolean, say: (line: string) => void): Promise<void> {
  const result = JSON.parse(
    await output("lab-preflight", ["--json", ...(change ? ["--install"] : [])], env, say, { okay: [0, 2] }),
  ) as Preflight;
  if (result.ok) return;
  // Everything it lacks, each with the command that helps.
  const lacks = new UserError(
    `this machine lacks ${countOf(result.missing, "thing")} that the lab needs; nothing was touched`,
    exitCodes.failed,
    result.missing.map(({ what, why, fix }) => `${what}: ${why}; ${fix}`),
  );
  if (change) throw lacks;
  say(lacks.message);
}

/** The binaries that the plan's hosts run, and no others; shown to the hosts when something is to change. */
async function artifacts(
  { change, plan, say, spec }: PreparationRun,
  env: NodeJS.ProcessEnv,
  cacheDir: string,
): Promise<ArtifactSums> {
  const names = plan.hosts.flatMap(({ machine }) => Object.values(machine.binaries).map(({ name }) => name));
  const { source, sha256 } = spec.toolchain;
  const options = { binaries: [...new Set(names)], releases: plan.releases, cacheDir, source, sha256 };
  const tools = change
    ? await ensureToolchain({
        ...options,
        onProgress: progressTo(say),
      })
    : await checkToolchain(options, true);
  const there = tools.filter(isSound);
  if (change) {
    await noteVerified(cacheDir, there);
    const list = there.map(({ name, sha256: sum }) => `${sum} ${name}\n`).join("");
    await output("lab-artifacts", [], env, say, { input: list });
  }
  return new Map(there.map(({ name, sha256: sum }) => [name, sum]));
}

async function debianRoot(env: NodeJS.ProcessEnv, change: boolean, say: (line: string) => void): Promise<string> {
  const text = await output("lab-root", change ? [] : ["--print"], env, say);
  return (JSON.parse(text) as { root: string }).root;
}

async function labNow(env: NodeJS.ProcessEnv): Promise<LabStatus | undefined> {
  return isRoot() ? labStatus(env, true) : undefined;
}

/** Runs a script of the lab, passing its progress on line by line. */
async function output(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  { okay = [0], input = "" }: { readonly okay?: readonly number[]; readonly input?: string } = {},
): Promise<string> {
  const child = spawn(labScript(name), args, { env, stdio: "pipe" });
  child.stdin.on("error", () => undefined).end(input);
  let stdout = "";
  const errors: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    errors.push(line);
    say(line);
  });
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once("error", reject).once("close", resolve),
  );
  if (code === null || !okay.includes(code))
    throw new UserError(`${name} failed (exit ${code})\n${errors.slice(-20).join("\n")}`);
  return stdout;
}
