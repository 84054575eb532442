/** What a command prints is written whole, or the command says that it was not and fails; a run is not stopped by it. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { stringify } from "yaml";
import { smallConfiguration } from "../unit/cli-fixture";
import { CopiedProject } from "./cli-project";

/** A cluster whose hosts do not answer, with an output that is larger than a pipe's buffer. */
const program = `
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
const key = new tls.PrivateKey("kubernetes-ca", { algorithm: "ECDSA", ecdsaCurve: "P256" });
new tls.SelfSignedCert("kubernetes-ca", { privateKeyPem: key.privateKeyPem, subject: { commonName: "kubernetes" }, isCaCertificate: true, allowedUses: ["cert_signing"], validityPeriodHours: 1000, setSubjectKeyId: true });
new local.Command("small-lb-1", { create: "echo made", update: "echo again", stdin: process.env.VALUE ?? "1" });
export const apiEndpoint = "https://127.0.0.1:1";
export const sshKey = pulumi.secret("no key");
export const hosts = [{ name: "small-lb-1", address: "127.0.0.1", zone: "a", role: "load-balancer", group: "load-balancer", user: "root", port: 1, hostKey: "ssh-ed25519 AAAA" }];
export const large = "x".repeat(300_000);
`;

const lost = /^error: the output could not be written: E.* after \d+ of \d+ bytes; what the command did is done\./m;
let project: CopiedProject;

beforeAll(async () => {
  project = new CopiedProject();
  project.write("stacks/index.ts", program);
  const config = Object.fromEntries(
    Object.entries(smallConfiguration).map(([key, value]) => [`kilonode:${key}`, value]),
  );
  project.write("stacks/Pulumi.small.yaml", stringify({ config }));
  const { code, stderr } = await project.run(["up", "small"]);
  expect(code, stderr).toBe(0);
}, 120_000);
afterAll(() => project.remove());

/** `script` gets the command as "$@". */
function shell(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const kilonode = [process.execPath, join(project.dir, "cli/kilonode.mjs")];
  const child = spawn("bash", ["-c", script, "bash", ...kilonode, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((done, failed) => {
    child.once("error", failed).once("close", (code) => done({ code, stdout, stderr }));
  });
}

/** Every command that prints by itself; `kubectl`, `ssh` and `logs` hand their output to another program. */
const commands: readonly (readonly string[])[] = [
  ["up", "small"],
  ["up", "small", "--json"],
  ["preview", "small"],
  ["preview", "small", "--json"],
  ["plan", "small"],
  ["plan", "small", "--json"],
  ["plan", "small", "--host", "small-lb-1"],
  ["status", "small"],
  ["status", "small", "--json"],
  ["doctor", "small"],
  ["doctor", "small", "--json"],
  ["drift", "small"],
  ["drift", "small", "--json"],
  ["outputs", "small"],
  ["outputs", "small", "--json"],
  ["kubeconfig", "small"],
  ["kubeconfig", "small", "--path"],
  ["kubeconfig", "small", "--break-glass"],
  ["scale"],
  ["scale", "--json"],
  ["scale", "--help"],
  ["state", "export", "small"],
  ["--help"],
  ["up", "--help"],
  ["etcd", "--help"],
  ["replace", "--help"],
  ["rotate", "small", "ssh-key"],
  ["recreate", "small", "--yes"],
  // Nothing is left for those that come after it.
  ["destroy", "small", "--yes"],
];

describe("nothing of it can be written", () => {
  it.each(commands)("%s %s %s %s", async (...args) => {
    const { code, stderr } = await shell('exec "$@" > /dev/full', args.filter(Boolean));
    expect(stderr).toMatch(lost);
    expect(stderr).toContain("ENOSPC: no space left on device");
    expect(code).toBe(1);
  });

  it("the list of binaries", async () => {
    const toolchain = [process.execPath, "--import", "tsx", resolve("toolchain/main.ts"), "list"];
    const { code, stderr } = await shell('shift 2; exec "$@" > /dev/full', toolchain);
    expect(stderr).toMatch(lost);
    expect(code).toBe(1);
  });

  it("is every command that there is", () => {
    const handOn = ["kubectl", "ssh", "logs"];
    const there = readdirSync("cli/commands").flatMap((name) => (name.endsWith(".ts") ? name.replace(".ts", "") : []));
    const printing = there.filter((name) => !["consent", "options", ...handOn].includes(name));
    expect([...new Set(commands.map(([name]) => name))].filter((name) => name !== "--help").sort()).toEqual(
      printing.sort(),
    );
  });
});

describe("of a large output", () => {
  beforeAll(async () => {
    expect((await project.run(["up", "small"])).code).toBe(0);
  }, 120_000);

  it("only a part can be written", async () => {
    const file = join(project.dir, "part");
    // A file of at most 64 KiB; without the signal, a write tells how much of it was done, as on a full disk.
    const { code, stderr } = await shell(`trap '' XFSZ; ulimit -f 64; exec "$@" > ${file}`, [
      "state",
      "export",
      "small",
    ]);
    expect(stderr).toMatch(/^error: the output could not be written: EFBIG.* after 65536 of \d{6} bytes;/m);
    expect(code).toBe(1);
    expect(statSync(file).size).toBe(65_536);
  });

  it("all arrives, in a file, in a pipe, and in one that is read slowly", async () => {
    const file = join(project.dir, "whole");
    const one = await shell(`exec "$@" > ${file}`, ["outputs", "small", "--json"]);
    const two = await shell('"$@" | cat', ["outputs", "small", "--json"]);
    const three = await shell('"$@" | (sleep 2; cat)', ["outputs", "small", "--json"]);
    expect([one.stderr, two.stderr, three.stderr]).toEqual(["", "", ""]);
    expect((JSON.parse(two.stdout) as { large: string }).large).toHaveLength(300_000);
    expect(three.stdout).toBe(two.stdout);
    expect(readFileSync(file, "utf8")).toBe(two.stdout);
  });

  it("a reader may take the first lines and go, and the exit code is the command's own", async () => {
    const quiet = await shell('set -o pipefail; "$@" | head -n 1; echo $?', ["outputs", "small", "--json"]);
    expect(quiet).toEqual({ code: 0, stdout: "{\n0\n", stderr: "" });
    const changes = ["preview", "small", "--json", "--expect-no-changes"];
    const failed = await shell('set -o pipefail; "$@" | head -n 1; echo $?', changes, { VALUE: "2" });
    expect(failed.stdout).toBe("{\n1\n");
  });
});

test("progress that cannot be written stops no run", async () => {
  const { code, stdout } = await shell('exec "$@" 2> /dev/full', ["up", "small"], { VALUE: "3" });
  expect(stdout).toContain("1 updated");
  expect(code).toBe(0);
});

test("a command that prints does so through the one function that looks whether it arrived", () => {
  const sources = ["cli", "toolchain"].flatMap((dir) =>
    readdirSync(dir, { recursive: true, encoding: "utf8" }).map((name) => join(dir, name)),
  );
  const others = sources.filter(
    (file) => file.endsWith(".ts") && /process\.stdout\.write|console\.(log|info)/.test(readFileSync(file, "utf8")),
  );
  expect(others).toEqual([]);
});
