/** Programs in their own process: how they end, what they print, how long it takes. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Lab, lab } from "./support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

const messages = (): string =>
  l.events.map((event) => (event.type === "diagnostic" && event.severity === "error" ? event.message : "")).join("\n");

it("runs the program with its configuration and passes on what it prints", async () => {
  const stack = l.module(
    'console.log("hello"); exports.stack = pulumi.getStack(); exports.result = new Thing("a", { value: new pulumi.Config().require("v") }).result;',
    { config: { v: "1" } },
  );
  const { result, outputs } = await stack.up();
  expect(result).toBe("succeeded");
  expect(outputs).toEqual({ stack: "dev", result: "a 1" });
  expect(l.events).toContainEqual({ type: "log", stream: "stdout", line: "hello" });
});

it("fails with the program, and deletes nothing", async () => {
  await l.module('new Thing("a");').up();
  l.world.take();
  const { result } = await l.module('new Thing("b"); throw new Error("a bug in the program");').up();
  expect(result).toBe("failed");
  expect(messages()).toContain("a bug in the program");
  expect(l.world.take().filter((call) => call.startsWith("delete"))).toEqual([]);
});

it("fails with an exit code, and says so", async () => {
  const { result } = await l.module("process.exit(3);").up();
  expect(result).toBe("failed");
  expect(messages()).toContain("the program ended with exit code 3");
});

it("reports a promise that never resolved, after the changes were made, as the real engine does", async () => {
  const { result } = await l.module('new Thing("a"); new Thing("b", { value: new Promise(() => {}) });').up();
  expect(result).toBe("failed");
  expect(l.world.take()).toEqual(["create a"]);
});

it("ends a program that does not end when a step fails", async () => {
  l.world.failing.add("create a");
  const { result } = await l.module('new Thing("a"); setInterval(() => {}, 1000);').up();
  expect(result).toBe("failed");
});

it("registers what a program makes in later turns", async () => {
  await l.module('new Thing("a").result.apply(() => setTimeout(() => new Thing("b"), 50));').up();
  expect(l.world.take()).toEqual(["create a", "create b"]);
});

it("runs policy packs: remediates before the step, stops what is forbidden", async () => {
  const pack = path.join(l.folder, "project", "pack");
  mkdirSync(pack);
  writeFileSync(path.join(pack, "PulumiPolicy.yaml"), "runtime: nodejs\n");
  writeFileSync(path.join(pack, "package.json"), '{ "name": "rules", "version": "1.0.0", "main": "index.js" }');
  writeFileSync(
    path.join(pack, "index.js"),
    `const { PolicyPack } = require("@pulumi/policy");
const isThing = (args) => args.type === "fake:index:Thing";
new PolicyPack("rules", { policies: [
  { name: "owner", description: "Everything has an owner.", enforcementLevel: "remediate",
    remediateResource: (args) => isThing(args) && args.props.owner === undefined ? { ...args.props, owner: "nobody" } : undefined },
  { name: "size", description: "Nothing is huge.", enforcementLevel: "mandatory",
    validateResource: (args, report) => { if (args.props.value === "huge") report("huge"); } },
] });`,
  );
  const source =
    'const a = new Thing("a", { secret: pulumi.secret("s") }); new Thing("b", { value: "huge" }, { dependsOn: [a] });';
  const { result, policy } = await l.module(source, { policyPacks: [{ path: pack }] }).up();
  expect(result).toBe("failed");
  expect(policy.map(({ policy: rule, level, urn }) => `${rule} ${level} ${urn.split("::").at(-1)}`)).toEqual([
    "owner remediate a",
    "owner remediate b",
    "size mandatory b",
  ]);
  expect(l.world.take()).toEqual(["create a"]);
  expect(l.world.seen[0]?.inputs).toEqual({ owner: "nobody", secret: "s" });
});

it("keeps a dynamic resource that failed half-way, and updates it in the next run", async () => {
  const source = (broken: boolean) => `
new pulumi.dynamic.Resource({
  async create(inputs) {
    if (inputs.broken) throw Object.assign(new Error("not ready"), { id: "made", properties: inputs, reasons: ["still starting"] });
    return { id: "fresh", outs: inputs };
  },
  async update(_id, _old, inputs) { return { outs: inputs }; },
}, "d", { broken: ${broken} });`;
  const failed = await l.module(source(true)).up();
  expect(failed.steps.at(-1)?.error).toContain("not ready; still starting");
  const d = l
    .module(source(true))
    .export()
    .deployment.resources?.find(({ urn }) => urn.endsWith("::d"));
  expect(d).toMatchObject({ id: "made", initErrors: [expect.stringContaining("still starting")] });
  const resumed = await l.module(source(false)).up();
  expect(resumed).toMatchObject({ result: "succeeded", changes: { same: 1, update: 1 } });
});

it("previews 330 resources without a change in seconds", async () => {
  const source = `
const text = "x".repeat(2000);
let last;
for (let i = 0; i < 330; i++) {
  const properties = Object.fromEntries(Array.from({ length: 8 }, (_, k) => ["p" + k, text + k]));
  last = new Thing("t" + i, { ...properties, labels: { a: "1", b: ["2", "3"] }, ...(last && i % 5 === 0 && { from: last.result }) });
}`;
  const up = await l.module(source).up();
  expect(up.changes).toEqual({ create: 331 });
  const preview = await l.module(source).preview();
  expect(preview.changes).toEqual({ same: 331 });
  console.log(`330 resources: up ${up.durationMs} ms, preview ${preview.durationMs} ms`);
  // Six seconds on a machine of two cores that does nothing else; a loaded one gets its time.
  expect(preview.durationMs).toBeLessThan(30_000);
});
