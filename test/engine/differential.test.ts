/**
 * The same program through the real Pulumi CLI and through the rehearsal engine, where the CLI is installed: the same effects, the
 * same state, and each takes over the other's state without a change. Run it whenever @pulumi/pulumi is raised.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { StateFile } from "../../engine";
import { providers, Rehearsal } from "../../engine/rehearsal";
import { CONFORMANCE } from "./support/recordings";

const version = spawnSync("pulumi", ["version"], { encoding: "utf8" }).stdout?.trim();
const reason = version ? `pulumi ${version}` : "skipped: there is no pulumi on the PATH";
const PASSPHRASE = "rehearsal";
const STEPS: readonly { readonly action: "up" | "destroy"; readonly t: string; readonly dbr?: string }[] = [
  { action: "up", t: "1" },
  { action: "up", t: "1" },
  { action: "up", t: "2" },
  { action: "up", t: "3", dbr: "true" },
  { action: "destroy", t: "3", dbr: "true" },
];

const folder = mkdtempSync(path.join(tmpdir(), "differential-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy, because the CLI writes its configuration beside the program. */
function project(): string {
  const directory = path.join(folder, "order");
  cpSync(path.join(CONFORMANCE, "order"), directory, { recursive: true });
  symlinkSync(path.resolve(import.meta.dirname, "../../node_modules"), path.join(directory, "node_modules"));
  mkdirSync(path.join(folder, "backend"));
  return directory;
}

function environment(effects: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    EFFECTS: effects,
    PULUMI_BACKEND_URL: `file://${folder}/backend`,
    PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
}

/** Resources without what differs between any two runs. */
function comparable(state: StateFile): unknown[] {
  return (state.deployment.resources ?? [])
    .filter(({ type }) => !type.startsWith("pulumi:providers:"))
    .map(({ urn, inputs = {}, outputs = {}, parent, dependencies = [] }) => ({
      urn,
      inputs,
      outputs,
      parent,
      dependencies: [...dependencies].sort(),
    }))
    .sort((a, b) => a.urn.localeCompare(b.urn));
}

describe.skipIf(!version)(`against the real engine (${reason})`, () => {
  it("does the same at every step, and each engine takes over the other's state", { timeout: 600_000 }, async () => {
    const directory = project();
    const files = { real: path.join(folder, "real"), ours: path.join(folder, "ours") };
    const pulumi = (...args: string[]): string =>
      execFileSync("pulumi", [...args, "--stack", "dev", "--non-interactive"], {
        cwd: directory,
        encoding: "utf8",
        env: environment(files.real),
      });
    pulumi("stack", "init");
    const ours = (config: Record<string, string>): Rehearsal =>
      new Rehearsal({
        projectDir: directory,
        stack: "dev",
        stateFile: path.join(folder, "state.json"),
        passphrase: PASSPHRASE,
        providers,
        config,
        parallel: 1,
        runtime: { nodeArgs: ["--import", "tsx"], typescript: false },
      });
    for (const { action, ...config } of STEPS) {
      for (const file of Object.values(files)) writeFileSync(file, "");
      for (const [key, value] of Object.entries(config)) pulumi("config", "set", key, value);
      pulumi(action, "--yes", "--skip-preview", "--parallel", "1");
      process.env.EFFECTS = files.ours;
      const rehearsal = ours(config);
      expect((await rehearsal[action]()).result).toBe("succeeded");
      expect(readFileSync(files.ours, "utf8")).toBe(readFileSync(files.real, "utf8"));
      const real = JSON.parse(pulumi("stack", "export")) as StateFile;
      expect(comparable(rehearsal.export())).toEqual(comparable(real));
      if (action === "destroy") continue;
      const exchanged = path.join(folder, "exchanged.json");
      writeFileSync(exchanged, JSON.stringify(rehearsal.export()));
      await rehearsal.import(real);
      expect(Object.keys((await rehearsal.preview()).changes)).toEqual(["same"]);
      pulumi("stack", "import", "--file", exchanged);
      pulumi("preview", "--expect-no-changes");
    }
  });
});
