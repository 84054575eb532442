/** An update that is held to a preview, with the real command and the rehearsal engine. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CopiedProject } from "./cli-project";

/** What it does is chosen by environment variables. */
const program = `
import { local } from "@pulumi/command";
const { KILONODE_INCARNATION: MARK, VALUE = "1", WAITING } = process.env;
new local.Command("small-lb-1", { create: "echo made", triggers: [VALUE], logging: "none" });
// As a host: what runs keeps the mark that it was made with.
new local.Command("network", { create: "echo made", environment: { MARK }, logging: "none" }, { ignoreChanges: ["environment"] });
export const hosts = [{ name: "small-lb-1", address: "127.0.0.1", zone: "a", role: "load-balancer", group: "load-balancer", user: "root", port: 1, hostKey: "ssh-ed25519 AAAA" }];
export const waiting = WAITING ? ["small-lb-1"] : [];
`;

let project: CopiedProject;
let file: string;
let state: string;
beforeAll(() => {
  project = new CopiedProject();
  project.write("stacks/index.ts", program);
  project.write("stacks/Pulumi.small.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n");
  project.write("stacks/Pulumi.other.yaml", "config:\n  kilonode:platform: lab\n  kilonode:ephemeral: true\n");
  file = join(project.dir, "reviewed.json");
  state = join(project.stateDir, "small.json");
});
afterAll(() => project.remove());

const preview = (env: NodeJS.ProcessEnv = {}) => project.run(["preview", "small", "--save", file], env);
const up = (env: NodeJS.ProcessEnv = {}, stack = "small") => project.run(["up", stack, "--reviewed", file], env);

// One cluster's life: each test goes on from what the one before it left.

test("a first creation that was reviewed is made, with the mark that was previewed", async () => {
  const { code, stderr } = await preview();
  expect(code, stderr).toBe(0);
  const [, digest] = /^saved for review in .*reviewed\.json: ([0-9a-f]{64})$/m.exec(stderr) ?? [];
  expect(existsSync(project.stateDir)).toBe(false);
  const made = await up();
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toContain(`as reviewed: ${digest}`);
  expect(made.stdout).toContain("3 created");
  const { newIncarnation } = JSON.parse(readFileSync(file, "utf8")) as { newIncarnation: string };
  expect(readFileSync(state, "utf8")).toContain(newIncarnation);
});

test("what was reviewed is refused once it is done: exit 2, nothing touched, every difference named", async () => {
  const before = readFileSync(state, "utf8");
  const { code, stderr } = await up();
  expect(code).toBe(2);
  expect(stderr).toContain("error: the update would do something else than was reviewed; nothing was touched\n");
  for (const name of ["host small-lb-1", "network network"])
    expect(stderr).toContain(`  - ${name}: create was reviewed, and nothing is to be done any more\n`);
  expect(stderr).toContain("  - preview and review it again: `kilonode preview small --save FILE`\n");
  expect(readFileSync(state, "utf8")).toBe(before);
});

test("another change than the reviewed one is refused, the reviewed one is made", async () => {
  expect((await preview({ VALUE: "2" })).code).toBe(0);
  const before = readFileSync(state, "utf8");
  const other = await up({ VALUE: "3" });
  expect(other.stderr).toContain("  - host small-lb-1: replace with other values than reviewed\n");
  expect(other.code).toBe(2);
  expect(readFileSync(state, "utf8")).toBe(before);
  const same = await up({ VALUE: "2" });
  expect(same.code, same.stderr).toBe(0);
  expect(same.stdout).toContain("1 replaced");
});

test("machines that wait for a second update wait for another review", async () => {
  expect((await preview({ VALUE: "4", WAITING: "1" })).code).toBe(0);
  const { code, stderr } = await up({ VALUE: "4", WAITING: "1" });
  expect(stderr).toContain(
    "the machines of 1 host wait (small-lb-1) for another update, which is to be reviewed, too\n",
  );
  expect(code).toBe(0);
});

test("another stack's review, and a preview that fails by now, are refused before anything is made", async () => {
  const { code, stderr } = await up({}, "other");
  expect(stderr).toContain("  - it is of stack small, not of other\n");
  expect(code).toBe(2);
  project.write("stacks/index.ts", 'throw new Error("no longer");\n');
  const broken = await up();
  expect(broken.stderr).toContain("what was reviewed cannot be previewed any more; nothing was touched");
  expect(broken.stderr).toContain("no longer");
  expect(broken.code).toBe(2);
});
