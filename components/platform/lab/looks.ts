/** Looks at a lab, and sweeps it, by the lab's own scripts. Only root can; anybody else sees a lab without hosts. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ClusterSpec } from "../../../config/cluster";
import type { PlatformDegradation } from "../module";

const run = promisify(execFile);
export const labScript = (name: string) => join(__dirname, name);
export const isRoot = () => process.getuid?.() === 0;

/** What every network device, namespace, process and file of this stack's lab is found by; a device's name has at most 15 characters. */
export function labPrefix(stack: string): string {
  return `kn-${stack}`;
}

/** What a host was made with, as lab-host keeps it. */
export interface LabInputs {
  readonly root: string;
  readonly authorizedKey: string;
  /** "name:MiB", separated by blanks. */
  readonly volumes: string;
  readonly ephemeral: string;
}

export interface LabHost {
  readonly name: string;
  readonly state: string;
  readonly incarnation: string;
  readonly address: string;
  readonly hostKey: string;
  readonly inputs: LabInputs;
}

export interface LabStatus {
  readonly network: { readonly owner?: string } | null;
  readonly hosts: readonly LabHost[];
  /** True: a volume grows without a restart of its host. */
  readonly growsOnline: boolean;
  readonly degradations: readonly { readonly feature: string; readonly effect: string }[];
}

/** @param brief without trying what the machine cannot do */
export async function labStatus(env: NodeJS.ProcessEnv, brief: boolean): Promise<LabStatus> {
  const { stdout } = await run(labScript("lab-status"), ["--json", ...(brief ? ["--brief"] : [])], {
    env,
    timeout: lookTimeoutMs,
  }).catch((error: { code?: number; stdout?: string }) => {
    // Exit 1 says that a host is dead, which is an answer.
    if (error.code === 1 && error.stdout) return { stdout: error.stdout };
    throw error;
  });
  return JSON.parse(stdout) as LabStatus;
}

/** Its volumes are kept for the next one of its name, unless the lab is ephemeral. */
export async function endLabHost(
  { stack, ephemeral }: ClusterSpec,
  host: string,
  owner: string | undefined,
): Promise<void> {
  const own = { PREFIX: labPrefix(stack), NAME: host, OWNER: owner ?? "", EPHEMERAL: String(ephemeral) };
  await run(labScript("lab-host"), ["discard"], { env: { ...process.env, ...own } });
}

/** Far more than the script takes: it must not hang a command for ever on a machine that is in trouble. */
const lookTimeoutMs = 60_000;

export async function labDegradations({ stack }: ClusterSpec): Promise<readonly PlatformDegradation[]> {
  if (!isRoot()) return [];
  try {
    const { degradations } = await labStatus({ ...process.env, PREFIX: labPrefix(stack) }, false);
    return degradations.map(({ feature, effect }) => ({ what: feature, effect }));
  } catch (error) {
    const effect = `this machine cannot be looked at (${labScript("lab-status")}): ${(error as Error).message}`;
    return [{ what: "lab", effect }];
  }
}

/** Removes everything that still carries the prefix of an ephemeral lab: an `up` may have been killed while it made its first resources. */
export async function sweepLab({ stack, ephemeral }: ClusterSpec, owner: string | undefined): Promise<void> {
  if (!ephemeral || !isRoot()) return;
  const { network } = await labStatus({ ...process.env, PREFIX: labPrefix(stack) }, true);
  // Without a network it is nobody's.
  const ours = network === null || (owner !== undefined && (network.owner ?? owner) === owner);
  if (ours) await run(labScript("lab-clean"), ["--prefix", labPrefix(stack)]);
}
