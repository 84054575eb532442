/**
 * The same programs through the real Pulumi CLI and through the rehearsal engine, where the CLI is installed: the same effects, the
 * same state, and each takes over the other's state without a change. Run it whenever @pulumi/pulumi is raised.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ConfigValue, StateFile } from "../../engine";
import { providers, Rehearsal } from "../../engine/rehearsal";
import { CONFORMANCE, openedResources, PASSPHRASE } from "./support/recordings";
import { startSshServer } from "./support/sshd";

const version = spawnSync("pulumi", ["version"], { encoding: "utf8" }).stdout?.trim();
const reason = version ? `pulumi ${version}` : "skipped: there is no pulumi on the PATH";

interface Step {
  readonly action: "up" | "destroy";
  readonly config: Readonly<Record<string, string>>;
}

const folder = mkdtempSync(path.join(tmpdir(), "differential-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One program on both engines. The CLI gets a copy, because it writes its configuration beside the program. */
class Pair {
  readonly #directory: string;
  readonly #folder: string;
  readonly #secrets: Readonly<Record<string, string>>;

  constructor(
    program: string,
    /** What the commands write down as they run. */
    private readonly effects: string,
    secrets: Readonly<Record<string, string>> = {},
  ) {
    this.#folder = path.join(folder, program);
    this.#directory = path.join(this.#folder, "program");
    this.#secrets = secrets;
    cpSync(path.join(CONFORMANCE, program), this.#directory, { recursive: true });
    symlinkSync(path.resolve(import.meta.dirname, "../../node_modules"), path.join(this.#directory, "node_modules"));
    mkdirSync(path.join(this.#folder, "backend"));
    this.#pulumi(["stack", "init"]);
    for (const [key, value] of Object.entries(secrets)) this.#pulumi(["config", "set", "--secret", key], value);
  }

  async step({ action, config }: Step): Promise<void> {
    for (const [key, value] of Object.entries(config)) this.#pulumi(["config", "set", key, value]);
    const real = await this.#effectsOf(() => this.#pulumi([action, "--yes", "--skip-preview", "--parallel", "1"]));
    const rehearsal = this.#rehearsal(config);
    const ours = await this.#effectsOf(async () => expect((await rehearsal[action]()).result).toBe("succeeded"));
    expect(ours).toBe(real);
    const theirs = JSON.parse(this.#pulumi(["stack", "export"])) as StateFile;
    expect(comparable(rehearsal.export())).toEqual(comparable(theirs));
    if (action === "destroy") return;
    const exchanged = path.join(this.#folder, "exchanged.json");
    writeFileSync(exchanged, JSON.stringify(rehearsal.export()));
    await rehearsal.import(theirs);
    expect(Object.keys((await rehearsal.preview()).changes)).toEqual(["same"]);
    this.#pulumi(["stack", "import", "--file", exchanged]);
    this.#pulumi(["preview", "--expect-no-changes"]);
  }

  async #effectsOf(work: () => unknown): Promise<string> {
    writeFileSync(this.effects, "");
    process.env.EFFECTS = this.effects;
    try {
      await work();
    } finally {
      delete process.env.EFFECTS;
    }
    return readFileSync(this.effects, "utf8");
  }

  #pulumi(args: readonly string[], input = ""): string {
    return execFileSync("pulumi", [...args, "--stack", "dev", "--non-interactive"], {
      cwd: this.#directory,
      encoding: "utf8",
      input,
      env: {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${this.#folder}/backend`,
        PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
  }

  #rehearsal(config: Readonly<Record<string, string>>): Rehearsal {
    const secrets = Object.entries(this.#secrets).map(([key, secret]): [string, ConfigValue] => [key, { secret }]);
    return new Rehearsal({
      projectDir: this.#directory,
      stack: "dev",
      stateFile: path.join(this.#folder, "state.json"),
      passphrase: PASSPHRASE,
      providers,
      config: { ...config, ...Object.fromEntries(secrets) },
      parallel: 1,
      runtime: { nodeArgs: ["--import", "tsx"], typescript: false },
    });
  }
}

/** Resources with their secrets marked and open, without what differs between any two runs. */
function comparable({ deployment }: StateFile): unknown[] {
  return openedResources(deployment)
    .filter(({ type }) => !String(type).startsWith("pulumi:providers:"))
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
    const pair = new Pair("order", path.join(folder, "effects"));
    await pair.step({ action: "up", config: { t: "1" } });
    await pair.step({ action: "up", config: { t: "1" } });
    await pair.step({ action: "up", config: { t: "2" } });
    await pair.step({ action: "up", config: { t: "3", dbr: "true" } });
    await pair.step({ action: "destroy", config: { t: "3", dbr: "true" } });
  });

  it("does so with commands over SSH, whose states hold secrets within secrets", { timeout: 600_000 }, async () => {
    const effects = path.join(folder, "remote-effects");
    const server = await startSshServer(path.join(folder, "ssh"), effects);
    try {
      const { port = "", user = "", hostKey = "", privateKey = "" } = server.placeholders;
      // Without its last line end, which `pulumi config set` takes off.
      const pair = new Pair("remote", effects, { privateKey: privateKey.trimEnd() });
      const config = { port, user, hostKey };
      await pair.step({ action: "up", config });
      await pair.step({ action: "up", config });
      await pair.step({ action: "up", config: { ...config, v: "2", content: "2" } });
      await pair.step({ action: "up", config: { ...config, v: "2", content: "2", t: "2", copyTrigger: "2" } });
      await pair.step({
        action: "up",
        config: { ...config, v: "2", content: "2", t: "2", copyTrigger: "2", jump: "true" },
      });
      await pair.step({ action: "destroy", config });
    } finally {
      server.stop();
    }
  });
});
