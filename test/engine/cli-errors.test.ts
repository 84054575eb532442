/** What a person reads of an error, through the real command and through the program alone, as plain `pulumi up` runs it: no stack trace. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineEvent } from "../../engine";
import { providers, Rehearsal } from "../../engine/rehearsal";
import { CopiedProject } from "./cli-project";

const stacks = {
  flags:
    "  kilonode:masters:\n    flags: {apiserver: {constructor: 1}, controllerManager: {no-such-flag: 1}, scheduler: {leader-elect: false}}\n",
  keys: "  kilonode:mastres: {count: 3}\n  kilonode:etcd: {quotaGB: 8}\n",
  heavy: "  kilonode:workload: {nodes: 15000}\n",
  old: "  kilonode:kubernetesVersion: 1.20.1\n  kilonode:network: {pods: 10.96.0.0/12}\n",
} as const;

/** What is read of each, beside the headline. */
const lines: Readonly<Record<keyof typeof stacks, readonly string[]>> = {
  flags: [
    "masters.flags.apiserver.constructor: kube-apiserver 1.37.2 does not have this flag; remove it from the configuration (got 1)",
    "masters.flags.controllerManager.no-such-flag: kube-controller-manager 1.37.2 does not have this flag; remove it from the configuration (got 1)",
    "masters.flags.scheduler.leader-elect: refused: the plan sets it in KubeSchedulerConfiguration, since two active schedulers place the same pod twice; remove it from the configuration (got false)",
  ],
  keys: [
    "etcd.quotaGB: unknown key; see docs/configuration.md for the keys there are",
    "mastres: unknown key; see docs/configuration.md for the keys there are",
  ],
  heavy: [
    "etcd.shards.main.databaseGiB: about 8.5947 GiB do not fit the quota of 8 GiB: move a resource to a shard of its own, or raise etcd.quotaGiB (upstream's 5,000-node test on GCE runs 20) (etcd-io/etcd server/storage/quota.go)",
  ],
  old: [
    'kubernetesVersion: "1.20.1" is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (docs/releases.md says how to add one)',
    "network.pods: 10.96.0.0/12 overlaps network.services (10.96.0.0/16); choose ranges that share no address",
  ],
};

const text = (stack: keyof typeof stacks) => {
  const count = lines[stack].length;
  const headline = `the configuration of stack ${stack} has ${count} error${count === 1 ? "" : "s"}; nothing was touched`;
  return [headline, ...lines[stack].map((line) => `  - ${line}`)].join("\n");
};

let project: CopiedProject;
beforeAll(() => {
  project = new CopiedProject();
  for (const [name, values] of Object.entries(stacks))
    project.write(`stacks/Pulumi.${name}.yaml`, `config:\n  kilonode:platform: lab\n${values}`);
  project.write("stacks/Pulumi.sound.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n");
});
afterAll(() => project.remove());

const names = Object.keys(stacks) as (keyof typeof stacks)[];

describe("the command", () => {
  test.each(names)("says what is wrong with the configuration of %s, and ends with 2", async (stack) => {
    expect(await project.run(["plan", stack])).toEqual({ code: 2, stdout: "", stderr: `error: ${text(stack)}\n` });
  });

  test("says which stacks there are, and ends with 2", async () => {
    expect(await project.run(["up", "constructor"])).toEqual({
      code: 2,
      stdout: "",
      stderr: `error: there is no stack "constructor"; the stacks are: ${[...names, "sound"].sort().join(", ")}. A new one is a file stacks/Pulumi.<stack>.yaml\n`,
    });
  });

  test.each([
    [["plan", "sound", "--host", "constructor"], /^error: stack sound has no host "constructor"; its hosts are: .*\n$/],
    [["ssh", "sound", "toString"], /^error: there is no cluster of stack sound yet; run `kilonode up sound`\n$/],
    [["doctor", "sound", "--explain", "constructor"], /^error: there is no check "constructor"; the checks are: .*\n$/],
    [["up", "sound", "--engine", "constructor"], /^error: --engine constructor: allowed are pulumi, rehearsal\n$/],
    [["constructor"], /^error: unknown command 'constructor'\n/],
    [["scale", "--explain", "constructor"], /^error: --explain: no derived value constructor/],
    [["scale", "--constructor", "1"], /^error: --constructor: no such option; kilonode scale --help lists them\n/],
  ])("%j: no word finds what a plain object inherits", async (args, message) => {
    const { code, stdout, stderr } = await project.run(args, { PATH: "/nowhere" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("native code");
    expect(stdout).toBe("");
    expect(code).toBe(args[0] === "ssh" ? 1 : 2);
  });

  test("says what is wrong with arguments of scale, a line each, and ends with 2", async () => {
    const { code, stderr } = await project.run(["scale", "--flag", "kube-apiserver/constructor=1", "--masters", "0"]);
    expect([code, stderr]).toEqual([2, "error: --masters: 0 is below 1\n"]);
    const flag = await project.run(["scale", "--flag", "kube-apiserver/constructor=1"]);
    expect([flag.code, flag.stderr]).toEqual([
      2,
      "error: kube-apiserver: --constructor=1: kube-apiserver 1.37.2 does not have this flag; remove it from the configuration\n",
    ]);
  });
});

describe("the program alone", () => {
  test.each(names)("says what is wrong with the configuration of %s", async (stack) => {
    const events: EngineEvent[] = [];
    const rehearsal = new Rehearsal({
      projectDir: project.dir,
      stack,
      stateFile: join(project.dir, `${stack}.json`),
      passphrase: "x",
      providers,
      onEvent: (event) => events.push(event),
    });
    const { result } = await rehearsal.preview();
    expect(result).toBe("failed");
    const said = events.flatMap((event) =>
      event.type === "diagnostic" && event.severity === "error" ? [event.message.trim()] : [],
    );
    expect(said).toEqual([text(stack), "preview failed"]);
  });
});
