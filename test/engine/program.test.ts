/** Programs in their own process: how they end, what they print, how long it takes. */
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
