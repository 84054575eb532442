/** What a person reads: one class of errors, each with what it is about. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EngineError, readOutputs, readState } from "../../engine";
import { providers, Rehearsal } from "../../engine/rehearsal";
import { type Lab, lab, Thing } from "./support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

const thrown = async (work: () => unknown): Promise<EngineError> => {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return error as EngineError;
  }
  throw new Error("nothing was thrown");
};

function project(text: string): Rehearsal {
  const projectDir = path.join(l.folder, "wrong");
  mkdirSync(projectDir, { recursive: true });
  writeFileSync(path.join(projectDir, "Pulumi.yaml"), text);
  return new Rehearsal({ projectDir, stack: "dev", stateFile: l.stateFile, providers });
}

describe("EngineError", () => {
  it("names every problem of a project", async () => {
    const error = await thrown(() => project("name: 5\nruntime: {}\n"));
    expect(error).toMatchObject({ name: "EngineError", reason: "project" });
    expect(error.problems).toEqual(["name: Invalid input: expected string, received number", "runtime: Invalid input"]);
    expect(error.message.split("\n")).toEqual([
      `${path.join(l.folder, "wrong/Pulumi.yaml")} does not say what a Pulumi project needs:`,
      ...error.problems.map((problem) => `  ${problem}`),
    ]);
  });

  it("tells a project that is no YAML, or none at all", async () => {
    expect(await thrown(() => project("a: [1"))).toMatchObject({
      reason: "project",
      message: expect.stringContaining("wrong/Pulumi.yaml is not YAML: "),
    });
    const projectDir = path.join(l.folder, "nowhere");
    expect(
      await thrown(() => new Rehearsal({ projectDir, stack: "dev", stateFile: l.stateFile, providers })),
    ).toMatchObject({ reason: "project", message: expect.stringContaining("there is no Pulumi.yaml in") });
  });

  it("tells what is the matter with a state", async () => {
    const program = (): void => void new Thing("a", { token: pulumi.secret("s3cret") });
    await l.stack(program).up();
    expect(await thrown(() => l.stack(program, { passphrase: "wrong" }).up())).toMatchObject({ reason: "passphrase" });
    expect(await thrown(() => readOutputs(l.stateFile, undefined, false))).toMatchObject({ reason: "passphrase" });
    writeFileSync(`${l.stateFile}.lock`, JSON.stringify({ pid: process.pid, started: "", action: "up", since: "now" }));
    expect(await thrown(() => l.stack(program).up())).toMatchObject({ reason: "locked", problems: [] });
    rmSync(`${l.stateFile}.lock`);
    writeFileSync(l.stateFile, "{}");
    expect(await thrown(() => readState(l.stateFile, undefined))).toMatchObject({ reason: "state" });
  });

  it("tells what this engine does not do", async () => {
    expect(await thrown(() => providers("azure"))).toMatchObject({
      reason: "refused",
      message: "the package azure is not supported in a rehearsal; supported: aws, command, kubernetes, random, tls",
    });
  });
});
