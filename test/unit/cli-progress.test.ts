import { expect, test } from "vitest";
import { failuresOf, readable } from "../../cli/show/failures";
import { Phases, phaseOf } from "../../cli/show/phases";
import { ProgressDisplay } from "../../cli/show/progress";
import { plainStyle } from "../../cli/show/style";
import { exitCodeOfRun, type RunReport, summaryText } from "../../cli/show/summary";
import { Terminal } from "../../cli/show/terminal";
import type { EngineEvent, Step } from "../../engine";
import { localCommand, remoteCommand, smallPlan, step } from "./cli-fixture";

const plan = smallPlan();
const certificate = "tls:index/locallySignedCert:LocallySignedCert";

/** A run whose clock stands still between events. */
function run(isTTY: boolean) {
  let now = 0;
  let text = "";
  const stream = { isTTY, columns: 60, write: (chunk: string) => (text += chunk) };
  const phases = new Phases(plan);
  const progress = new ProgressDisplay(new Terminal(stream), phases, plainStyle, false, () => now);
  const tell = (event: EngineEvent) => progress.onEvent(event);
  return {
    at: (milliseconds: number) => {
      now = milliseconds;
    },
    tell,
    /** A resource that takes its time. */
    takes: (type: string, name: string, from: number, to: number, more: Partial<Step> = {}) => {
      const made = step("create", type, name, { startedAt: from, durationMs: to - from, ...more });
      now = from;
      tell({ type: "pre", step: made });
      now = to;
      tell({ type: "done", step: made });
    },
    phases,
    progress,
    get text() {
      return text;
    },
  };
}

const rolloutUrn = `urn:pulumi:lab-small::kilonode::${localCommand}::etcd-main-rollout`;

test("a run that nobody watches: a line per phase, counts once a second at most, the rollouts' own lines", async () => {
  const it = run(false);
  it.tell({ type: "diagnostic", severity: "info", message: "[1/8] etcd 3.7.3: compiling" });
  it.tell({ type: "diagnostic", severity: "debug", message: "not for people" });
  plan.hosts.forEach(({ name }, index) => {
    it.takes(localCommand, name, 2000, 2400 + 150 * index);
  });
  for (const { name, certificates } of plan.hosts) {
    for (const one of certificates) it.takes(certificate, `${name}-${one.name}`, 4500, 4600);
    it.takes(remoteCommand, `${name}-machine`, 4700, 5000);
  }
  const rollout = step("create", localCommand, "etcd-main-rollout", { startedAt: 5000, durationMs: 1500 });
  it.tell({ type: "pre", step: rollout });
  it.tell({
    type: "diagnostic",
    severity: "info",
    urn: rolloutUrn,
    message: "0.4s etcd-main: shard healthy (3/3), done",
    ephemeral: true,
  });
  it.at(6500);
  it.tell({ type: "done", step: rollout });
  it.tell({ type: "diagnostic", severity: "warning", urn: rolloutUrn, message: "slow disk" });
  await expect(it.text).toMatchFileSnapshot("golden/cli/progress.txt");
});

test("what a gate waits for is told before the first rollout too, and no other command's words", () => {
  const it = run(false);
  const says = (name: string, message: string) => {
    const urn = `urn:pulumi:lab-small::kilonode::${localCommand}::${name}`;
    it.tell({ type: "diagnostic", severity: "info", urn, message, ephemeral: true });
  };
  says("all-gates", "3.2s etcd-main: lab-small-etcd-main-2: etcd.service: the file system of / is full");
  says("lab-small-etcd-main-1", "making the host");
  expect(it.text).toContain("  etcd-main: lab-small-etcd-main-2: etcd.service: the file system of / is full\n");
  expect(it.text).not.toContain("making the host");
});

test("on a terminal one line is written over, and never wraps", () => {
  const it = run(true);
  for (const { name } of plan.hosts)
    it.tell({ type: "pre", step: step("create", localCommand, name, { startedAt: 1000 }) });
  const last = it.text.split("\r\x1b[2K").at(-1) ?? "";
  expect(last).toMatch(/hosts 0\/10/);
  expect(last.length).toBeLessThan(60);
});

test.each([
  [localCommand, "lab-small-lb-1", "hosts"],
  [localCommand, "masters-rollout", "rollout masters"],
  [localCommand, "all-gates", "gates of all groups"],
  [remoteCommand, "lab-small-lb-1-programs", "keys and certificates"],
  [remoteCommand, "lab-small-lb-1-keys", "keys and certificates"],
  [remoteCommand, "lab-small-lb-1-machine", "content"],
  [certificate, "operator", "keys and certificates"],
  ["kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "ClusterRole/x", "objects"],
])("%s %s belongs to %s", (type, name, phase) => {
  expect(phaseOf({ type, name })).toBe(phase);
});

const refusal = {
  group: "etcd-main",
  host: "lab-small-etcd-main-2",
  checked: "the host takes its content (no unit is masked)",
  found: "etcd.service is masked",
  advice: "When that is over, `systemctl unmask` the unit on the host.",
  changed: [],
  findings: [
    {
      host: "lab-small-etcd-main-2",
      checked: "no unit is masked",
      found: "etcd.service is masked",
      advice: "",
      lasting: true,
    },
  ],
};
const gateMessage = `exit status 3: running "node --require tsx/cjs components/rollout/main.ts":
0.3s etcd-main: looking
GATE REFUSED: etcd-main: ...
KILONODE-GATE ${JSON.stringify(refusal)}`;

function report(message: string, urn: string): RunReport {
  const diagnostics = [
    { severity: "error" as const, message, urn },
    { severity: "error" as const, message: "update failed" },
  ];
  return {
    stack: "lab-small",
    engine: "rehearsal",
    action: "up",
    result: "failed",
    changes: { create: 3, same: 7 },
    durationMs: 4200,
    phases: [
      { name: "preparation", startedMs: 0, durationMs: 2000, resources: 0, failed: 0 },
      { name: "rollout etcd-main", startedMs: 2000, durationMs: 1500, resources: 0, failed: 1 },
    ],
    diagnostics,
    policy: [],
    failures: failuresOf({ diagnostics }, plan, "kilonode up lab-small"),
    outputs: {},
  };
}

test("a refused gate: exit 3, with host, check, finding and remedy", async () => {
  const refused = report(gateMessage, rolloutUrn);
  expect(exitCodeOfRun(refused)).toBe(3);
  expect(refused.failures).toHaveLength(1);
  await expect(`${summaryText(refused, plan, plainStyle).join("\n")}\n`).toMatchFileSnapshot(
    "golden/cli/summary-gate.txt",
  );
});

test("any other failure: exit 1, with the host it happened on", () => {
  const failed = report(
    "after 3 failed attempts: EOF",
    `urn:pulumi:lab-small::kilonode::${remoteCommand}::lab-small-etcd-main-2-machine`,
  );
  expect(exitCodeOfRun(failed)).toBe(1);
  expect(failed.failures[0]).toMatchObject({
    host: "lab-small-etcd-main-2",
    resource: "lab-small-etcd-main-2-machine",
  });
});

test("a success says how to use the cluster", async () => {
  const done: RunReport = {
    ...report("", ""),
    result: "succeeded",
    failures: [],
    phases: [{ name: "hosts", startedMs: 0, durationMs: 7900, resources: 11, failed: 0 }],
  };
  expect(exitCodeOfRun(done)).toBe(0);
  await expect(`${summaryText(done, plan, plainStyle).join("\n")}\n`).toMatchFileSnapshot("golden/cli/summary-up.txt");
});

test("a failed command does not repeat its program", () => {
  const program = 'x = \\"1\\"\\n'.repeat(200);
  expect(readable(`Process exited with status 1: running "${program}":\nmachine-apply: no space`)).toBe(
    "Process exited with status 1: running the host program:\nmachine-apply: no space",
  );
});
