/** The files that the command keeps for a stack: state, kubeconfig, passphrase. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectDir } from "./project";

/** `$KILONODE_STATE_DIR`, or .kilonode in the project. */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.KILONODE_STATE_DIR ? resolve(env.KILONODE_STATE_DIR) : join(projectDir, ".kilonode");
}

export function stateFile(stack: string, env?: NodeJS.ProcessEnv): string {
  return join(stateDir(env), `${stack}.json`);
}

export function kubeconfigFile(stack: string, env?: NodeJS.ProcessEnv): string {
  return join(stateDir(env), `${stack}.kubeconfig`);
}

/** Readable by its owner alone: it holds keys. */
export function makeStateDir(env?: NodeJS.ProcessEnv): string {
  const dir = stateDir(env);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** After the last resource is gone: nothing of the stack stays, and of the folder nothing once no stack needs it. */
export function removeStackFiles(stack: string, env?: NodeJS.ProcessEnv): void {
  const file = stateFile(stack, env);
  // The state itself last: a crash in between leaves an empty state, never a backup that looks like a lost one.
  for (const suffix of [".bak", ".journal", ".tmp", ".lock", ""]) rmSync(`${file}${suffix}`, { force: true });
  rmSync(kubeconfigFile(stack, env), { force: true });
  const dir = stateDir(env);
  if (!existsSync(dir)) return;
  if (!readdirSync(dir).some((name) => name.endsWith(".json"))) rmSync(join(dir, "passphrase"), { force: true });
  if (readdirSync(dir).length === 0) rmdirSync(dir);
}
