/** The real command with the rehearsal engine and a program of a few shell commands in the place of a cluster. */
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunReport } from "../../cli/show/summary";
import { CopiedProject, ended } from "./cli-project";

/** Named like parts of a cluster, so that phases and hosts are told. What it does is chosen by environment variables. */
const program = `
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const { VALUE = "1", SLOW = "0", ROLLOUT = "echo '0.1s etcd-main: shard healthy (7/7), done' >&2" } = process.env;
const host = new local.Command("small-lb-1", { create: "echo made", triggers: [VALUE], logging: "none" });
const slow = new local.Command("small-nodes-1", { create: \`sleep \${SLOW}\`, triggers: [SLOW] }, { dependsOn: host });
new local.Command("etcd-main-rollout", { create: ROLLOUT, logging: "stderr" }, { dependsOn: slow });
export const apiEndpoint = "https://198.18.0.5:6443";
const key = new tls.PrivateKey("kubernetes-ca", { algorithm: "ECDSA", ecdsaCurve: "P256" });
new tls.SelfSignedCert("kubernetes-ca", { privateKeyPem: key.privateKeyPem, subject: { commonName: "kubernetes" }, isCaCertificate: true, allowedUses: ["cert_signing"], validityPeriodHours: 1000, setSubjectKeyId: true });
export const sshKey = pulumi.secret("the key");
export const hosts = [{ name: "small-lb-1", address: "127.0.0.1", zone: "a", role: "load-balancer", group: "load-balancer", user: "root", port: 1, hostKey: "ssh-ed25519 AAAA" }];
`;

let project: CopiedProject;
let state: string;
const up = (env: NodeJS.ProcessEnv = {}, ...more: string[]) => project.run(["up", "small", ...more], env);

beforeAll(() => {
  project = new CopiedProject();
  project.write("stacks/index.ts", program);
  project.write("stacks/Pulumi.small.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n");
  state = join(project.stateDir, "small.json");
});
afterAll(() => project.remove());

// One cluster's life: each test goes on from what the one before it left.

test("up: says which engine runs and that it made a passphrase, tells phases, ends with a summary", async () => {
  const { code, stdout, stderr } = await up();
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/engine: rehearsal \(no pulumi CLI on PATH\); state in .*small\.json/);
  expect(stderr).toMatch(/made a random passphrase .*passphrase$/m);
  expect(stderr).toMatch(/\] {3}etcd-main: shard healthy \(7\/7\), done$/m);
  expect(stderr).toMatch(/rollout etcd-main: done in \d+\.\ds \(1 created\)/);
  expect(stdout).toMatch(/stack small: up succeeded in .* \(rehearsal engine\)\n {2}resources {2}6 created/);
  expect(stdout).toContain("https://198.18.0.5:6443");
  for (const name of ["passphrase", "small.json"])
    expect(statSync(join(project.stateDir, name)).mode & 0o777).toBe(0o600);
});

test("up and preview again: no changes", async () => {
  const again = await up({}, "--expect-no-changes");
  expect(again.stdout).toContain("6 unchanged");
  expect(again.code).toBe(0);
  expect((await project.run(["preview", "small", "--expect-no-changes"])).code).toBe(0);
});

test("preview: what changes; --expect-no-changes fails then, and nothing was done", async () => {
  const before = readFileSync(state, "utf8");
  const files = readdirSync(project.stateDir);
  const { code, stdout, stderr } = await project.run(["preview", "small", "--expect-no-changes"], { VALUE: "2" });
  expect(stdout).toContain('+- host small-lb-1\n    triggers[0]: "1" -> "2" (forces replacement)\n');
  expect(stderr).toContain("no changes were expected, and there are some");
  expect(code).toBe(1);
  expect(readFileSync(state, "utf8")).toBe(before);
  expect(readdirSync(project.stateDir)).toEqual(files);
});

test("preview --markdown: the comment alone on the standard output, the whole preview on the other one, and never with --json", async () => {
  const { code, stdout, stderr } = await project.run(["preview", "small", "--markdown"], { VALUE: "2" });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^<!-- kilonode preview small -->\n\n### Preview: `small`\n/);
  expect(stdout).toMatch(/> - \*\*replaces\*\* 1 `host`: `small-lb-1`; `triggers/);
  expect(stderr).toMatch(/\+- host small-lb-1[\s\S]*stack small: preview succeeded/);
  const both = await project.run(["preview", "small", "--markdown", "--json"]);
  expect([both.code, both.stdout]).toEqual([2, ""]);
});

test("up --expect-no-changes --json: one object on the standard output, exit 1 because something was changed", async () => {
  const { code, stdout } = await up({ VALUE: "2" }, "--expect-no-changes", "--json");
  const report = JSON.parse(stdout) as RunReport;
  expect(report).toMatchObject({
    stack: "small",
    engine: "rehearsal",
    action: "up",
    result: "succeeded",
    changes: { replace: 1, same: 5 },
  });
  expect(report.phases.map(({ name }) => name)).toEqual([
    "preparation",
    "hosts",
    "keys and certificates",
    "rollout etcd-main",
  ]);
  expect(report.outputs).toMatchObject({ sshKey: "[secret]" });
  expect(code).toBe(1);
});

test("a refused gate: exit 3 with host, finding and remedy", async () => {
  const finding = {
    host: "small-etcd-main-2",
    checked: "no unit is masked",
    found: "etcd.service is masked",
    advice: "systemctl unmask it.",
    lasting: true,
  };
  const refusal = JSON.stringify({ group: "etcd-main", ...finding, changed: [], findings: [finding] });
  const { code, stdout, stderr } = await up({ VALUE: "2", ROLLOUT: `echo 'KILONODE-GATE ${refusal}' >&2; exit 3` });
  expect(stdout).toContain("error in etcd-main-rollout on host small-etcd-main-2:");
  expect(stdout).toContain("checked: no unit is masked; found: etcd.service is masked");
  expect(stdout).toContain("systemctl unmask it. Then run `kilonode up small` again");
  expect(`${stdout}${stderr}`).not.toContain("KILONODE-GATE");
  expect(code).toBe(3);
});

test("any other failure: exit 1, what was said and what to do", async () => {
  const { code, stdout } = await up({ VALUE: "2", ROLLOUT: "echo no space left >&2; exit 1" });
  expect(stdout).toMatch(/error in etcd-main-rollout:\n[\s\S]*no space left\n {2}what to do: mend the cause/);
  expect(code).toBe(1);
});

test("a wrong passphrase: exit 2, nothing touched", async () => {
  const before = readFileSync(state, "utf8");
  const { code, stderr } = await up({ PULUMI_CONFIG_PASSPHRASE: "wrong" });
  expect(stderr).toMatch(/error: the passphrase is not the one/);
  expect(stderr).not.toContain("    at ");
  expect(code).toBe(2);
  expect(readFileSync(state, "utf8")).toBe(before);
  const refused = await project.run(["preview", "small", "--markdown"], { PULUMI_CONFIG_PASSPHRASE: "wrong" });
  expect(refused.code).toBe(2);
  expect(refused.stdout).toMatch(
    /^<!-- kilonode preview small -->[\s\S]*\*\*Refused\*\*: 1 problem[\s\S]*the passphrase is not the one/,
  );
});

test("a passphrase that is gone: exit 2, and no new one is made", async () => {
  const file = join(project.stateDir, "passphrase");
  renameSync(file, `${file}.away`);
  const { code, stderr } = await up();
  expect(stderr).toContain("was encrypted with a passphrase that is not here");
  expect(code).toBe(2);
  expect(existsSync(file)).toBe(false);
  renameSync(`${file}.away`, file);
});

test("a truncated state: named, exit 1, nothing touched", async () => {
  const whole = readFileSync(state, "utf8");
  truncateSync(state, 1000);
  const { code, stderr } = await up();
  expect(stderr).toContain(`the state file ${state} is damaged`);
  expect(code).toBe(1);
  expect(readFileSync(state, "utf8")).toBe(whole.slice(0, 1000));
  writeFileSync(state, whole);
});

test("Ctrl-C: says so, ends with 130, and the next up goes on", async () => {
  const child = project.start(["up", "small"], { VALUE: "2", SLOW: "300" });
  const result = ended(child);
  child.stderr.on("data", (text: string) => {
    if (text.includes("hosts")) setTimeout(() => child.kill("SIGINT"), 500);
  });
  child.stderr.once("data", () => setTimeout(() => child.kill("SIGINT"), 20_000));
  const { code, stdout, stderr } = await result;
  expect(stderr).toContain("interrupted: finishing what runs; go on later with `kilonode up small`");
  expect(stdout).toContain("run the same command again to go on");
  expect(code).toBe(130);
  expect((await up({ VALUE: "2" })).code).toBe(0);
});

test("Ctrl-C twice: ends at once, also what does not want to end, and the next up goes on", async () => {
  // Of this run of the tests, and for longer than any of them takes.
  const forever = `sleep 31${process.pid}`;
  const child = project.start(["up", "small"], {
    VALUE: "2",
    ROLLOUT: `trap '' INT TERM; echo stubborn >&2; ${forever}`,
  });
  const result = ended(child);
  const stubborn = () => spawnSync("pgrep", ["-f", forever]).status === 0;
  await expect.poll(stubborn, { timeout: 60_000, interval: 200 }).toBe(true);
  child.kill("SIGINT");
  await sleep(1000);
  const second = performance.now();
  child.kill("SIGINT");
  expect((await result).code).toBe(130);
  expect(performance.now() - second).toBeLessThan(30_000);
  expect(stubborn()).toBe(false);
  expect((await up({ VALUE: "2" })).code).toBe(0);
});

test("outputs: secrets only when asked for", async () => {
  expect((await project.run(["outputs", "small"])).stdout).toContain("sshKey: [secret]");
  const { stdout } = await project.run(["outputs", "small", "--json", "--show-secrets"]);
  expect((JSON.parse(stdout) as { sshKey: string }).sshKey).toBe("the key");
});

test("kubeconfigs: of an operator's group, and past it only when asked for by name; files for their owner alone", async () => {
  const issued = async (...more: string[]) => {
    const { stdout, stderr, code } = await project.run(["kubeconfig", "small", "--path", ...more]);
    expect(code, stderr).toBe(0);
    const file = stdout.trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [, certificate = ""] = /client-certificate-data: (\S+)/.exec(readFileSync(file, "utf8")) ?? [];
    return { stderr, file, subject: new X509Certificate(Buffer.from(certificate, "base64")).subject };
  };
  const me = userInfo().username;
  const day = await issued();
  expect(day.subject).toBe(`CN=kilonode:operator:${me}\nO=kilonode:operators`);
  expect(day.stderr).toBe(
    "warning: the API was not told yet what operators may do, and refuses them; run `kilonode up small`, or take `kilonode kubeconfig small --break-glass`\n",
  );
  const night = await issued("--break-glass");
  expect(night.subject).toBe(`CN=kilonode:break-glass:${me}\nO=system:masters\nO=kilonode:break-glass`);
  expect(night.stderr).toMatch(
    new RegExp(`^break-glass: kilonode:break-glass:${me} is in system:masters until \\d{4}-[^ ]+Z; `),
  );
  expect(night.file).not.toBe(day.file);
});

test("status of hosts that do not answer: exit 1 within seconds", async () => {
  const { code, stdout } = await project.run(["status", "small", "--json"]);
  const { healthy, problems, hosts } = JSON.parse(stdout) as {
    healthy: boolean;
    problems: string[];
    hosts: { name: string; reachable: boolean }[];
  };
  expect(healthy).toBe(false);
  expect(hosts.find(({ name }) => name === "small-lb-1")).toMatchObject({ reachable: false });
  expect(problems.join("\n")).toContain("ECONNREFUSED");
  expect(code).toBe(1);
});

test("the state can be exported, imported and unlocked", async () => {
  const { stdout } = await project.run(["state", "export", "small"]);
  const copy = join(project.dir, "exported.json");
  writeFileSync(copy, stdout);
  expect((await project.run(["state", "import", "small", copy])).code).toBe(0);
  expect((await project.run(["preview", "small", "--expect-no-changes"], { VALUE: "2" })).code).toBe(0);
  const wrong = await project.run(["state", "import", "small", join(project.dir, "package.json")]);
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).not.toContain("    at ");
  expect((await project.run(["state", "unlock", "small"])).stderr).toContain("not locked");
});

test("recreate: the same again; destroy: nothing is left, not even the state", async () => {
  const { code, stdout } = await project.run(["recreate", "small"], { VALUE: "2" });
  expect(stdout).toMatch(/destroy succeeded[\s\S]*6 deleted[\s\S]*up succeeded[\s\S]*6 created/);
  expect(code).toBe(0);
  expect((await project.run(["destroy", "small"])).code).toBe(0);
  expect(existsSync(project.stateDir)).toBe(false);
});
