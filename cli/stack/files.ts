/** The files that the command keeps for a stack: state, kubeconfig, passphrase. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import type { ClusterPlan } from "../../components/plan/types";
import { UserError } from "../../config/errors";
import { projectDir } from "./project";

/** `$KILONODE_STATE_DIR`, or .kilonode in the project. */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.KILONODE_STATE_DIR ? resolve(env.KILONODE_STATE_DIR) : join(projectDir, ".kilonode");
}

export function stateFile(stack: string, env?: NodeJS.ProcessEnv): string {
  return join(stateDir(env), `${stack}.json`);
}

/** Also of a run that was killed before it wrote a state: its journal is one. */
export function hasState(stack: string, env?: NodeJS.ProcessEnv): boolean {
  const file = stateFile(stack, env);
  return existsSync(file) || existsSync(`${file}.journal`);
}

/** By role. */
export function kubeconfigFiles(stack: string, env?: NodeJS.ProcessEnv) {
  const file = (name: string) => join(stateDir(env), `${name}.kubeconfig`);
  return { operator: file(stack), "break-glass": file(`${stack}.break-glass`) } as const;
}

function removeKubeconfigs(stack: string, env?: NodeJS.ProcessEnv): void {
  for (const file of Object.values(kubeconfigFiles(stack, env))) rmSync(file, { force: true });
}

/** Readable by its owner alone: it holds keys. */
export function makeStateDir(env?: NodeJS.ProcessEnv): string {
  const dir = stateDir(env);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** Whoever may not read the folder would see no state in it, which is something else than no cluster. */
export function checkStateDir(env?: NodeJS.ProcessEnv): void {
  const dir = stateDir(env);
  try {
    accessSync(dir, constants.R_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new UserError(
      `the folder of the state, ${dir}, cannot be read as uid ${process.getuid?.()} (${(error as Error).message}); ` +
        "run the command as the folder's owner, for instance with sudo -E, or set KILONODE_STATE_DIR to another folder. Nothing was touched",
    );
  }
}

/** State, backup, journal and what is written beside it: about 1.4 MiB a host. */
const mebibytesPerHost = 2;

/**
 * The folder of a stack's state, with room for it: a disk that is full in the middle of an `up` leaves hosts that no state knows.
 *
 * @returns removes the folder again, if this made it and nothing came into it
 */
export function newFolder(
  { plan }: { readonly plan: Pick<ClusterPlan, "hosts"> },
  env?: NodeJS.ProcessEnv,
): () => void {
  const dir = stateDir(env);
  const isNew = !existsSync(dir);
  try {
    makeStateDir(env);
  } catch (error) {
    throw new UserError(
      `the folder of the state, ${dir}, cannot be made (${(error as Error).message}); run the command as root, for instance with ` +
        "sudo -E, or set KILONODE_STATE_DIR to another folder. Nothing was touched",
    );
  }
  const undo = () => {
    if (isNew) removeEmpty(dir);
  };
  const { bavail, blocks, bsize } = statfsSync(dir);
  const [free, needed] = [Math.floor((bavail * bsize) / 2 ** 20), 16 + mebibytesPerHost * plan.hosts.length];
  // A file system without a limit tells none.
  if (free >= needed || blocks === 0) return undo;
  undo();
  throw new UserError(
    `the disk of the state is full: ${free} MiB are free in ${dir}, the state of ${plan.hosts.length} hosts needs ${needed}; ` +
      "make room, or set KILONODE_STATE_DIR to a folder on another disk. Nothing was touched",
  );
}

/** After the last resource is gone: nothing of the stack stays, and of the folder nothing once no stack needs it. */
export function removeStackFiles(stack: string, env?: NodeJS.ProcessEnv): void {
  removeStateFiles(stack, env);
  // What a rehearsal has pretended lies beside it, too, and outlives a state that was only lost.
  const beside = `${basename(stateFile(stack, env))}.`;
  for (const name of existsSync(stateDir(env)) ? readdirSync(stateDir(env)) : [])
    if (name.startsWith(beside)) rmSync(join(stateDir(env), name), { recursive: true, force: true });
  removeUnusedPassphrase(env);
  removeEmpty(stateDir(env));
}

/** For a state that holds no resource. */
export function removeStateFiles(stack: string, env?: NodeJS.ProcessEnv): void {
  const file = stateFile(stack, env);
  // The state itself last: a crash in between leaves an empty state, never a backup that looks like a lost one.
  for (const suffix of [".bak", ".journal", ".tmp", ".run", ".lock", ""]) rmSync(`${file}${suffix}`, { force: true });
  removeKubeconfigs(stack, env);
}

const pulumiNote = (dir: string, stack: string) => join(dir, `${stack}.pulumi`);

/** A stack of Pulumi's own engine has its state elsewhere, encrypted with the passphrase that is here. */
export function notePulumiStack(stack: string, env?: NodeJS.ProcessEnv): void {
  writeFileSync(
    pulumiNote(makeStateDir(env), stack),
    "Pulumi's own engine keeps the state of this stack, encrypted with the passphrase of this folder.\n",
    { mode: 0o600 },
  );
}

/** What stands here of a stack of Pulumi's own engine. @param encrypted true: something may still need the passphrase */
export function removePulumiFiles(stack: string, encrypted: boolean, env?: NodeJS.ProcessEnv): void {
  removeKubeconfigs(stack, env);
  if (!encrypted) {
    rmSync(pulumiNote(stateDir(env), stack), { force: true });
    removeUnusedPassphrase(env);
  }
  removeEmpty(stateDir(env));
}

/**
 * The passphrase goes when it is alone with kubeconfigs. Whatever else lies there (a state, its backup, a journal, somebody's copy of
 * one) may be encrypted with it.
 */
export function removeUnusedPassphrase(env?: NodeJS.ProcessEnv): void {
  const dir = stateDir(env);
  if (!existsSync(dir)) return;
  const needsNone = (name: string) => name === "passphrase" || name.endsWith(".kubeconfig");
  if (readdirSync(dir).every(needsNone)) rmSync(join(dir, "passphrase"), { force: true });
}

function removeEmpty(dir: string): void {
  if (!existsSync(dir) || readdirSync(dir).length > 0) return;
  try {
    rmdirSync(dir);
  } catch {
    // A mount point, or a folder in one that cannot be written: it was there before.
  }
}
