import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Catalogue, Download } from "../../toolchain/catalogue";
import type { ToolchainOptions } from "../../toolchain/plan";
import { type Progress, progressLine } from "../../toolchain/progress";

export const repoRoot = join(__dirname, "../..");

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-toolchain-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An environment in which `go` is the script in fake-go/. */
export function fakeGoEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(__dirname, "fake-go")}:${process.env.PATH}`, ...extra };
}

export const noDownload: Download = { url: "http://127.0.0.1:9/{version}/{arch}", sha256: {} };

/** Binaries "one", "two" and "three" of one product, whose go.mod lies in `moduleDir`. */
export function fakeCatalogue(moduleDir: string, download: (name: string) => Download = () => noDownload): Catalogue {
  writeFileSync(join(moduleDir, "go.mod"), "module example.invalid/fake\n\ngo 1.21\n");
  writeFileSync(join(moduleDir, "go.sum"), "");
  const release = { version: "1.0.0", tags: [], variables: {} };
  return ["one", "two", "three"].map((name) => ({
    name,
    product: "fake",
    release,
    module: "example.invalid/fake",
    goPackage: `example.invalid/fake/${name}`,
    download: download(name),
    moduleDir,
  }));
}

export interface Setup {
  readonly cacheDir: string;
  readonly options: ToolchainOptions;
  /** Packages the fake Go was asked to build, in order. */
  readonly builds: () => string[];
  /** Progress events so far. */
  readonly events: Progress[];
  /** Those a user would read. */
  readonly lines: () => string[];
}

export function setup(env: Record<string, string> = {}): Setup {
  const dir = tempDir();
  const cacheDir = join(dir, "cache");
  const log = join(dir, "builds");
  writeFileSync(log, "");
  const events: Progress[] = [];
  return {
    cacheDir,
    options: {
      binaries: ["one", "two"],
      catalogue: fakeCatalogue(dir),
      source: "gomod",
      cacheDir,
      env: fakeGoEnv({ FAKE_GO_LOG: log, ...env }),
      onProgress: (event) => events.push(event),
    },
    builds: () => readFileSync(log, "utf8").split("\n").filter(Boolean),
    events,
    lines: () => events.map(progressLine).filter((line) => line !== undefined),
  };
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `toolchain/main.ts` as a user would. */
export function startMain(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ["--import", "tsx", "toolchain/main.ts", ...args], { cwd: repoRoot, env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  return { child, ended };
}
