/** Programs with parts in C: compiled by the gcc that is installed, their module given by a stand-in for Go. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultReleases } from "../../config/releases";
import { findC } from "../../toolchain/c";
import { catalogueOf, hostArch, select } from "../../toolchain/catalogue";
import { ensureToolchain } from "../../toolchain/ensure";
import { buildArguments } from "../../toolchain/go";
import { fakeCatalogue, fakeGoEnv, tempDir } from "./fixture";

const libc = spawnSync("gcc", ["-print-file-name=libc.a"], { encoding: "utf8" }).stdout?.trim() ?? "";
const [runc, pause] = select(catalogueOf(defaultReleases), ["runc", "pause"]) as [Entry, Entry];
type Entry = ReturnType<typeof select>[number];

const program = `#include <stdio.h>
#define TEXT(x) #x
#define VERSION_TEXT(x) TEXT(x)
int main(void) { puts(VERSION_TEXT(VERSION)); return 0; }
`;

/** A module with a C file in it, and a go.mod elsewhere that names it. */
function inC(source = program, env: Record<string, string> = {}) {
  const module = tempDir();
  mkdirSync(join(module, "build"));
  writeFileSync(join(module, "build", "one.c"), source);
  const catalogue = fakeCatalogue(tempDir()).map((entry) => ({
    ...entry,
    goPackage: `${entry.module}/build`,
    c: { libraries: ["libc" as const], file: "one.c" },
  }));
  const options = { catalogue, binaries: ["one"], source: "gomod", cacheDir: tempDir() } as const;
  return { ...options, env: fakeGoEnv({ FAKE_GO_MODULE: module, ...env }) };
}

function manifestOf({ cacheDir }: { cacheDir: string }) {
  const [recipe = ""] = readdirSync(join(cacheDir, "toolchain")).filter((name) => name.startsWith("fake-"));
  return JSON.parse(readFileSync(join(cacheDir, "toolchain", recipe, "manifest.json"), "utf8"));
}

describe.skipIf(!libc.startsWith("/"))("with the gcc that is installed", () => {
  test("a file in C becomes a static program, the same bytes from every folder and in every language", async () => {
    const first = inC();
    const [one] = await ensureToolchain(first);
    const [other] = await ensureToolchain(inC(program, { LANG: "de_DE.UTF-8", CFLAGS: "-O0", CPATH: "/nonexistent" }));
    expect(other?.sha256).toBe(one?.sha256);
    expect(spawnSync(one?.path ?? "", { encoding: "utf8" }).stdout).toBe("v1.0.0\n");
    expect(manifestOf(first)).toMatchObject({
      recipe: { compiler: expect.stringMatching(/^gcc /), "libc.a": expect.stringMatching(/^[0-9a-f]{64}$/) },
      binaries: { one: { how: expect.stringMatching(/^gcc .* -static .*example\.invalid\/fake\/build\/one\.c$/) } },
    });
  });

  test("what gcc says is told", async () => {
    await expect(ensureToolchain(inC("int main(void) { return nothing; }"))).rejects.toThrow(
      /^gcc could not compile one 1\.0\.0\n {2}got: .*nothing.*undeclared/s,
    );
  });

  test("a module that Go does not give is told as Go says it", async () => {
    const failing = inC(program, { FAKE_GO_FAIL: "verifying example.invalid/fake@v1.0.0: checksum mismatch" });
    await expect(ensureToolchain(failing)).rejects.toThrow(/^the source of one 1\.0\.0 is not what .*go\.sum pins/);
  });
});

test("a machine without a C compiler is told all that it lacks, and how to get it", async () => {
  const path = join(tempDir(), "path");
  mkdirSync(path);
  symlinkSync("/bin/sh", join(path, "sh"));
  symlinkSync(join(__dirname, "fake-go", "go"), join(path, "go"));
  const env = { ...process.env, PATH: path };
  await expect(findC(runc, "amd64", "amd64", { env })).rejects.toThrow(
    /^runc 1\.5\.3 is written in C, or has parts .*\n {2}got: {5}no gcc, pkg-config, libc\.a, libseccomp\.a\n.*\n {2}do: {6}apt-get install gcc pkg-config libc6-dev libseccomp-dev /,
  );
  await expect(findC(pause, "arm64", "amd64", { env })).rejects.toThrow(
    /no aarch64-linux-gnu-gcc, libc\.a\n.*\n.*apt-get install gcc-aarch64-linux-gnu libc6-dev:arm64 /,
  );
  const options = { binaries: ["pause"], source: "auto", cacheDir: tempDir(), arch: hostArch() } as const;
  await expect(ensureToolchain({ ...options, env })).rejects.toMatchObject({ kind: "compiler" });
});

test("a program in Go with parts in C is one static file; tags of its own stand behind those of the release", () => {
  expect(buildArguments(runc)).toEqual([
    "build",
    "-trimpath",
    "-buildvcs=false",
    "-buildmode=pie",
    "-tags=seccomp,urfave_cli_no_docs,netgo,osusergo",
    "-ldflags=-s -w -linkmode=external -extldflags=-static-pie",
  ]);
  const [shim] = select(catalogueOf(defaultReleases), ["containerd-shim-runc-v2"]) as [Entry];
  expect(buildArguments(shim)).toContain("-tags=urfave_cli_no_docs,osusergo,netgo,static_build,no_grpc");
});
