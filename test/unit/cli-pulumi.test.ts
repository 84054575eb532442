import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent as PulumiEvent } from "@pulumi/pulumi/automation";
import { describe, expect, test } from "vitest";
import { chooseEngine } from "../../cli/run/open-stack";
import { PulumiEvents } from "../../cli/run/pulumi-events";
import { failuresOf } from "../../cli/show/failures";
import { findPassphrase } from "../../cli/stack/passphrase";
import type { EngineEvent } from "../../engine";

const urn = "urn:pulumi:lab::kilonode::kilonode:index:Rollout$command:local:Command::etcd-main-rollout";

/** One step as the CLI's event log has it. */
function metadata(op: "create" | "update") {
  const state = {
    type: "command:local:Command",
    urn,
    custom: true,
    id: "",
    parent: "",
    provider: "",
    inputs: { create: "x" },
    outputs: {},
  };
  return {
    op,
    urn,
    type: "command:local:Command",
    provider: "",
    new: state,
    diffs: ["create"],
    detailedDiff: { create: { diffKind: "update", inputDiff: true } },
  };
}

function run(events: readonly unknown[], error?: string) {
  let now = 0;
  const told: EngineEvent[] = [];
  const mapped = new PulumiEvents(
    "up",
    (event) => told.push(event),
    () => (now += 10),
  );
  for (const event of events) mapped.take(event as PulumiEvent);
  if (error !== undefined) mapped.failed(error);
  return { told, result: mapped.result(false, {}) };
}

describe("events of the Pulumi CLI", () => {
  test("a step that is made, with its name, time and differences", () => {
    const { told, result } = run([
      { resourcePreEvent: { metadata: metadata("update") } },
      { resOutputsEvent: { metadata: metadata("update") } },
      { summaryEvent: { resourceChanges: { update: 1, same: 4 } } },
    ]);
    expect(told.map(({ type }) => type)).toEqual(["pre", "done"]);
    expect(result).toMatchObject({ result: "succeeded", changes: { update: 1, same: 4 } });
    expect(result.steps).toMatchObject([
      { name: "etcd-main-rollout", op: "update", status: "done", custom: true, detailedDiff: { create: "update" } },
    ]);
  });

  test("messages lose the marks for colours; passing ones are told and not kept", () => {
    const { told, result } = run([
      {
        diagnosticEvent: {
          urn,
          severity: "info#err",
          message: "<{%reset%}>0.1s etcd-main: done<{%reset%}>\n",
          color: "raw",
          ephemeral: true,
        },
      },
      { diagnosticEvent: { severity: "warning", message: "<{%fg 3%}>careful<{%reset%}>\n", color: "raw" } },
    ]);
    expect(told).toEqual([
      { type: "diagnostic", severity: "info", message: "0.1s etcd-main: done", urn, ephemeral: true },
      { type: "diagnostic", severity: "warning", message: "careful" },
    ]);
    expect(result.diagnostics).toHaveLength(1);
  });

  test("a refused gate is found in the error of its step", () => {
    const refusal = {
      group: "etcd-main",
      host: "h",
      checked: "c",
      found: "f",
      advice: "Do it.",
      changed: [],
      findings: [],
    };
    const message = `exit status 3: running "node":\nKILONODE-GATE ${JSON.stringify(refusal)}\n`;
    const { result } = run(
      [
        { resourcePreEvent: { metadata: metadata("create") } },
        { diagnosticEvent: { urn, severity: "error", message, color: "raw" } },
        { resOpFailedEvent: { metadata: metadata("create"), status: 0, steps: 1 } },
      ],
      "code: 255 ...",
    );
    expect(result.result).toBe("failed");
    expect(failuresOf(result, { hosts: [] }, "kilonode up lab")).toMatchObject([
      { host: "h", gate: { group: "etcd-main" } },
    ]);
  });

  test("what no event said is taken from the command's own end", () => {
    expect(run([], "no access token").result.diagnostics).toEqual([{ severity: "error", message: "no access token" }]);
  });
});

test("the engine: what was asked for, else the one that made the stack, else pulumi where there is one", () => {
  const nowhere = { PATH: "/nowhere", KILONODE_STATE_DIR: "/nonexistent" };
  expect(chooseEngine("lab", undefined, nowhere)).toMatchObject({ name: "rehearsal", reason: "no pulumi CLI on PATH" });
  expect(chooseEngine("lab", "rehearsal", nowhere)).toMatchObject({ name: "rehearsal" });
  expect(() => chooseEngine("lab", "pulumi", nowhere)).toThrow("no `pulumi` on PATH");
});

test("a preview of nothing is encrypted with what is thrown away; what is kept wants a passphrase, unless it is ephemeral", () => {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-engine-"));
  const env = { KILONODE_STATE_DIR: join(dir, "state") };
  expect(findPassphrase("prod-a", true, false, env)).toEqual({ text: expect.stringMatching(/^[\w-]{32}$/) });
  expect(existsSync(join(dir, "state"))).toBe(false);
  expect(() => findPassphrase("prod-a", false, true, env)).toThrow("keeps secrets and no passphrase is set");
  rmSync(dir, { recursive: true });
});

test.each([".json", ".json.journal"])("a stack with a file %s stays the rehearsal engine's", (suffix) => {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-engine-"));
  writeFileSync(join(dir, "pulumi"), "", { mode: 0o755 });
  const env = { PATH: dir, KILONODE_STATE_DIR: dir };
  expect(chooseEngine("lab", undefined, env)).toMatchObject({ name: "pulumi" });
  writeFileSync(join(dir, `lab${suffix}`), "");
  expect(chooseEngine("lab", undefined, env)).toMatchObject({ name: "rehearsal", reason: "which made this stack" });
  expect(() => chooseEngine("lab", "pulumi", env)).toThrow("Pulumi would make it a second time");
  for (const make of [true, false])
    expect(() => findPassphrase("lab", true, make, env)).toThrow("was encrypted with a passphrase that is not here");
  // It was begun with an empty one: still opened, and said.
  const empty = findPassphrase("lab", true, true, { ...env, PULUMI_CONFIG_PASSPHRASE: "" });
  expect(empty).toEqual({
    text: "",
    note: expect.stringMatching(/PULUMI_CONFIG_PASSPHRASE is empty.*an-empty-passphrase/),
  });
  rmSync(dir, { recursive: true });
});
