/**
 * Nine programs, step by step, against what the real engine did (conformance/README.md). Strict is what the README calls
 * strict, and more where we agree. Two things of the real command plugin are left out: the version that its library writes
 * among its own provider's properties, and the wording of messages that are the CLI's.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { SSHD } from "../support/loopback";
import type { Seen } from "./support/conform";
import {
  normalOrder,
  type OpEvent,
  type Outcome,
  programs,
  type Resource,
  recordedOpened,
  recordedOutcome,
  recordedState,
  relationsOf,
  stepName,
  stepsOf,
} from "./support/recordings";

const AT_ONCE = 2;
const ROOT = path.resolve(import.meta.dirname, "../..");
const COMPARED = [
  ...["urn", "custom", "type", "id", "inputs", "outputs", "parent", "provider", "protect", "retainOnDelete", "delete"],
  ...[
    "pendingReplacement",
    "additionalSecretOutputs",
    "ignoreChanges",
    "replaceOnChanges",
    "dependencies",
    "propertyDependencies",
  ],
];
/** Written by the Go library that the recorded plugin was built with. */
const PLUGIN_VERSION = "__pulumi-go-provider-version";

const runs = new Map<string, Promise<Seen[]>>();

function run(program: string): Promise<Seen[]> {
  const folder = mkdtempSync(path.join(tmpdir(), `conform-${program}-`));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", "test/engine/support/conform.ts", program, folder], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
    child.once("close", (code) => {
      const file = path.join(folder, "seen.json");
      if (code === 0 && existsSync(file)) {
        resolve(JSON.parse(readFileSync(file, "utf8")) as Seen[]);
        rmSync(folder, { recursive: true, force: true });
      } else reject(new Error(`${program} ended with ${code}:\n${output}`));
    });
  });
}

function wanted(program: string): boolean {
  return program !== "remote" || existsSync(SSHD);
}

beforeAll(async () => {
  // The long ones first, so that the two lanes end together.
  const queue = programs()
    .filter(wanted)
    .sort((a, b) => stepsOf(b).length - stepsOf(a).length);
  const lane = async (): Promise<void> => {
    for (let program = queue.shift(); program !== undefined; program = queue.shift()) {
      const result = run(program);
      runs.set(program, result);
      await result.catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}, 1_800_000);

function comparable(resources: readonly Resource[]): unknown[] {
  return resources
    .map((resource) => {
      const result = Object.fromEntries(
        COMPARED.filter((field) => resource[field] !== undefined).map((field) => [field, resource[field]]),
      );
      for (const field of ["inputs", "outputs"]) {
        const { [PLUGIN_VERSION]: _, ...rest } = (result[field] ?? {}) as Record<string, unknown>;
        result[field] = rest;
      }
      if (Array.isArray(result.dependencies)) result.dependencies = [...result.dependencies].sort();
      const byProperty = Object.entries((result.propertyDependencies ?? {}) as Record<string, string[]>);
      result.propertyDependencies = Object.fromEntries(byProperty.map(([key, urns]) => [key, [...urns].sort()]));
      return result;
    })
    .sort((a, b) => `${a.urn}${a.delete}${a.id}`.localeCompare(`${b.urn}${b.delete}${b.id}`));
}

/** The stack's closing event is not at a fixed place, and after a failure not fixed at all. */
function events(outcome: Outcome, relations: ReadonlyMap<string, ReadonlySet<string>>): unknown[] {
  const isStackEnd = ({ urn, event }: OpEvent): boolean => event === "done" && urn.includes("::pulumi:pulumi:Stack::");
  return normalOrder(
    outcome.ops.filter((event) => outcome.exit !== 1 || !isStackEnd(event)),
    relations,
  ).map(({ event, op, urn, oldId, newId }) => `${event} ${op} ${urn} ${oldId ?? ""} ${newId ?? ""}`);
}

function violations(outcome: Outcome): unknown[] {
  return outcome.policy
    .map(({ resourceUrn, message, policyName, policyPackName, policyPackVersion, enforcementLevel }) => ({
      resourceUrn,
      message: message.trim(),
      policyName,
      policyPackName,
      policyPackVersion,
      enforcementLevel,
    }))
    .sort((a, b) => `${a.resourceUrn}${a.policyName}`.localeCompare(`${b.resourceUrn}${b.policyName}`));
}

/** What the provider said, without the frame that the CLI puts around it. */
function failures(outcome: Outcome): unknown[] {
  return outcome.diagnostics
    .filter(
      ({ urn, severity, message }) =>
        urn !== undefined && severity === "error" && /exit status|exited with|has a problem|handshake/.test(message),
    )
    .map(({ urn, message }) => ({ urn, message: message.trim() }));
}

describe.each(programs())("%s", (program) => {
  const relations = relationsOf(program);
  const steps = stepsOf(program).map((step, i) => ({ name: stepName(i, step), title: step.title, i }));

  it.skipIf(!wanted(program)).each(steps)("$name: $title", async ({ name, i }) => {
    const seen = (await runs.get(program))?.[i];
    if (seen === undefined) throw new Error(`${program} has no step ${name}`);
    const recorded = recordedOutcome(program, name);
    expect(events(seen.outcome, relations)).toEqual(events(recorded, relations));
    expect(seen.outcome.effects).toEqual(recorded.effects);
    expect(seen.outcome.summary.resourceChanges).toEqual(recorded.summary.resourceChanges);
    expect(violations(seen.outcome)).toEqual(violations(recorded));
    expect(failures(seen.outcome)).toEqual(failures(recorded));
    expect(seen.outcome.files).toEqual(recorded.files);
    expect(seen.outcome.exit).toBe(recorded.exit);
    const state = recordedState(program, name);
    if (state !== undefined) expect(comparable(seen.resources)).toEqual(comparable(state));
    const opened = recordedOpened(program, name);
    if (opened !== undefined) expect(comparable(seen.opened)).toEqual(comparable(opened));
  });
});
