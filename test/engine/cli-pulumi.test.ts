/** The real command on Pulumi's own engine, with a stand-in for its CLI on PATH (support/fake-pulumi.cjs). */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CopiedProject, environment } from "./cli-project";

const config = "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n";
const urn = (name: string) => `urn:pulumi:small::kilonode::command:local:Command::${name}`;

let project: CopiedProject;
let fake: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  project = new CopiedProject();
});
afterAll(() => project.remove());
beforeEach(() => {
  project.write("stacks/Pulumi.small.yaml", config);
  fake = mkdtempSync(join(tmpdir(), "fake-pulumi-"));
  mkdirSync(join(fake, "bin"));
  mkdirSync(join(fake, "tmp"));
  symlinkSync(resolve("test/engine/support/fake-pulumi.cjs"), join(fake, "bin/pulumi"));
  env = {
    PATH: `${join(fake, "bin")}:${process.env.PATH}`,
    TMPDIR: join(fake, "tmp"),
    FAKE_PULUMI: fake,
    PULUMI_BACKEND_URL: `file://${join(fake, "backend")}`,
    NO_COLOR: "1",
  };
});
afterEach(() => {
  rmSync(fake, { recursive: true });
  rmSync(project.stateDir, { recursive: true, force: true });
});

const kilonode = (...args: string[]) => project.run(args, env);
const stackText = () => readFileSync(join(project.dir, "stacks/Pulumi.small.yaml"), "utf8");
const textOf = (name: string) => readFileSync(join(fake, name), "utf8");
interface Call {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly backend: string;
}
const calls = () =>
  textOf("calls")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Call);
const called = (...words: string[]) => calls().filter(({ args }) => words.every((word, i) => args[i] === word));

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; !condition(); attempt++) {
    if (attempt > 600) throw new Error("it has not come about within a minute");
    await sleep(100);
  }
}

/** In a terminal of its own, where Ctrl-C goes to every process of the foreground. */
function inTerminal(...args: string[]): { child: ChildProcess; ended: Promise<{ code: number | null; text: string }> } {
  const words = [process.execPath, join(project.dir, "cli/kilonode.mjs"), ...args];
  const child = spawn("script", ["-qefc", words.join(" "), "/dev/null"], { env: { ...environment(), ...env } });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<{ code: number | null; text: string }>((done, failed) =>
    child.once("error", failed).once("close", (code) => done({ code, text })),
  );
  return { child, ended };
}

describe("Ctrl-C in a terminal", () => {
  const waiting = () => existsSync(join(fake, "waiting"));
  const signals = () => (existsSync(join(fake, "signals")) ? textOf("signals") : "");

  test("tells the CLI once to stop, and is reported as what it is", async () => {
    Object.assign(env, { FAKE_WAITS: "yes" });
    const { child, ended } = inTerminal("up", "small");
    await until(waiting);
    child.stdin?.write("\x03");
    const { code, text } = await ended;
    expect(text).toContain("interrupted: finishing what runs; go on later with `kilonode up small`");
    expect(text).toContain("stack small: up interrupted");
    expect(text).toContain("run the same command again to go on");
    // What was killed by it is nothing to be mended.
    expect(text).not.toMatch(/what to do|error in|signal: killed/);
    expect(code).toBe(130);
    expect(signals()).toBe("SIGINT\n");
    const [pid, group] = textOf("waiting").split(" ");
    expect(group).toBe(pid);
  });

  test("a second time ends it at once, and the CLI does not live on", async () => {
    Object.assign(env, { FAKE_WAITS: "stubborn" });
    const { child, ended } = inTerminal("up", "small");
    await until(waiting);
    child.stdin?.write("\x03");
    await until(() => signals() === "SIGINT\n");
    child.stdin?.write("\x03");
    expect((await ended).code).toBe(130);
    await until(() => !existsSync(`/proc/${textOf("waiting").split(" ")[0]}`));
    expect(signals()).toBe("SIGINT\n");
  });
});

describe("a preview touches nothing", () => {
  test.each(["preview", "preview --destroy"])("%s of a stack that Pulumi does not know", async (action) => {
    const { code, stdout, stderr } = await kilonode(...action.split(" "), "small");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("succeeded");
    expect(stackText()).toBe(config);
    expect(existsSync(join(fake, "backend/stacks"))).toBe(false);
    expect(existsSync(project.stateDir)).toBe(false);
    // It was made in a backend of its own, which is gone.
    const [made] = called("stack", "init");
    expect(made?.backend).not.toBe(join(fake, "backend"));
    expect(readdirSync(join(fake, "tmp")).filter((name) => name.startsWith("kilonode"))).toEqual([]);
  });

  test("of a stack that Pulumi knows, whose file has no salt", async () => {
    expect((await kilonode("up", "small")).code).toBe(0);
    project.write("stacks/Pulumi.small.yaml", config);
    expect((await kilonode("preview", "small")).code).toBe(0);
    expect(stackText()).toBe(config);
    expect(called("stack", "init")).toHaveLength(1);
    expect(called("preview")[0]?.backend).toBe(join(fake, "backend"));
  });

  test("and an up after it makes the stack, whose passphrase is kept", async () => {
    expect((await kilonode("preview", "small")).code).toBe(0);
    expect((await kilonode("up", "small")).code).toBe(0);
    expect(existsSync(join(fake, "backend/stacks"))).toBe(true);
    expect(readdirSync(project.stateDir).sort()).toEqual(["passphrase", "small.pulumi"]);
    expect((await kilonode("preview", "small", "--expect-no-changes")).code).toBe(0);
  });
});

describe("a create that was under way in a run that was killed", () => {
  const resource = (name: string) => ({ urn: urn(name), custom: true, type: "command:local:Command" });
  const pending = (name: string) => ({ type: "creating", resource: resource(name) });

  test("is forgotten once an up has made it; one that nothing has made is kept", async () => {
    const deployment = { resources: [resource("made")], pending_operations: [pending("made"), pending("lost")] };
    writeFileSync(join(fake, "export"), JSON.stringify({ version: 3, deployment }));
    expect((await kilonode("up", "small")).code).toBe(0);
    const after = { resources: [resource("made")], pending_operations: [pending("lost")] };
    expect(JSON.parse(textOf("export"))).toMatchObject({ version: 3, deployment: after });
  });

  test("is no reason to touch the state where there is none", async () => {
    expect((await kilonode("up", "small")).code).toBe(0);
    expect(called("stack", "import")).toEqual([]);
  });
});

describe("destroy", () => {
  const made = () => readdirSync(project.stateDir).sort();
  const withKubeconfig = async (more: NodeJS.ProcessEnv = {}) => {
    Object.assign(env, more);
    expect((await kilonode("up", "small")).code).toBe(0);
    mkdirSync(project.stateDir, { recursive: true });
    writeFileSync(join(project.stateDir, "small.kubeconfig"), "kind: Config\n");
  };

  test("leaves nothing: no kubeconfig, no marker, no passphrase, no stack, no salt", async () => {
    await withKubeconfig();
    expect(made()).toEqual(["passphrase", "small.kubeconfig", "small.pulumi"]);
    const { code, stderr } = await kilonode("destroy", "small", "--yes");
    expect(code, stderr).toBe(0);
    expect(existsSync(project.stateDir)).toBe(false);
    expect(called("stack", "rm")).toHaveLength(1);
    expect(called("stack", "rm")[0]?.args).toContain("--preserve-config");
    expect(stackText()).toBe(config);
  });

  test("keeps the passphrase that the stack's file still needs", async () => {
    await withKubeconfig();
    const secret = "  aws:token: {secure: v1:x}\n";
    project.write("stacks/Pulumi.small.yaml", stackText().replace(config, config + secret));
    expect((await kilonode("destroy", "small", "--yes")).code).toBe(0);
    expect(made()).toEqual(["passphrase", "small.pulumi"]);
    expect(stackText()).toMatch(/secure: v1:x.*encryptionsalt:/s);
    expect(called("stack", "rm")).toEqual([]);
  });

  test("keeps the stack, as `pulumi destroy` does, where the passphrase is the operator's", async () => {
    await withKubeconfig({ PULUMI_CONFIG_PASSPHRASE: "x" });
    expect((await kilonode("destroy", "small", "--yes")).code).toBe(0);
    expect(existsSync(project.stateDir)).toBe(false);
    expect(called("stack", "rm")).toEqual([]);
    expect(stackText()).toContain("encryptionsalt:");
  });
});
