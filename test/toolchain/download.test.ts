import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ensureToolchain } from "../../toolchain/ensure";
import { sha256OfFile, sha256OfText } from "../../toolchain/hash";
import { fakeCatalogue, setup, tempDir } from "./fixture";

/** Serves a folder; returns its address and the paths that were asked for. */
async function serve(dir: string): Promise<{ base: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    try {
      response.end(readFileSync(join(dir, request.url ?? "")));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** @param ending of what is published alone */
async function publish(ending: "" | ".bz2" = "") {
  const made = setup();
  const dir = tempDir();
  mkdirSync(join(dir, "fake-1.0.0"));
  for (const name of ["one", "two"]) writeFileSync(join(dir, "fake-1.0.0", name), `binary ${name}`);
  execFileSync("tar", ["-czf", "fake-1.0.0.tar.gz", "fake-1.0.0"], { cwd: dir });
  writeFileSync(join(dir, "three-amd64"), "binary three");
  if (ending) execFileSync("bzip2", ["three-amd64"], { cwd: dir });
  const three = await sha256OfFile(join(dir, `three-amd64${ending}`));
  const { base, asked } = await serve(dir);
  const archive = await sha256OfFile(join(dir, "fake-1.0.0.tar.gz"));
  const entries = fakeCatalogue(tempDir(), (name) =>
    name === "three"
      ? { url: `${base}/three-{arch}${ending}`, sha256: { amd64: three } }
      : { url: `${base}/fake-{version}.tar.gz`, member: `fake-{version}/${name}`, sha256: { amd64: archive } },
  );
  const options = {
    ...made.options,
    catalogue: entries,
    binaries: ["one", "two", "three"],
    source: "release",
    arch: "amd64",
  } as const;
  return { ...made, options, asked, dir };
}

test("downloads files and members of archives, an archive only once, and nothing the second time", async () => {
  const { options, asked } = await publish();
  const tools = await ensureToolchain(options);
  expect(tools.map((tool) => readFileSync(tool.path, "utf8"))).toEqual(["binary one", "binary two", "binary three"]);
  expect(asked).toEqual(["/fake-1.0.0.tar.gz", "/three-amd64"]);
  expect(await ensureToolchain(options)).toEqual(tools);
  expect(asked).toHaveLength(2);
});

test("decompresses what is published alone and compressed", async ({ skip }) => {
  if (spawnSync("bzip2", ["--help"]).error) return skip("bzip2 is not installed");
  const { options } = await publish(".bz2");
  const [tool] = await ensureToolchain({ ...options, binaries: ["three"] });
  expect([tool && readFileSync(tool.path, "utf8"), tool?.sha256]).toEqual([
    "binary three",
    sha256OfText("binary three"),
  ]);
});

test("a download that is not what is pinned is thrown away", async () => {
  const { options, dir, cacheDir } = await publish();
  writeFileSync(join(dir, "three-amd64"), "something else");
  await expect(ensureToolchain({ ...options, binaries: ["three"] })).rejects.toThrow(
    /is not what is pinned; it was thrown away\n {2}got: {5}sha256 [0-9a-f]{64} from http.*\n {2}allowed: sha256/,
  );
  expect(readdirSync(cacheDir)).toEqual(["toolchain"]);
  expect(readdirSync(join(cacheDir, "toolchain"))).toEqual([]);
});

test("a pin given by the configuration wins, and a changed one downloads again", async () => {
  const { options, dir, asked } = await publish();
  await ensureToolchain({ ...options, binaries: ["three"] });
  writeFileSync(join(dir, "three-amd64"), "binary three, repaired");
  const sha256 = { three: sha256OfText("binary three, repaired") };
  const [three] = await ensureToolchain({ ...options, binaries: ["three"], sha256 });
  expect(readFileSync(three?.path ?? "", "utf8")).toBe("binary three, repaired");
  expect(asked).toHaveLength(2);
});

test("an answer other than 200, and no answer, name the address and the way out", async () => {
  const { options, dir } = await publish();
  execFileSync("rm", [join(dir, "three-amd64")]);
  await expect(ensureToolchain({ ...options, binaries: ["three"] })).rejects.toThrow(
    /could not be downloaded\n {2}got: {5}HTTP 404 \(http:.*three-amd64\).*\n.*\n.*--source gomod/,
  );
  const sha256 = { one: "0".repeat(64) };
  const unreachable = { ...options, catalogue: fakeCatalogue(tempDir()), binaries: ["one"], sha256 };
  await expect(ensureToolchain(unreachable)).rejects.toThrow(/could not be downloaded\n {2}got: .*127\.0\.0\.1:9/);
});

test("an architecture without a pin is refused before anything is asked for", async () => {
  const { options, asked } = await publish();
  await expect(ensureToolchain({ ...options, arch: "arm64" })).rejects.toThrow(
    "no pinned sum for the arm64 release of one, two, three",
  );
  expect(asked).toEqual([]);
});
