/** The real command after a first `up` that did not come to its end, with a program whose resources are named as a cluster's. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { StatusReport } from "../../cli/hosts/status-types";
import { smallConfiguration } from "../unit/cli-fixture";
import { CopiedProject } from "./cli-project";

/** Two of the ten hosts; the outputs wait for the rollout, as a cluster's wait for its hosts. */
const program = `
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export = async () => {
  const { REFUSE, SLOW = "0", ROLLOUT = "true" } = process.env;
  if (REFUSE) throw new pulumi.RunError(REFUSE);
  const key = new tls.PrivateKey("ssh", { algorithm: "ED25519" });
  const made = (name: string) => \`echo '{"name":"\${name}","address":"127.0.0.1","hostKey":"ssh-ed25519 AAAA"}'\`;
  const lb = new local.Command("small-lb-1", { create: made("small-lb-1"), logging: "none" });
  const slow = new local.Command("small-nodes-1", { create: \`sleep \${SLOW}; \${made("small-nodes-1")}\`, logging: "none" }, { dependsOn: lb });
  const rollout = new local.Command("load-balancer-rollout", { create: ROLLOUT }, { dependsOn: slow });
  return { hosts: rollout.stdout.apply(() => []), sshKey: key.privateKeyOpenssh };
};
`;

let project: CopiedProject;
const file = (name: string) => join(project.stateDir, name);
const up = (env: NodeJS.ProcessEnv = {}) => project.run(["up", "small"], env);

async function status(): Promise<{ code: number | null; report: StatusReport }> {
  const { code, stdout, stderr } = await project.run(["status", "small", "--json"]);
  expect(stdout, stderr).not.toBe("");
  return { code, report: JSON.parse(stdout) as StatusReport };
}

beforeAll(() => {
  project = new CopiedProject();
  project.write("stacks/index.ts", program);
  const config = Object.entries(smallConfiguration).map(([key, value]) => [`kilonode:${key}`, value]);
  project.write("stacks/Pulumi.small.yaml", stringify({ config: Object.fromEntries(config) as object }));
  project.write("stacks/Pulumi.other.yaml", stringify({ config: Object.fromEntries(config) as object }));
});
afterAll(() => project.remove());

test("an up that is refused before its first resource leaves nothing, not even its passphrase", async () => {
  const { code, stdout, stderr } = await up({ REFUSE: "the machine is too small" });
  expect(stdout).toContain("error:\n  the machine is too small\n");
  expect(stdout).toContain("0 resources");
  expect(`${stdout}${stderr}`).not.toMatch(/unhandled exception|^ +at /m);
  expect(code).toBe(1);
  expect(existsSync(project.stateDir)).toBe(false);
});

test("what was there before stays: the passphrase, another stack's state, the folder", async () => {
  mkdirSync(project.stateDir);
  expect((await up({ REFUSE: "no" })).code).toBe(1);
  expect(readdirSync(project.stateDir)).toEqual([]);
  writeFileSync(file("passphrase"), "put here by hand\n");
  expect((await up({ REFUSE: "no" })).code).toBe(1);
  expect(readFileSync(file("passphrase"), "utf8")).toBe("put here by hand\n");
  // Of another stack whose first \`up\` was killed there is a journal and no state yet.
  writeFileSync(file("other.json.journal"), "");
  expect((await up({ REFUSE: "no" })).code).toBe(1);
  expect((await project.run(["destroy", "small"])).code).toBe(0);
  expect(readdirSync(project.stateDir).sort()).toEqual(["other.json.journal", "passphrase"]);
});

test("nothing is told of a cluster that was never begun", async () => {
  const { code, stderr } = await project.run(["status", "small"]);
  expect(stderr).toContain("there is no cluster of stack small yet; run `kilonode up small`");
  expect(code).toBe(1);
});

test("killed in the middle: status says at what, and asks the hosts there are", async () => {
  const child = project.start(["up", "small"], { SLOW: "60" });
  await expect
    .poll(
      async () => (existsSync(file("small.json.journal")) ? (await status()).report.hosts.map(({ name }) => name) : []),
      {
        timeout: 60_000,
      },
    )
    .toContain("small-lb-1");
  await expect
    .poll(async () => (await status()).report.problems.join("\n"), { timeout: 60_000 })
    .toContain("small-nodes-1 cannot be reached: it was still being made, so its host key is not known");
  const running = (await status()).report;
  expect(running.unfinished).toMatchObject({ action: "up", how: "running" });
  child.kill("SIGKILL");
  await sleep(500);

  const { code, report } = await status();
  expect(code).toBe(1);
  expect(report.unfinished).toMatchObject({ action: "up", how: "killed", what: [] });
  expect(report.problems[0]).toMatch(
    /^the last `up` did not finish: it began \d{4}-.* UTC and was killed, while at work on small-nodes-1; `kilonode up small` goes on/,
  );
  expect(report.hosts.find(({ name }) => name === "small-lb-1")?.error).toContain("127.0.0.1:22");
  expect(report.problems).toContain(
    "small-etcd-main-1..3, small-etcd-events-1, small-etcd-leases-1, small-master-1..3 cannot be reached: it is not made yet",
  );
  const text = await project.run(["status", "small"]);
  expect(text.stdout).toMatch(/^stack small: NOT HEALTHY, the last `up` did not finish/);
});

test("drift, ssh, kubeconfig: what there is, and precisely what is missing", async () => {
  const drift = await project.run(["drift", "small"]);
  expect(drift.stdout).toMatch(/^the last `up` did not finish/);
  expect(drift.stdout).toContain("cannot be compared: it is not made yet");
  expect(drift.code).toBe(1);
  const unmade = await project.run(["ssh", "small", "master-1"]);
  expect(unmade.stderr).toContain("small-master-1 cannot be reached: it is not made yet; run `kilonode up small`");
  const unknown = await project.run(["logs", "small", "master-9"]);
  expect(unknown.stderr).toContain('stack small has no host "master-9"');
  expect(unknown.code).toBe(2);
  for (const command of ["kubeconfig", "kubectl", "doctor"]) {
    const { code, stderr } = await project.run([command, "small"]);
    expect(stderr).toContain(
      "the kubeconfig of stack small cannot be made yet: the state does not hold the certificate of the kubernetes authority " +
        "and the key of the kubernetes authority; run `kilonode up small`",
    );
    expect(code).toBe(1);
  }
});

test("failed: status says what failed, until an up comes to its end", async () => {
  expect((await up({ ROLLOUT: "echo no space left >&2; exit 1" })).code).toBe(1);
  const { report } = await status();
  expect(report.unfinished).toMatchObject({
    action: "up",
    how: "failed",
    what: [{ resource: "load-balancer-rollout" }],
  });
  expect(report.problems[0]).toMatch(
    /^the last `up` did not finish: it failed at \d{4}-.* UTC; `kilonode up small` goes on from there\n +load-balancer-rollout: .*no space left/s,
  );
  // One that is refused before it touches anything says nothing about the cluster.
  expect((await up({ REFUSE: "no" })).code).toBe(1);
  expect((await status()).report.unfinished).toMatchObject({ how: "failed" });
  expect((await up()).code).toBe(0);
  expect((await status()).report.unfinished).toBeUndefined();
  expect(existsSync(file("small.json.run"))).toBe(false);
});

test("destroyed: only what is not this stack's is left", async () => {
  expect((await project.run(["destroy", "small"])).code).toBe(0);
  expect(readdirSync(project.stateDir).sort()).toEqual(["other.json.journal", "passphrase"]);
});
