/** Whoever can call a server of a run does whatever its user may do: none of them is to be had by anybody else. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Lab, lab } from "./support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

/** What is left of something that may end while it is looked at. */
function whileItLives<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function processesBelow(pid: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const stat = whileItLives(() => readFileSync(`/proc/${name}/stat`, "utf8"));
      return Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
    });
  return [pid, ...children.flatMap((child) => processesBelow(Number(child)))];
}

/** What this process and all below it listen on: ports, and sockets by their paths. */
function listening(): { ports: string[]; sockets: string[] } {
  const inodes = new Set(
    processesBelow(process.pid).flatMap((pid) =>
      (whileItLives(() => readdirSync(`/proc/${pid}/fd`)) ?? []).map(
        (fd) => /^socket:\[(\d+)\]$/.exec(whileItLives(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? "")?.[1],
      ),
    ),
  );
  const rows = (file: string) => readFileSync(`/proc/net/${file}`, "utf8").trim().split("\n").slice(1);
  const columns = (file: string) => rows(file).map((row) => row.trim().split(/\s+/));
  const ports = [...columns("tcp"), ...columns("tcp6")]
    .filter(([, , , state, , , , , , inode]) => state === "0A" && inodes.has(inode))
    .map(([, address = ""]) => address);
  const sockets = columns("unix")
    .filter(([, , , flags, , , inode, at]) => flags === "00010000" && inodes.has(inode) && at)
    .map(([, , , , , , , at = ""]) => at);
  return { ports, sockets };
}

function policyPack(): string {
  const pack = path.join(l.folder, "project", "pack");
  mkdirSync(pack);
  writeFileSync(path.join(pack, "PulumiPolicy.yaml"), "runtime: nodejs\n");
  writeFileSync(path.join(pack, "package.json"), '{ "name": "rules", "version": "1.0.0", "main": "index.js" }');
  writeFileSync(
    path.join(pack, "index.js"),
    'new (require("@pulumi/policy").PolicyPack)("rules", { policies: [{ name: "none", description: "Nothing.", enforcementLevel: "advisory", validateResource() {} }] });',
  );
  return pack;
}

it("listens on sockets in a folder of its user alone: engine, dynamic provider and policy pack", async () => {
  const before = listening();
  let during: ReturnType<typeof listening> | undefined;
  let modes: string[] = [];
  const look = () => {
    during = listening();
    modes = during.sockets.map((socket) => (statSync(path.dirname(socket)).mode & 0o777).toString(8));
  };
  const source = `
const d = new pulumi.dynamic.Resource({ async create(inputs) { return { id: "d", outs: inputs }; } }, "d", {});
new Thing("last", {}, { dependsOn: [d] });`;
  const stack = l.module(source, {
    policyPacks: [{ path: policyPack() }],
    providers: () => ({
      ...l.world.provider(),
      check: async (_call, _old, inputs) => {
        look();
        return { inputs };
      },
    }),
  });
  expect(await stack.preview()).toMatchObject({ result: "succeeded", changes: { create: 3 } });
  expect(during?.ports).toEqual(before.ports);
  const sockets = during?.sockets.filter((socket) => !before.sockets.includes(socket)) ?? [];
  expect(sockets).toHaveLength(3);
  expect(new Set(modes)).toEqual(new Set(["700"]));
  expect(sockets.filter((socket) => existsSync(path.dirname(socket)))).toEqual([]);
});

it("refuses what makes the program a server itself", async () => {
  const { result, diagnostics } = await l.module('new Thing("a", {}, { transforms: [() => undefined] });').up();
  expect(result).toBe("failed");
  expect(diagnostics.map(({ message }) => message).join("\n")).toContain(
    "transforms and hooks are not supported in a rehearsal",
  );
});

it("says so when the folder for temporary files is too deep for a socket", async () => {
  const deep = path.join(l.folder, "d".repeat(100));
  mkdirSync(deep);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = deep;
  try {
    await expect(l.module('new Thing("a");').preview()).rejects.toThrow(
      `the folder for temporary files, ${deep}, has too long a name for the sockets of a run: set TMPDIR to a shorter one`,
    );
    expect(readdirSync(deep)).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
});
