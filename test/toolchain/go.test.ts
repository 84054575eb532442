import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultReleases } from "../../config/releases";
import { catalogueOf, select } from "../../toolchain/catalogue";
import { ensureToolchain } from "../../toolchain/ensure";
import { explain } from "../../toolchain/go";
import { fakeCatalogue, tempDir } from "./fixture";

const hasGo = spawnSync("go", ["version"]).status === 0;

/** A program of a few lines that prints a variable set at link time. */
function tinyModule(go = "1.21") {
  const dir = tempDir();
  const [one] = fakeCatalogue(dir);
  writeFileSync(join(dir, "go.mod"), `module example.invalid/fake\n\ngo ${go}\n`);
  writeFileSync(join(dir, "main.go"), "package main\n\nvar version string\n\nfunc main() { print(version) }\n");
  if (!one) throw new Error("no entry");
  const release = { ...one.release, variables: { "main.version": "v1.0.0" } };
  return [{ ...one, release, goPackage: "example.invalid/fake" }];
}

describe.skipIf(!hasGo)("with the Go that is installed", () => {
  test("the same bytes come out of two folders, whatever the user's environment says", async () => {
    const build = async (env: Record<string, string>) => {
      const options = { catalogue: tinyModule(), binaries: ["one"], source: "gomod", cacheDir: tempDir() } as const;
      const [tool] = await ensureToolchain({ ...options, env: { ...process.env, ...env } });
      return tool;
    };
    const first = await build({});
    const second = await build({ GOFLAGS: "-mod=mod -ldflags=-w", GOAMD64: "v3", GOWORK: "/nonexistent/go.work" });
    expect(second?.sha256).toBe(first?.sha256);
    expect(spawnSync(first?.path ?? "", { encoding: "utf8" }).stderr).toBe("v1.0.0");
  });

  test("a Go that is too old is named, with what is needed", async () => {
    const env = { ...process.env, GOTOOLCHAIN: "local" };
    const options = {
      catalogue: tinyModule("1.999.0"),
      binaries: ["one"],
      source: "gomod",
      cacheDir: tempDir(),
      env,
    } as const;
    const version = execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8" }).trim().replace("go", "go ");
    await expect(ensureToolchain(options)).rejects.toThrow(
      `Go is too old to compile one 1.0.0\n  got:     ${version}\n  allowed: go 1.999.0 or newer\n  do:      install a newer Go`,
    );
  });

  test("a proxy that cannot be reached is named", async () => {
    const env = { ...process.env, GOPROXY: "http://127.0.0.1:9", GOMODCACHE: tempDir(), GOFLAGS: "" };
    const options = { binaries: ["kwok"], source: "gomod", cacheDir: tempDir(), env } as const;
    await expect(ensureToolchain(options)).rejects.toThrow(
      /the Go module proxy did not give the source of kwok.*\n {2}got: .*connection refused \(GOPROXY=http:\/\/127\.0\.0\.1:9\)/,
    );
  });
});

test.each([
  ["verifying k8s.io/api@v0.37.2: checksum mismatch\nSECURITY ERROR", "build", /is not what .*go\.sum pins/],
  ["link: write /cache/x: no space left on device", "disk", /got: {5}link: write \/cache\/x: no space left/],
  ["go: k8s.io/api@v9: reading https://proxy/x: 404 Not Found", "network", /404 Not Found \(GOPROXY=the proxy\)/],
  ["module lookup disabled by GOPROXY=off", "network", /allowed: a Go module proxy that can be reached/],
  ["# pkg\nx.go:3: undefined: y", "build", /could not compile kubectl.*undefined: y/s],
])("what Go prints is explained: %j", (stderr, kind, message) => {
  const error = explain(select(catalogueOf(defaultReleases), ["kubectl"])[0]!, stderr, "the proxy");
  expect(error.kind).toBe(kind);
  expect(error.message).toMatch(message);
});
