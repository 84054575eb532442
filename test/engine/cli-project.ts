/** A copy of the project in a folder of its own, so that a test can give it any configuration and program. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const project = resolve(__dirname, "../..");
const parts = [
  "cli",
  "components",
  "config",
  "docs",
  "engine",
  "policy",
  "stacks",
  "toolchain",
  "Pulumi.yaml",
  "package.json",
];

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class CopiedProject {
  readonly dir = mkdtempSync(join(tmpdir(), "kilonode-cli-"));
  readonly stateDir = join(this.dir, ".kilonode");

  constructor() {
    for (const part of parts) cpSync(join(project, part), join(this.dir, part), { recursive: true });
    // Whatever stacks somebody has at the moment are not the test's.
    for (const name of readdirSync(join(this.dir, "stacks")).filter((file) => /^Pulumi\..*\.yaml$/.test(file))) {
      rmSync(join(this.dir, "stacks", name));
    }
    symlinkSync(join(project, "node_modules"), join(this.dir, "node_modules"));
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.dir, path), text);
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    // In another folder than the project's: the command must work from anywhere.
    return spawn(process.execPath, [join(this.dir, "cli/kilonode.mjs"), ...args], {
      cwd: tmpdir(),
      env: { ...environment(), ...env },
    });
  }

  run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return ended(this.start(args, env));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function ended(child: ReturnType<CopiedProject["start"]>): Promise<Ran> {
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (chunk: string) => {
      output[stream] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve({ code, ...output }));
  });
}

/** This process's own, without what would lead the command to somebody's state. */
export function environment(): NodeJS.ProcessEnv {
  const {
    PULUMI_CONFIG_PASSPHRASE: _,
    PULUMI_CONFIG_PASSPHRASE_FILE: __,
    KILONODE_STATE_DIR: ___,
    ...own
  } = process.env;
  return own;
}
