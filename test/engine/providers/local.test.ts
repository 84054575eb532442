import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UNKNOWN } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { call, create } from "./support";

const TYPE = "command:local:Command";
const provider = providers("command");
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "local-command-"));
});
afterAll(async () => {
  await provider.close?.();
  rmSync(dir, { recursive: true });
});

describe("command:local:Command", () => {
  it("gives an id of the name and 8 digits, and the outputs without their last line end", async () => {
    const made = await create(provider, call(TYPE, "file"), { create: "printf 'a\\n\\n'; printf 'b\\n' >&2" });
    expect(made.id).toMatch(/^file[0-9a-f]{8}$/);
    expect(made.outputs).toEqual({ create: "printf 'a\\n\\n'; printf 'b\\n' >&2", stdout: "a\n", stderr: "b" });
  });

  it("passes stdin, environment and directory", async () => {
    const made = await create(provider, call(TYPE), {
      create: 'echo "$A $PWD $(cat)"',
      environment: { A: "one" },
      dir,
      stdin: "two",
    });
    expect(made.outputs.stdout).toBe(`one ${dir} two`);
  });

  it("runs update, or create without one, with the previous output in the environment", async () => {
    const old = { stdout: "before", stderr: "err" };
    const inputs = { create: 'echo "create $PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR"' };
    const again = await provider.update?.(call(TYPE), "id", {}, old, inputs);
    expect(again?.outputs.stdout).toBe("create before err");
    const updated = await provider.update?.(call(TYPE), "id", {}, old, { ...inputs, update: "echo updated" });
    expect(updated?.outputs).toMatchObject({ stdout: "updated", stderr: "" });
    const off = await provider.update?.(call(TYPE), "id", {}, old, { ...inputs, addPreviousOutputInEnv: false });
    expect(off?.outputs.stdout).toBe("create  ");
  });

  it("deletes with the command and the output of the state", async () => {
    const target = join(dir, "deleted");
    const state = { delete: `printf %s "$PULUMI_COMMAND_STDOUT-$A" > ${target}`, environment: { A: "a" }, stdout: "x" };
    await provider.delete?.(call(TYPE), "id", { delete: "false" }, { ...state, stderr: "" });
    expect(readFileSync(target, "utf8")).toBe("x-a");
  });

  it("fails as the real provider does", async () => {
    const failing = 'echo "out"; sleep 0.05; echo err >&2; exit 3';
    await expect(create(provider, call(TYPE), { create: failing })).rejects.toThrow(
      'exit status 3: running "echo \\"out\\"; sleep 0.05; echo err >&2; exit 3":\nout\nerr\n',
    );
    await expect(create(provider, call(TYPE), { create: "x", dir: "/nowhere" })).rejects.toThrow(
      'chdir /nowhere: no such file or directory: running "x":\n',
    );
    await expect(create(provider, call(TYPE), { create: "kill -9 $$" })).rejects.toThrow(/^signal: killed: running/);
    const long = { create: "true", environment: { A: "a".repeat(200_000) } };
    await expect(create(provider, call(TYPE), long)).rejects.toThrow("argument list too long");
  });

  it("shows lines while the command runs, as `logging` says", async () => {
    const at = call(TYPE);
    const running = create(provider, at, { create: "echo first; sleep 0.5; printf last; echo err >&2" });
    await expect
      .poll(() => at.logged, { timeout: 400, interval: 10 })
      .toEqual([{ severity: "info", message: "first" }]);
    await running;
    expect(at.logged.map(({ message }) => message).sort()).toEqual(["err", "first", "last"]);
    for (const [logging, lines] of Object.entries({
      none: [],
      stderr: ["e"],
      stdout: ["o"],
      stdoutAndStderr: ["e", "o"],
    })) {
      const quiet = call(TYPE);
      await create(provider, quiet, { create: "echo o; echo e >&2", logging });
      expect(quiet.logged.map(({ message }) => message).sort()).toEqual(lines);
    }
  });

  it("stops a command that prints without end", async () => {
    await expect(create(provider, call(TYPE), { create: "yes", logging: "none" })).rejects.toThrow(
      'the output is larger than 16777216 bytes: running "yes"',
    );
  });

  it("keeps an error message short", async () => {
    const error = await create(provider, call(TYPE), { create: "seq 100000; exit 1", logging: "none" }).catch((e) => e);
    expect(error.message.length).toBeLessThan(70_000);
    expect(error.message).toMatch(/:\n1\n2\n[\s\S]*bytes left out[\s\S]*\n100000\n$/);
  });

  it("ends the whole process group when interrupted", async () => {
    const interrupt = new AbortController();
    const mark = `987${process.pid}`;
    const at = call(TYPE, "it", { signal: interrupt.signal });
    const running = create(provider, at, { create: `sleep ${mark} & echo started; sleep ${mark}` });
    await expect.poll(() => at.logged.length).toBe(1);
    interrupt.abort();
    await expect(running).rejects.toThrow(/^(signal: interrupt|exit status 130): running/);
    await sleep(50);
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(`sleep ${mark}`);
    await expect(create(provider, at, { create: "true" })).rejects.toThrow(/abort/i);
  });

  it("lets an interrupted command clean up", async () => {
    const interrupt = new AbortController();
    const at = call(TYPE, "it", { signal: interrupt.signal });
    const create_ = 'trap "echo cleaned; exit 4" INT; echo started; sleep 30 & wait';
    const running = create(provider, at, { create: create_ });
    await expect.poll(() => at.logged.length).toBe(1);
    interrupt.abort();
    await expect(running).rejects.toThrow(/^exit status 4: running[\s\S]*\nstarted\ncleaned\n$/);
  });
});

describe("what a preview and a diff say", () => {
  const at = call(TYPE, "it", { preview: true });

  it("runs nothing and knows no outputs", async () => {
    const made = await create(provider, at, { create: "exit 1" });
    expect(made.outputs).toEqual({ create: "exit 1", stdout: UNKNOWN, stderr: UNKNOWN });
    const old = { stdout: "a", stderr: "" };
    const updated = await provider.update?.(
      at,
      "id",
      { create: "old" },
      { create: "old", ...old },
      { create: "exit 1" },
    );
    expect(updated?.outputs).toEqual({ create: "exit 1", stdout: UNKNOWN, stderr: UNKNOWN });
  });

  it("names the properties that differ, as recorded from the real one", async () => {
    const diff = (old: object, now: object) => provider.diff?.(at, "id", { ...old }, {}, { ...now }, []);
    expect(await diff({ stdin: "a" }, { stdin: "a", dir: null })).toEqual({ changes: false });
    expect(await diff({ environment: { V: "1" } }, { environment: { V: "2" } })).toEqual({
      changes: true,
      detailedDiff: { "environment.V": "update" },
    });
    // The SDK's `replaceOnChanges: ["triggers[*]"]` makes the engine replace here.
    expect(await diff({ triggers: ["1"] }, { triggers: ["2", "3"] })).toEqual({
      changes: true,
      detailedDiff: { "triggers[0]": "update", "triggers[1]": "add" },
    });
    expect(await diff({ triggers: ["1"], create: "a" }, { triggers: UNKNOWN, create: "b" })).toEqual({
      changes: true,
      replaces: ["triggers"],
      detailedDiff: { create: "update", triggers: "update-replace" },
    });
  });

  it("refuses what it does not do", async () => {
    const supported = "create, update, delete, stdin, environment, triggers, logging, addPreviousOutputInEnv, dir";
    for (const property of ["interpreter", "assetPaths", "archivePaths"]) {
      await expect(create(provider, at, { create: "a", [property]: ["x"] })).rejects.toThrow(
        `property ${property} is not supported in a rehearsal; supported: ${supported}`,
      );
    }
    await expect(create(provider, at, { create: "a", interpreter: null })).resolves.toBeDefined();
    await expect(create(provider, at, { environment: { A: 1 } })).rejects.toThrow(
      "environment must be a map of strings",
    );
    await expect(create(provider, at, { create: 5 })).rejects.toThrow("create must be a string");
    await expect(create(provider, call("command:remote:CopyFile"), {})).rejects.toThrow(
      "Resource type command:remote:CopyFile is not supported in a rehearsal; supported: command:local:Command, " +
        "command:remote:Command, command:remote:CopyToRemote",
    );
    expect(() => providers("azure")).toThrow(
      "the package azure is not supported in a rehearsal; supported: aws, command, kubernetes, random, tls",
    );
    expect(provider.invoke).toBeUndefined();
  });
});
