import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noteVerified } from "../../toolchain/cache";
import { checkToolchain, ensureToolchain } from "../../toolchain/ensure";
import { sha256OfFile } from "../../toolchain/hash";
import { fakeGoEnv, type Setup, setup } from "./fixture";

function manifestPath({ cacheDir }: Setup): string {
  const [recipe = ""] = readdirSync(join(cacheDir, "toolchain")).filter((name) => name.startsWith("fake-1.0.0-"));
  return join(cacheDir, "toolchain", recipe, "manifest.json");
}

test("makes what is missing, stores it by content, and makes nothing the second time", async () => {
  const made = setup();
  const tools = await ensureToolchain(made.options);
  expect(tools.map(({ name, version }) => `${name} ${version}`)).toEqual(["one 1.0.0", "two 1.0.0"]);
  for (const { name, sha256, path } of tools) {
    expect(path).toBe(join(made.cacheDir, "artifacts", sha256, name));
    expect(await sha256OfFile(path)).toBe(sha256);
    expect(statSync(path).mode & 0o777).toBe(0o555);
  }
  expect(await ensureToolchain(made.options)).toEqual(tools);
  expect(made.builds()).toEqual(["example.invalid/fake/one", "example.invalid/fake/two"]);
  expect(readdirSync(join(made.cacheDir, "toolchain"))).toHaveLength(1);
  expect(made.lines()).toEqual([
    "[1/2] one 1.0.0: compiling",
    expect.stringMatching(/^\[1\/2\] one 1\.0\.0: done in \d+ s, 0\.0 MB$/),
    "[2/2] two 1.0.0: compiling",
    expect.stringMatching(/^\[2\/2\] two 1\.0\.0: done in \d+ s, 0\.0 MB$/),
  ]);
});

test("the order the binaries are asked for in does not change the answer", async () => {
  const made = setup();
  const tools = await ensureToolchain(made.options);
  expect(await ensureToolchain({ ...made.options, binaries: ["two", "one", "two"] })).toEqual(tools);
});

test("the manifest says how each binary was made", async () => {
  const made = setup();
  const [one] = await ensureToolchain({ ...made.options, binaries: ["one"] });
  const manifest = JSON.parse(readFileSync(manifestPath(made), "utf8"));
  expect(manifest.recipe).toMatchObject({
    source: "gomod",
    go: "go1.26.8",
    environment: expect.stringContaining("CGO_ENABLED=0"),
  });
  expect(manifest.binaries.one).toEqual({
    sha256: one?.sha256,
    size: statSync(one?.path ?? "").size,
    goVersion: "go1.26.8",
    how: "go1.26.8: go build -trimpath -buildvcs=false -tags= -ldflags=-s -w example.invalid/fake/one",
  });
});

test("two patch levels of Go share nothing: another one compiles anew, and the first is found again", async () => {
  const made = setup();
  const by = (version: string) =>
    ensureToolchain({ ...made.options, env: { ...made.options.env, FAKE_GO_VERSION: version } });
  const [old, patched] = [await by("go1.26.8"), await by("go1.26.9")];
  expect(new Set([...old, ...patched].map(({ sha256 }) => sha256)).size).toBe(4);
  expect(await by("go1.26.8")).toEqual(old);
  expect(await by("go1.26.9")).toEqual(patched);
  expect(made.builds()).toHaveLength(4);
});

test.each<[string, (path: string) => void, RegExp]>([
  [
    "a flipped byte",
    flipByte,
    /^one 1\.0\.0 in the cache is damaged: sha256 \w{16}\.\.\., expected \w{16}\.\.\.; making it again$/,
  ],
  [
    "a truncated file",
    (path) => truncate(path),
    /^one 1\.0\.0 in the cache is damaged: 10 bytes, expected \d+; making it again$/,
  ],
  ["a missing file", (path) => rmSync(path), /^one 1\.0\.0 in the cache is missing; making it again$/],
])("%s is reported in one line and made again, and nothing else is", async (_, damage, line) => {
  const made = setup();
  const tools = await ensureToolchain(made.options);
  damage(tools[0]?.path ?? "");
  expect(await checkToolchain(made.options)).toEqual([
    expect.objectContaining({ fault: expect.any(String) }),
    tools[1],
  ]);
  made.events.length = 0;
  expect(await ensureToolchain(made.options)).toEqual(tools);
  expect(made.builds()).toEqual(["example.invalid/fake/one", "example.invalid/fake/two", "example.invalid/fake/one"]);
  expect(made.lines()[0]).toMatch(line);
  expect(made.lines()).toHaveLength(3);
});

test("what looks unchanged since it was noted as verified is believed by a check that may, and by nothing else", async () => {
  const made = setup();
  const tools = await ensureToolchain(made.options);
  const path = tools[0]?.path ?? "";
  await noteVerified(made.cacheDir, tools);
  const { atime, mtime } = statSync(path);
  flipByte(path);
  // Any other time of modification is looked at, with whatever is believed.
  const damaged = [expect.objectContaining({ fault: expect.stringMatching("damaged: sha256") }), tools[1]];
  expect(await checkToolchain(made.options, true)).toEqual(damaged);

  // A disk that turned a bit leaves the time as it was.
  utimesSync(path, atime, mtime);
  await noteVerified(made.cacheDir, tools);
  expect(await checkToolchain(made.options, true)).toEqual(tools);
  expect(await checkToolchain(made.options)).toEqual(damaged);
  expect(await ensureToolchain(made.options)).toEqual(tools);
  expect(made.builds()).toHaveLength(3);
});

function flipByte(path: string): void {
  chmodSync(path, 0o755);
  const bytes = readFileSync(path);
  bytes[500] = (bytes[500] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function truncate(path: string): void {
  chmodSync(path, 0o755);
  truncateSync(path, 10);
}

test("a binary that lost its mode gets it back without being made again", async () => {
  const made = setup();
  const tools = await ensureToolchain(made.options);
  chmodSync(tools[0]?.path ?? "", 0o644);
  await ensureToolchain(made.options);
  expect(statSync(tools[0]?.path ?? "").mode & 0o777).toBe(0o555);
  expect(made.builds()).toHaveLength(2);
});

test("an unreadable manifest is as good as none", async () => {
  const made = setup();
  const tools = await ensureToolchain(made.options);
  for (const text of ["", "{", "null", '{"binaries": {"one": {"sha256": "../../x", "size": 1}, "two": 7}}']) {
    writeFileSync(manifestPath(made), text);
    expect(await ensureToolchain(made.options)).toEqual(tools);
  }
});

test("another go.sum is another recipe: nothing of the old one is taken", async () => {
  const made = setup();
  await ensureToolchain(made.options);
  writeFileSync(join(made.options.catalogue?.[0]?.moduleDir ?? "", "go.sum"), "changed\n");
  await ensureToolchain(made.options);
  expect(made.builds()).toHaveLength(4);
});

test("a failed build keeps what was finished, leaves no work folder, and shows what Go said", async () => {
  const made = setup();
  await ensureToolchain({ ...made.options, binaries: ["one"] });
  const failing = { ...made.options, env: { ...made.options.env, FAKE_GO_FAIL: "x.go:1: syntax error" } };
  await expect(ensureToolchain(failing)).rejects.toThrow(
    "Go could not compile two 1.0.0\n  got:     x.go:1: syntax error",
  );
  expect(readdirSync(join(made.cacheDir, "toolchain"))).toHaveLength(1);
  await ensureToolchain(made.options);
  expect(made.builds().filter((name) => name.endsWith("/one"))).toHaveLength(1);
});

test("calls at the same time make each binary once and agree", async () => {
  const made = setup({ FAKE_GO_SLEEP: "0.3" });
  const answers = await Promise.all([1, 2, 3, 4].map(() => ensureToolchain(made.options)));
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(made.builds()).toEqual(["example.invalid/fake/one", "example.invalid/fake/two"]);
});

test("an abort ends the build and leaves nothing but what was finished", async () => {
  const made = setup({ FAKE_GO_SLEEP: "30" });
  const abort = new AbortController();
  const begin = Date.now();
  setTimeout(() => abort.abort(), 300);
  await expect(ensureToolchain({ ...made.options, signal: abort.signal })).rejects.toThrow(/^interrupted/);
  expect(Date.now() - begin).toBeLessThan(5000);
  expect(readdirSync(join(made.cacheDir, "toolchain"))).toEqual([]);
  expect(existsSync(join(made.cacheDir, "artifacts"))).toBe(false);
});

test("without Go, gomod says what to do, and auto downloads only where every sum is pinned", async () => {
  const made = setup();
  const env = { ...fakeGoEnv(), PATH: "/nonexistent" };
  const message = /^Go is not installed.*\n.*no `go` on PATH\n.*\n.*--source release$/;
  await expect(ensureToolchain({ ...made.options, env })).rejects.toThrow(message);
  await expect(ensureToolchain({ ...made.options, env, source: "auto" })).rejects.toThrow(message);
  const sha256 = { one: "0".repeat(64), two: "0".repeat(64) };
  await expect(ensureToolchain({ ...made.options, env, source: "auto", sha256 })).rejects.toThrow(
    /could not be downloaded/,
  );
});
