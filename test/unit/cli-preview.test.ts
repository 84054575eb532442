import { describe, expect, test } from "vitest";
import { previewReport } from "../../cli/show/preview";
import { previewText } from "../../cli/show/preview-text";
import { plainStyle } from "../../cli/show/style";
import type { Machine, UnitService } from "../../components/machine/machine";
import { type Step, UNKNOWN } from "../../engine";
import { hostsOf } from "../support/plans";
import {
  contentStep,
  localCommand,
  programsStep,
  remoteCommand,
  rolloutStep,
  smallPlan,
  step,
  withFile,
} from "./cli-fixture";

const plan = smallPlan();
const env = "/etc/etcd/etcd.env";
const machineOf = (name: string) => plan.hosts.find((host) => host.name === name)!.machine;
const etcd = plan.hosts.filter(({ role }) => role === "etcd").map(({ name }) => name);
const setting = (from: string, to: string) => (text: string) => text.replace(from, to);
const text = (steps: readonly Step[]) => `${previewText(previewReport({ steps }, plan), plainStyle).join("\n")}\n`;

/** Every etcd host with another snapshot count, told in an order that no one would choose. */
function knobSteps(): Step[] {
  return [...etcd].reverse().map((name) => {
    const after = machineOf(name);
    const before = withFile(
      after,
      env,
      setting(/ETCD_SNAPSHOT_COUNT=\d+/.exec(after.files[env]!.content)![0], "ETCD_SNAPSHOT_COUNT=5000"),
    );
    return contentStep(name, { content: before }, { content: after });
  });
}

test("one etcd knob: the changed line once for all hosts, what restarts, in which order", async () => {
  const groups = ["etcd-leases", "etcd-main", "etcd-events"];
  const rollouts = groups.map((group) =>
    rolloutStep(
      "update",
      group,
      hostsOf(plan, group).map(({ name }) => name),
    ),
  );
  await expect(text([...knobSteps(), ...rollouts])).toMatchFileSnapshot("golden/cli/preview-knob.txt");
});

test("hosts with the same changed lines are one group although the lines around differ", () => {
  const [change, ...rest] = previewReport({ steps: knobSteps() }, plan).hosts;
  expect(rest).toEqual([]);
  expect(change?.hosts).toEqual(etcd);
  expect(change?.restarts).toEqual(["etcd.service"]);
});

test("hosts that differ by nothing but their own name, address and what follows from them are one group", () => {
  const masters = plan.hosts.filter(({ role }) => role === "master");
  const path = "/etc/kubernetes/manifests/some.yaml";
  const at = ({ machine, name, address }: (typeof masters)[number], sum: string, flag: string): Machine => ({
    ...machine,
    files: {
      ...machine.files,
      [path]: {
        mode: "0600",
        owner: "root:root",
        content: `name: ${name}\naddress: https://${address}:6443\nkilonode.io/content: ${sum}\nflag: ${flag}\n`,
      },
    },
  });
  const changed = (flags: readonly string[]) =>
    masters.map((host, index) =>
      contentStep(host.name, { content: host.machine }, { content: at(host, `"${index}0"`, flags[index] ?? "") }),
    );
  const [same, ...others] = previewReport({ steps: changed(["a", "a", "a"]) }, plan).hosts;
  expect([same?.hosts, same?.ownNames, others]).toEqual([masters.map(({ name }) => name), true, []]);
  expect(previewReport({ steps: changed(["a", "b", "a"]) }, plan).hosts).toHaveLength(2);
});

test("a first creation: names in short, no content of files", async () => {
  const steps = [
    step("create", "pulumi:pulumi:Stack", "kilonode-lab-small", { custom: false }),
    step("create", "pulumi:providers:command", "default_1_2_1", { internal: true }),
    step("create", "tls:index/privateKey:PrivateKey", "ssh"),
    step("create", localCommand, "network"),
    ...plan.hosts.flatMap(({ name, certificates }) => [
      step("create", localCommand, name),
      step("create", remoteCommand, `${name}-keys`),
      ...certificates.map((certificate) =>
        step("create", "tls:index/locallySignedCert:LocallySignedCert", `${name}-${certificate.name}`),
      ),
      step("create", remoteCommand, `${name}-machine`),
    ]),
    ...["masters", "etcd-main", "load-balancer"].map((group) => rolloutStep("create", group, undefined)),
    step("create", "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "ClusterRole/kilonode:kwok"),
  ];
  await expect(text(steps)).toMatchFileSnapshot("golden/cli/preview-create.txt");
});

test("sysctls, units, binaries, owners, new and removed files, a new program, secrets, a repair", async () => {
  const name = "lab-small-master-1";
  const after = machineOf(name);
  const flags = "/etc/kubernetes/kube-scheduler.flags";
  const audit = "/etc/kubernetes/audit-policy.yaml";
  const before = {
    ...after,
    sysctls: { ...after.sysctls, "vm.overcommit_memory": { value: "0", floor: false } },
    services: {
      ...after.services,
      "kube-scheduler.service": { ...(after.services["kube-scheduler.service"] as UnitService), running: false },
    },
    binaries: {
      ...after.binaries,
      "/usr/local/bin/kube-apiserver": { name: "kube-apiserver", version: "1.36.9", sha256: "0123456789abcdef" },
    },
    files: {
      ...Object.fromEntries(Object.entries(after.files).filter(([path]) => path !== audit)),
      [flags]: { ...after.files[flags]!, mode: "0600" },
      "/etc/old": { mode: "0644", owner: "root:root", content: "old\n" },
    },
  };
  const now = {
    ...after,
    files: { ...after.files, [audit]: { ...after.files[audit]!, content: "kind: Policy\nrules: []\n" } },
  };
  const change = contentStep(
    name,
    { content: before, program: "aaa", generation: 0, secrets: "abc" },
    { content: now, program: "bbb", generation: 1, secrets: "def" },
  );
  await expect(text([change])).toMatchFileSnapshot("golden/cli/preview-everything.txt");
});

test("a content that is not known yet is compared with the plan, and its certificates count as changed", () => {
  const name = "lab-small-lb-1";
  const before = { ...machineOf(name), binaries: {} };
  const [change] = previewReport({ steps: [contentStep(name, { content: before }, undefined)] }, plan).hosts;
  expect(change).toMatchObject({
    hosts: [name],
    files: [],
    notes: ["certificates: [known after up]"],
    reloads: ["haproxy.service"],
  });
});

test("a host program of hundreds of lines shows as a few, once for all hosts", () => {
  const lines = (mark: string) => Array.from({ length: 300 }, (_, index) => `${mark} ${index}`).join("\n");
  const steps = etcd.map((name) => programsStep(name, lines("old"), lines("new")));
  const { resources } = previewReport({ steps }, plan);
  expect(resources).toMatchObject([{ kind: "programs of host", names: etcd.map((name) => `${name}-programs`) }]);
  expect(resources[0]?.details).toHaveLength(14);
  expect(resources[0]?.details[1]).toBe("  -old 0");
  expect(resources[0]?.details.at(-1)).toBe("  ... 588 more lines");
});

test("members that join and leave are named", () => {
  const { rollouts } = previewReport(
    { steps: [rolloutStep("update", "etcd-main", ["lab-small-etcd-main-1", "lab-small-etcd-main-9"])] },
    plan,
  );
  expect(rollouts).toMatchObject([
    { joining: ["lab-small-etcd-main-2", "lab-small-etcd-main-3"], leaving: ["lab-small-etcd-main-9"] },
  ]);
});

test("another release: what can be taken back, and that snapshots come first, or do not", () => {
  const before = { group: "masters", strategy: { kind: "masters", release: "1.36.3" }, hosts: [] };
  const change = rolloutStep("update", "masters", []);
  const oldInputs = { environment: { KILONODE_ROLLOUT: JSON.stringify(before) } };
  const notes = (backup: object) => {
    const { rollouts } = previewReport({ steps: [{ ...change, oldInputs }] }, { ...plan, ...backup });
    expect(rollouts).toHaveLength(1);
    return rollouts[0]?.notes;
  };
  const cannot = expect.stringMatching(/^Kubernetes 1\.36\.3 -> 1\.37\.2: CANNOT be taken back/);
  expect(notes({})).toEqual([cannot, expect.stringMatching(/^no snapshot is taken .* makes no backups/)]);
  const backup = { everyMinutes: 30, keep: { hourly: 1, daily: 1, weekly: 1 }, repositories: {}, region: "" };
  expect(notes({ backup })).toEqual([cannot, expect.stringMatching(/^a snapshot of each shard/)]);
  expect(text([{ ...change, oldInputs }])).toMatch(/\n {4}masters: .*\n {6}Kubernetes 1\.36\.3 -> /);
  const same = { ...before, strategy: { ...before.strategy, release: plan.releases.kubernetes } };
  const unchanged = { environment: { KILONODE_ROLLOUT: JSON.stringify(same) } };
  expect(previewReport({ steps: [{ ...change, oldInputs: unchanged }] }, plan).rollouts[0]?.notes).toBeUndefined();
});

describe("other resources", () => {
  test("properties, with unknown values and secrets named as such", () => {
    const change = step("replace", "tls:index/locallySignedCert:LocallySignedCert", "lab-small-lb-1-health", {
      detailedDiff: {
        validityPeriodHours: "update-replace",
        'labels["a.b"]': "add",
        certRequestPem: "update",
        key: "update",
      },
      oldInputs: { validityPeriodHours: 8760, certRequestPem: "one", key: "[secret]" },
      newInputs: { validityPeriodHours: 24, labels: { "a.b": true }, certRequestPem: UNKNOWN, key: "[secret]" },
    });
    expect(text([change])).toBe(`+- certificate lab-small-lb-1-health
    certRequestPem: "one" -> [known after up]
    key: [secret] -> [secret]
    labels["a.b"]: none -> true
    validityPeriodHours: 8760 -> 24 (forces replacement)
`);
  });

  test("steps of a replacement are told once, unchanged ones not at all", () => {
    const certificate = "tls:index/locallySignedCert:LocallySignedCert";
    const steps = (["create-replacement", "replace", "delete-replaced"] as const).map((op) =>
      step(op, certificate, "operator"),
    );
    expect(text([...steps, step("same", certificate, "other")])).toBe("+- certificate operator\n");
  });
});
