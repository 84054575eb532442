/** The real command: what `destroy` of a stack that is not ephemeral keeps, says and refuses. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunReport } from "../../cli/show/summary";
import { CopiedProject } from "./cli-project";

/** A key, what it depends on, and a host. MARKED: as of the program that marks what is kept. */
const program = `
import { local } from "@pulumi/command";
const protect = process.env.MARKED === "true";
new local.Command("commitments", { create: "true" }, { protect });
const seed = new local.Command("seed", { create: "true" });
new local.Command("the-key", { create: "true", triggers: [seed.stdout] }, { protect });
new local.Command("kept-master-1", { create: "true", delete: "echo gone >>$GONE" });
`;

let project: CopiedProject;
let state: string;
const names = () =>
  (JSON.parse(readFileSync(state, "utf8")) as { deployment: { resources: { urn: string }[] } }).deployment.resources
    .map(({ urn }) => urn.split("::").at(-1))
    .filter((name) => !/default|kilonode-kept/.test(String(name)))
    .sort();
const run = (args: string[], marked = true) =>
  project.run(args, { PULUMI_CONFIG_PASSPHRASE: "test", MARKED: String(marked), GONE: join(project.stateDir, "gone") });

beforeAll(() => {
  project = new CopiedProject();
  project.write("stacks/index.ts", program);
  project.write(
    "stacks/Pulumi.kept.yaml",
    "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: false\n  kilonode:etcd:\n    shards: {main: {members: 3}}\n",
  );
  state = join(project.stateDir, "kept.json");
});
afterAll(() => project.remove());

// One stack's life: each test goes on from what the one before it left.

test("of a state in which nothing is marked to be kept: refused, nothing is touched", async () => {
  expect((await run(["up", "kept"], false)).code).toBe(0);
  for (const args of [
    ["destroy", "kept", "--yes"],
    ["preview", "kept", "--destroy"],
  ]) {
    const { code, stderr } = await run(args);
    expect(stderr).toMatch(
      /its data is kept, but what that data needs .* not marked to be kept yet. Run `kilonode up kept` first/,
    );
    expect(code).toBe(1);
  }
  expect(names()).toEqual(["commitments", "kept-master-1", "seed", "the-key"]);
});

test("says before and after what it keeps, and keeps it with all that it needs", async () => {
  expect((await run(["up", "kept"])).code).toBe(0);
  const preview = await run(["preview", "kept", "--destroy"]);
  expect(preview.stdout).toMatch(/would be kept: the volumes of the hosts, .*\n {4}commitments, the-key\n/);
  const { code, stdout } = await run(["destroy", "kept", "--yes"]);
  expect(stdout).toMatch(
    /kept: the volumes of the hosts, .*\n {4}commitments, the-key\n {2}`kilonode up kept` makes the cluster again/,
  );
  expect(stdout).toContain("docs/data-and-keys.md#a-cluster-that-was-destroyed");
  expect(code).toBe(0);
  expect(names()).toEqual(["commitments", "seed", "the-key"]);
  const status = await run(["status", "kept"]);
  expect(status.stderr).toContain("was destroyed, and its data and keys are kept; `kilonode up kept` makes it again");
});

test("again has nothing to do, and up makes the rest", async () => {
  const report = JSON.parse((await run(["destroy", "kept", "--yes", "--json"])).stdout) as RunReport;
  expect(report).toMatchObject({ result: "succeeded", changes: {}, kept: ["commitments", "the-key"] });
  expect((await run(["up", "kept"])).stdout).toMatch(/1 created, 4 unchanged/);
});

test("goes to nothing once the stack is ephemeral and an up has said so", async () => {
  project.write("stacks/Pulumi.kept.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n");
  expect((await run(["up", "kept"], false)).code).toBe(0);
  const { code, stdout } = await run(["destroy", "kept"], false);
  expect([code, stdout.includes("kept: the volumes")]).toEqual([0, false]);
  expect(existsSync(state)).toBe(false);
});
