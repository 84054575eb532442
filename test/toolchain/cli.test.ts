import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { binaries } from "../../config/versions";
import { fakeGoEnv, startMain, tempDir } from "./fixture";

const main = (...args: string[]) => startMain(args, fakeGoEnv()).ended;

test("ensure --json prints only JSON, the same bytes when it built and when it did not", async () => {
  const cache = ["--cache-dir", join(tempDir(), "cache"), "--source", "gomod"];
  const first = await main("ensure", "--json", "--binaries", "etcdctl,etcd", ...cache);
  expect(first).toMatchObject({ status: 0, stderr: expect.stringContaining("[1/2] etcd ") });
  const tools = JSON.parse(first.stdout) as Record<string, string>[];
  expect(tools.map((tool) => tool.name)).toEqual(["etcd", "etcdctl"]);
  expect(tools.map((tool) => Object.keys(tool))).toEqual(Array(2).fill(["name", "version", "sha256", "path"]));

  const second = await main("ensure", "--json", "--binaries", "etcd,etcdctl", ...cache);
  expect(second).toMatchObject({ status: 0, stdout: first.stdout, stderr: "" });
  const third = await main("ensure", "--binaries", "etcd", ...cache);
  expect(third.stdout).toMatch(/^etcd {2}\S+ {2}[0-9a-f]{64} {2}\/.*\/etcd\n$/);
});

test("verify makes nothing and fails where something is missing", async () => {
  const dir = tempDir();
  const verify = await main("verify", "--source", "gomod", "--binaries", "kubectl", "--cache-dir", dir);
  expect(verify).toMatchObject({ status: 1, stdout: expect.stringMatching(/^kubectl {2}\S+ {2}not made yet\n$/) });
});

test("list names every binary", async () => {
  const list = await main("list", "--json");
  expect(list.status).toBe(0);
  expect((JSON.parse(list.stdout) as { name: string }[]).map((row) => row.name)).toEqual(Object.keys(binaries));
});

test("--help says what there is", async () => {
  const help = await main("--help");
  expect(help.status).toBe(0);
  for (const word of ["ensure", "list", "verify", "--sha256", "Exit status"]) expect(help.stdout).toContain(word);
});

test.each([
  [["ensure", "--binaries", "etcd,kubed"], /^error: unknown binary\n {2}got: {5}"kubed"\n {2}allowed: etcd,/],
  [["ensure", "--source", "apt"], /unknown source\n {2}got: {5}apt\n {2}allowed: gomod, release, auto/],
  [["ensure", "--arch", "mips"], /unknown architecture\n {2}got: {5}mips\n {2}allowed: amd64, arm64/],
  [["ensure", "--sha256", "etcd=123"], /--sha256 is not NAME=SUM\n {2}got: {5}etcd=123/],
  [["ensure", "--sha256", `constructor=${"0".repeat(64)}`], /--sha256 is not NAME=SUM\n {2}got: {5}constructor=0+/],
  [["make"], /the command is not one of ours\n {2}got: {5}make\n {2}allowed: ensure, list, verify/],
  [["ensure", "--jsno"], /Unknown option '--jsno'/],
])("%j are wrong arguments", async (args, message) => {
  const wrong = await main(...args);
  expect(wrong).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(message) });
});

test("a failure is exit status 1 and one clear message", async () => {
  const dir = join(tempDir(), "read-only");
  mkdirSync(dir);
  const env = fakeGoEnv({ FAKE_GO_FAIL: "go: example: Get https://x: dial tcp: lookup x: no such host" });
  const failed = await startMain(["ensure", "--source", "gomod", "--binaries", "kwok", "--cache-dir", dir], env).ended;
  expect(failed).toMatchObject({ status: 1, stdout: "" });
  expect(failed.stderr).toContain("error: the Go module proxy did not give the source of kwok");
  const relative = await startMain(["ensure"], fakeGoEnv({ KILONODE_CACHE_DIR: "cache" })).ended;
  expect(relative).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("KILONODE_CACHE_DIR is not an absolute path"),
  });
});
