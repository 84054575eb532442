/** Errors of every part, as the command and the program pass them on. */
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { errorText, exitCodeOf } from "../../cli/errors";
import { SshError } from "../../components/access/ssh";
import { runError } from "../../components/run-error";
import { exitCodes, UserError } from "../../config/errors";
import { ConfigurationError } from "../../config/read";
import { ToolchainError } from "../../toolchain/errors";

test.each([
  [new UserError("it failed"), "it failed", 1],
  [new UserError("a gate is closed", exitCodes.gateRefused), "a gate is closed", 3],
  [new SshError("SSH to a:22: refused", true), "SSH to a:22: refused", 1],
  [new ToolchainError("network", { what: "no answer", got: "nothing" }), "no answer\n  got:     nothing", 1],
  [new ToolchainError("arguments", { what: "unknown source" }), "unknown source", 2],
  [
    new ConfigurationError("lab", ["zones: none", "etcd: none"]),
    "the configuration of stack lab has 2 errors; nothing was touched\n  - zones: none\n  - etcd: none",
    2,
  ],
])("%s", (error, text, code) => {
  expect(errorText(error)).toBe(text);
  expect(exitCodeOf(error)).toBe(code);
  const passedOn = runError(error);
  expect(pulumi.RunError.isInstance(passedOn)).toBe(true);
  expect((passedOn as Error).message).toBe(text);
});

test("a system error is its message, anything else shows where it comes from", () => {
  const system = Object.assign(new Error("EACCES: permission denied, open 'x'"), { code: "EACCES", syscall: "open" });
  expect(errorText(system)).toBe("EACCES: permission denied, open 'x'");
  const bug = new TypeError("x is undefined");
  expect(errorText(bug)).toBe(bug.stack);
  expect(runError(bug)).toBe(bug);
  expect([exitCodeOf(system), exitCodeOf(bug), exitCodeOf("text")]).toEqual([1, 1, 1]);
});
