/** The real command, as far as it needs no engine: usage, configuration, plan. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CopiedProject } from "./cli-project";

let project: CopiedProject;
beforeAll(() => {
  project = new CopiedProject();
  project.write(
    "stacks/Pulumi.bad.yaml",
    `config:
  kilonode:platform: moon
  kilonode:etcd:
    hosts: 10
    shards: {main: {members: 9}, events: {members: 4, resources: [/events]}}
    quotaGB: 8
  kilonode:mastres: {count: 3}
  kilonod:zones: [a]
encryption: none
`,
  );
  project.write("stacks/Pulumi.torn.yaml", "config:\n  kilonode:platform: lab\n  kilonode:etcd: {hosts: 3\n");
  project.write(
    "stacks/Pulumi.flags.yaml",
    "config:\n  kilonode:platform: lab\n  kilonode:masters:\n    flags: {apiserver: {etcd-servers: x, no-such-flag: 1}}\n",
  );
  project.write(
    "stacks/Pulumi.rules.yaml",
    "config:\n  kilonode:platform: lab\n  kilonode:etcd: {electionMs: 200}\n  kilonode:network: {pods: 10.96.0.0/12}\n",
  );
  project.write("stacks/Pulumi.kept.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: false\n");
  project.write("stacks/Pulumi.small.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n");
});
afterAll(() => project.remove());

describe("configuration errors: all at once, exit 2, nothing touched", () => {
  test("unknown keys, values that are not allowed, keys that nothing reads", async () => {
    const { code, stdout, stderr } = await project.run(["up", "bad"]);
    expect(stdout).toBe("");
    for (const part of ["platform:", "quotaGB", "mastres", "kilonod:zones", '"encryption"', "nothing was touched"])
      expect(stderr).toContain(part);
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(2);
    expect(existsSync(project.stateDir)).toBe(false);
  });

  test("rules that tie several knobs together", async () => {
    const { code, stderr } = await project.run(["preview", "rules"]);
    for (const part of ["etcd.electionMs", "network.pods"]) expect(stderr).toContain(part);
    expect(code).toBe(2);
  });

  test("a file that is not YAML, with the line", async () => {
    const { code, stderr } = await project.run(["preview", "torn"]);
    expect(stderr).toMatch(/Pulumi\.torn\.yaml: .*line \d/);
    expect(stderr).toContain("1 error;");
    expect(code).toBe(2);
  });

  test("protected and unknown flags", async () => {
    const { code, stderr } = await project.run(["plan", "flags"]);
    expect(stderr).toContain("masters.flags.apiserver.etcd-servers: protected");
    expect(stderr).toContain("masters.flags.apiserver.no-such-flag: kube-apiserver 1.37.2 does not have this flag");
    expect(code).toBe(2);
  });

  test("a stack that does not exist is answered with those that do", async () => {
    const { code, stderr } = await project.run(["status", "nosuch"]);
    expect(stderr).toMatch(/there is no stack "nosuch"; the stacks are: bad, flags, kept, rules, small, torn\./);
    expect(code).toBe(2);
  });

  test("a stack that is not ephemeral wants a passphrase, and its name before it is destroyed", async () => {
    // Without a PATH, so that no lab is made if it is not refused.
    const up = await project.run(["up", "kept"], { PATH: "/nowhere" });
    expect(up.stderr).toContain("PULUMI_CONFIG_PASSPHRASE");
    expect(up.code).toBe(2);
    const destroy = await project.run(["destroy", "kept"], { PULUMI_CONFIG_PASSPHRASE: "x" });
    expect(destroy.stderr).toContain("--yes");
    expect(destroy.code).toBe(2);
    expect(existsSync(project.stateDir)).toBe(false);
  });

  test.each([["up"], ["preview"]])("%s: nothing is begun with an empty passphrase", async (command) => {
    for (const env of [{ PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/dev/null" }]) {
      const { code, stderr } = await project.run([command, "small"], { PATH: "/nowhere", ...env });
      expect(stderr).toMatch(
        /PULUMI_CONFIG_PASSPHRASE\S* is empty.*Set it to a passphrase.*or unset it.*Nothing was touched/,
      );
      expect(code).toBe(2);
    }
    expect(existsSync(project.stateDir)).toBe(false);
  });

  test.each([
    [["up"], "missing required argument 'stack'"],
    [["upp", "small"], "(Did you mean up?)"],
    [["up", "small", "--jsno"], "(Did you mean --json?)"],
    [["up", "small", "--engine", "terraform"], "allowed are pulumi, rehearsal"],
    [["up", "small", "--engine", "pulumi"], "there is no `pulumi` on PATH"],
    [["ssh", "small", "etcd-main-1"], "there is no cluster of stack small yet"],
    [["logs", "small", "etcd-main-1", "-n", "many"], "whole number"],
  ])("%j: %s", async (args, text) => {
    const { code, stderr } = await project.run(args, { PATH: "/nowhere" });
    expect(stderr).toContain(text);
    expect(code).toBe(text.includes("no cluster") ? 1 : 2);
  });
});

describe("help", () => {
  test("names every command, and does so at once", async () => {
    const begun = performance.now();
    const { code, stdout } = await project.run(["--help"]);
    const names = [
      "up",
      "preview",
      "destroy",
      "recreate",
      "plan",
      "status",
      "drift",
      "outputs",
      "kubeconfig",
      "kubectl",
      "ssh",
      "logs",
      "scale",
      "state",
    ];
    for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(code).toBe(0);
    // 0.2 s where nothing else runs; this only catches a heavy import at the start.
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test.each([
    "up",
    "preview",
    "destroy",
    "recreate",
    "plan",
    "status",
    "drift",
    "outputs",
    "kubeconfig",
    "kubectl",
    "ssh",
    "logs",
    "state",
  ])("%s --help has an example", async (name) => {
    const { code, stdout } = await project.run([name, "--help"]);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  (kilonode|kubectl).* ${name} `));
    expect(code).toBe(0);
  });
});

describe("plan", () => {
  test("the table of hosts, without root and without a state", async () => {
    const { code, stdout } = await project.run(["plan", "small"], { KILONODE_CACHE_DIR: "/nonexistent" });
    expect(stdout).toMatch(/^small-etcd-main-7 +etcd +a +198\.18\.0\.46 +etcd-main$/m);
    expect(stdout).toContain("\n30 hosts;");
    expect(code).toBe(0);
    expect(existsSync(project.stateDir)).toBe(false);
  });

  test("one host with the text of its files; a wrong name is answered with the right ones", async () => {
    const { stdout } = await project.run(["plan", "small", "--host", "small-etcd-events-2"]);
    expect(stdout).toContain("--- /etc/etcd/etcd.env\n");
    expect(stdout).toContain("ETCD_NAME=small-etcd-events-2");
    const wrong = await project.run(["plan", "small", "--host", "etcd"]);
    expect(wrong.stderr).toContain("small-etcd-main-1..7");
    expect(wrong.code).toBe(2);
  });

  test("--json is the whole plan, without sums of what is not built yet", async () => {
    const { stdout } = await project.run(["plan", "small", "--json"], { KILONODE_CACHE_DIR: "/nonexistent" });
    const plan = JSON.parse(stdout) as { hosts: { machine: { binaries: Record<string, object> } }[] };
    expect(plan.hosts).toHaveLength(30);
    expect(plan.hosts[0]?.machine.binaries["/usr/local/bin/etcd"]).toEqual({ name: "etcd", version: "3.7.3" });
  });
});
