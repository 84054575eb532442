/** The pretended AWS account, as programs meet it: the real classes of @pulumi/aws, through the engine. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Provider, UNKNOWN, type Values } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { type Change, program } from "../support/aws-program";
import { type Lab, lab, opsOf } from "../support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

const stack = (change?: Change) => l.stack(() => program(change), { providers, parallel: 4 });

describe("a program", () => {
  it("is made, is unchanged, is changed and is destroyed to nothing", async () => {
    const preview = await stack().preview();
    expect(preview.diagnostics).toEqual([]);
    const up = await stack().up();
    expect(up.diagnostics).toEqual([]);
    console.log(up.changes, up.outputs);
    const again = await stack().preview();
    console.log(again.changes, opsOf(again));
    const type = await stack({ hopLimit: 2 }).up();
    console.log(opsOf(type));
    const image = await stack({ ami: "ami-0aaaaaaaaaaaaaaaa" }).up();
    console.log(opsOf(image), image.diagnostics);
    const destroyed = await stack().destroy();
    console.log(destroyed.diagnostics, destroyed.changes);
    console.log(readFileSync(`${l.stateFile}.aws`, "utf8").split("\n").length);
  });
});
