/** The stacks of AWS as a reviewer without an account sees them: the program as it is, on the pretended account. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "kilonode-aws-"));
afterAll(() => rmSync(home, { recursive: true }));

interface Report {
  readonly result: string;
  readonly changes: Readonly<Record<string, number>>;
  readonly diagnostics: readonly { readonly severity: string; readonly message: string }[];
}

describe("a preview from nothing, on the pretended account", () => {
  test.each([
    ["test", 267],
    ["prod-a", 564],
  ])("of %s makes %i resources, and nothing is wrong with any of them", async (stack, resources) => {
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      KILONODE_STATE_DIR: join(home, "state"),
      PULUMI_CONFIG_PASSPHRASE: "a",
    };
    const words = ["cli/kilonode.mjs", "preview", stack, "--engine", "rehearsal", "--json"];
    const { stdout } = await run(process.execPath, words, { env: { ...env, AWS_EC2_METADATA_DISABLED: "true" } });
    const { changes, diagnostics, result } = JSON.parse(stdout) as Report;
    expect([result, changes]).toEqual(["succeeded", { create: resources }]);
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(existsSync(join(home, "state")) ? readdirSync(join(home, "state")) : []).toEqual([]);
  });
});
