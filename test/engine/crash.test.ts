/** A state survives whatever happens to the process: killed at any step, run again, nothing is lost or doubled. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stackIn } from "./support/crash";
import { type Lab, lab, Thing, World } from "./support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Runs a version of the program in a process that kills itself; resolves to the signal. */
function crash(folder: string, version: string, step: number, moment: "before" | "after"): Promise<string | null> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "test/engine/support/crash.ts", folder, version, String(step), moment],
    { cwd: ROOT, stdio: "inherit" },
  );
  return new Promise((resolve) => child.once("close", (_code, signal) => resolve(signal)));
}

const effects = (): string[] => {
  const file = path.join(l.folder, "effects");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
};
const names = (): string[] =>
  l
    .stack(() => undefined)
    .export()
    .deployment.resources?.map(({ urn, id }) => (id === undefined ? "" : `${urn.split("::")[3]}`))
    .sort() ?? [];

describe("kill -9", () => {
  it.each([
    ["first", 1, "before"],
    ["first", 1, "after"],
    ["third", 3, "before"],
    ["third", 3, "after"],
    ["last", 4, "after"],
  ] as const)("in the %s create, %i %s its effect", async (_name, step, moment) => {
    expect(await crash(l.folder, "v1", step, moment)).toBe("SIGKILL");
    const before = effects();
    const running = ["a", "b", "d", "c"];
    const preview = await stackIn(l.folder, "v1", new World("p")).preview();
    expect(preview.pending).toHaveLength(1);
    const up = await stackIn(l.folder, "v1", new World("r")).up();
    expect(up.result).toBe("succeeded");
    const killed = up.pending[0]?.urn.split("::").at(-1);
    // Only what was running when the process died may have been done twice.
    for (const name of running) {
      const count = effects().filter((effect) => effect === `create ${name}`).length;
      expect(count, name).toBe(name === killed && before.includes(`create ${name}`) ? 2 : 1);
    }
    expect(names().filter((name) => running.includes(name))).toEqual(["a", "b", "c", "d"]);
    expect((await stackIn(l.folder, "v1", new World("s")).up()).changes).toEqual({ same: 5 });
  });

  it.each([1, 2, 3, 4, 5])("after effect %i of an update with replacements and deletes", async (step) => {
    expect((await stackIn(l.folder, "v1", new World("one")).up()).result).toBe("succeeded");
    expect(await crash(l.folder, "v2", step, "after")).toBe("SIGKILL");
    const up = await stackIn(l.folder, "v2", new World("r")).up();
    expect(up.result).toBe("succeeded");
    expect(names().filter((name) => name.length === 1)).toEqual(["a", "b", "d", "e"]);
    expect((await stackIn(l.folder, "v2", new World("s")).up()).changes).toEqual({ same: 5 });
    await stackIn(l.folder, "v2", new World("d")).destroy();
    // Every id that was ever made and written down is deleted in the end; the one being made at the crash is reported.
    const made = effects().filter((effect) => effect.startsWith("create")).length;
    const deleted = new Set(effects().filter((effect) => effect.startsWith("delete"))).size;
    expect(made - deleted).toBe(up.pending.some(({ operation }) => operation === "creating") ? 1 : 0);
    expect(names()).toEqual([]);
  });

  it("reads a journal that was cut anywhere", async () => {
    await crash(l.folder, "v1", 4, "after");
    const file = `${l.stateFile}.journal`;
    const journal = readFileSync(file, "utf8");
    let most = 0;
    for (let length = 0; length < journal.length; length += 37) {
      writeFileSync(file, journal.slice(0, length));
      const count = names().length;
      expect(count).toBeGreaterThanOrEqual(most);
      most = count;
    }
  });

  it("does not apply a journal twice that is already in the state", async () => {
    await crash(l.folder, "v1", 3, "after");
    const stale = readFileSync(`${l.stateFile}.journal`, "utf8");
    await stackIn(l.folder, "v1", new World("r")).up();
    const foreign = (): unknown => l.stack(() => undefined).export();
    writeFileSync(`${l.stateFile}.journal`, stale);
    expect(foreign).toThrow(/belongs to another content/);
  });
});

describe("lock", () => {
  it("refuses a second run and names the first", async () => {
    l.world.delay = 300;
    const first = l.stack(() => void new Thing("a")).up();
    await expect(l.stack(() => void new Thing("a")).up()).rejects.toThrow(
      `is in use by "up" of process ${process.pid}`,
    );
    expect((await l.stack(() => void new Thing("a")).preview()).result).toBe("succeeded");
    expect((await first).result).toBe("succeeded");
    expect(existsSync(`${l.stateFile}.lock`)).toBe(false);
  });

  it("takes over the lock of a process that is gone", async () => {
    writeFileSync(`${l.stateFile}.lock`, JSON.stringify({ pid: 2 ** 22 - 1, started: "1", action: "up", since: "" }));
    expect((await l.stack(() => void new Thing("a")).up()).result).toBe("succeeded");
    writeFileSync(
      `${l.stateFile}.lock`,
      JSON.stringify({ pid: process.pid, started: "another start", action: "up", since: "" }),
    );
    expect((await l.stack(() => void new Thing("a")).up()).changes).toEqual({ same: 2 });
  });
});

describe("damage", () => {
  beforeEach(async () => {
    await l.stack(() => void new Thing("a")).up();
    await l.stack(() => void [new Thing("a"), new Thing("b")]).up();
    l.world.take();
  });

  const whole = (): string => readFileSync(l.stateFile, "utf8");

  it.each([
    ["cut in half", (text: string) => text.slice(0, text.length / 2)],
    ["empty", () => ""],
    ["of another kind", () => "{}"],
    [
      "with a resource before its parent",
      (text: string) =>
        text.replace('"resources": [', '"resources": [{"urn":"urn:x","type":"t","custom":false,"parent":"urn:y"},'),
    ],
  ])("a state file %s is an error that says what to do, and stays as it is", async (_name, damage) => {
    const backup = readFileSync(`${l.stateFile}.bak`, "utf8");
    writeFileSync(l.stateFile, damage(whole()));
    const damaged = whole();
    await expect(l.stack(() => undefined).up()).rejects.toThrow(/state\.json is damaged: .*state\.json\.bak/s);
    expect(whole()).toBe(damaged);
    expect(readFileSync(`${l.stateFile}.bak`, "utf8")).toBe(backup);
    expect(l.world.take()).toEqual([]);
    writeFileSync(l.stateFile, backup);
    expect((await l.stack(() => void new Thing("a")).up()).changes).toEqual({ same: 2 });
  });

  it("a missing state file beside its backup is no empty state", async () => {
    rmSync(l.stateFile);
    await expect(l.stack(() => undefined).up()).rejects.toThrow(/is missing, but its backup/);
  });

  it("leaves no file behind but the state and its backup", () => {
    expect(readdirSync(l.folder).sort()).toEqual(["project", "state.json", "state.json.bak"]);
  });

  it("does not touch the state file when nothing changes", async () => {
    const before = whole();
    await l.stack(() => void [new Thing("a"), new Thing("b")]).up();
    expect(whole()).toBe(before);
  });
});

describe("passphrase", () => {
  const program = (): void => void new Thing("a", { token: pulumi.secret("s3cret") });

  it("a wrong or missing one is an error before anything is touched", async () => {
    await l.stack(program).up();
    l.world.take();
    const before = readFileSync(l.stateFile, "utf8");
    await expect(l.stack(program, { passphrase: "wrong" }).up()).rejects.toThrow(/the passphrase is not the one/);
    await expect(l.stack(program, { passphrase: undefined }).destroy()).rejects.toThrow(/no passphrase is given/);
    expect(readFileSync(l.stateFile, "utf8")).toBe(before);
    expect(l.world.take()).toEqual([]);
  });
});
