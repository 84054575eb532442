/**
 * What the lab needs before the first resource: the machine's packages and limits, the binaries, the Debian root. All of it is
 * a cache or a property of the machine, so it is looked at on every run instead of being remembered as a resource.
 */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { ClusterSpec } from "../../../config/cluster";
import { countOf, exitCodes, UserError } from "../../../config/errors";
import { labBinaries } from "../../../config/versions";
import { defaultCacheDir, noteVerified } from "../../../toolchain/cache";
import { checkToolchain, ensureToolchain } from "../../../toolchain/ensure";
import { progressLine } from "../../../toolchain/progress";
import type { ArtifactSums } from "../../plan-types";

export interface PreparedLab {
  readonly sums: ArtifactSums;
  /** Folder with <sha256>/<name>, shown read-only in every host. */
  readonly artifactStore: string;
  /** The Debian root below the hosts' overlays. */
  readonly root: string;
  /** The lab's hosts as they are now. */
  readonly hosts: Readonly<Record<string, { readonly alive: boolean; readonly incarnation: string }>>;
  readonly newIncarnation: string;
}

const run = promisify(execFile);
const script = (name: string) => join(__dirname, name);

/** What every network device, namespace, process and file of this stack's lab is found by; a device's name has at most 15 characters. */
export function labPrefix(stack: string): string {
  return `kn-${stack}`;
}

/** @param change false in a preview: look, install and build nothing, and only warn of what is missing */
export async function prepareLab(
  spec: ClusterSpec,
  hostCount: number,
  change: boolean,
  say: (line: string) => void,
): Promise<PreparedLab> {
  const cacheDir = defaultCacheDir(process.env);
  const env = {
    ...process.env,
    PREFIX: labPrefix(spec.stack),
    CACHE_DIR: cacheDir,
    CIDR: spec.network.hosts,
    HOSTS: String(hostCount),
    MASTERS: String(spec.masters.count),
  };
  const ready = preflight(env, change, say);
  const look = () => Promise.all([toolchain(spec, cacheDir, change, say), debianRoot(env, change, say), hostsNow(env)]);
  // A run that changes something touches nothing before the machine is known to be ready; a preview only looks.
  const looking = change ? ready.then(look) : look();
  looking.catch(() => undefined);
  await ready;
  const [sums, root, hosts] = await looking;
  return {
    sums,
    artifactStore: join(cacheDir, "artifacts"),
    root,
    hosts,
    newIncarnation: randomBytes(4).toString("hex"),
  };
}

interface Preflight {
  readonly ok: boolean;
  readonly missing: readonly { readonly what: string; readonly why: string; readonly fix: string }[];
}

async function preflight(env: NodeJS.ProcessEnv, change: boolean, say: (line: string) => void): Promise<void> {
  const result = JSON.parse(
    await output("lab-preflight", ["--json", ...(change ? ["--install"] : [])], env, say, [0, 2]),
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

async function toolchain(
  spec: ClusterSpec,
  cacheDir: string,
  change: boolean,
  say: (line: string) => void,
): Promise<ArtifactSums> {
  const options = { binaries: labBinaries, cacheDir, source: spec.toolchain.source, sha256: spec.toolchain.sha256 };
  const tools = change
    ? await ensureToolchain({
        ...options,
        onProgress: (event) => {
          const line = progressLine(event);
          if (line) say(line);
        },
      })
    : await checkToolchain(options, true);
  if (change)
    await noteVerified(
      cacheDir,
      tools.filter((tool) => "sha256" in tool),
    );
  return Object.fromEntries(
    tools.map((tool) => [
      tool.name,
      { version: tool.version, sha256: "sha256" in tool ? tool.sha256 : "known once it has been built" },
    ]),
  );
}

async function debianRoot(env: NodeJS.ProcessEnv, change: boolean, say: (line: string) => void): Promise<string> {
  const text = await output("lab-root", change ? [] : ["--print"], env, say);
  return (JSON.parse(text) as { root: string }).root;
}

interface Status {
  readonly hosts: readonly { readonly name: string; readonly state: string; readonly incarnation: string }[];
}

async function hostsNow(env: NodeJS.ProcessEnv): Promise<PreparedLab["hosts"]> {
  // Only root can look; whoever previews as somebody else sees a lab without hosts.
  if (process.getuid?.() !== 0) return {};
  const { stdout } = await run(script("lab-status"), ["--json", "--brief"], { env }).catch(
    (error: { code?: number; stdout?: string }) => {
      if (error.code === 1 && error.stdout) return { stdout: error.stdout };
      throw error;
    },
  );
  const status = JSON.parse(stdout) as Status;
  return Object.fromEntries(
    status.hosts.map(({ name, state, incarnation }) => [name, { alive: state === "alive", incarnation }]),
  );
}

/** Runs a script of the lab, passing its progress on line by line. */
async function output(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  okay: number[] = [0],
): Promise<string> {
  const child = spawn(script(name), args, { env, stdio: ["ignore", "pipe", "pipe"] });
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
