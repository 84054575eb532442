/** The files of container runtimes at every size: dockerd validates its own, containerd says what it took of its. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Machine } from "../../components/machine/machine";
import { checkToolchain, isSound } from "../../toolchain/ensure";
import { planWithPools, poolOf, samplePools } from "../unit/pool-samples";
import { differences } from "./support/compare";
import { accepted } from "./support/count";
import { debianProgram } from "./support/debian";
import { sizes } from "./support/plans";
import { type Ended, run } from "./support/process";
import { readToml } from "./support/toml";

const root = mkdtempSync(join(tmpdir(), "kilonode-runtimes-"));
afterAll(() => rmSync(root, { recursive: true }));

const written = (name: string, content: string): string => {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
};
const machineOf = (pool: keyof typeof samplePools, size: (typeof sizes)[number]): Machine =>
  poolOf(planWithPools(samplePools, size), pool).node.machine;
const [largest] = sizes.slice(-1) as [(typeof sizes)[number]];

describe("dockerd", () => {
  // Bookworm's cannot validate a file.
  const dockerd = debianProgram({ suite: "trixie", package: "docker.io", program: "usr/sbin/dockerd" });
  const validate = (path: string, content: string): Promise<Ended> =>
    run(path, ["--validate", "--config-file", written("daemon.json", content)]);
  const fileOf = (size: (typeof sizes)[number]) =>
    machineOf("batch", size).files["/etc/docker/daemon.json"]?.content ?? "";

  test("takes the daemon.json of every size", async ({ skip }) => {
    if ("missing" in dockerd) return skip(dockerd.missing);
    const version = spawnSync(dockerd.path, ["--version"], { encoding: "utf8" }).stdout.match(/version ([\d.]+)/)?.[1];
    for (const size of sizes) {
      const { code, output } = await validate(dockerd.path, fileOf(size));
      expect({ code, output: output.trim() }).toEqual({ code: 0, output: "configuration OK" });
      accepted({ binary: `dockerd ${version}`, nodes: size.nodes, files: ["daemon.json"] });
    }
  });

  test("refuses a key that it does not have, a value of another type and one out of range", async ({ skip }) => {
    if ("missing" in dockerd) return skip(dockerd.missing);
    const ours = JSON.parse(fileOf(largest)) as Record<string, unknown>;
    for (const broken of [
      { ...ours, "max-concurrent-download": 10 },
      { ...ours, "max-concurrent-uploads": "5" },
      { ...ours, "max-concurrent-downloads": -1 },
      { ...ours, "log-driver": ["json-file"] },
    ])
      expect((await validate(dockerd.path, JSON.stringify(broken))).code).not.toBe(0);
  });
});

/** Of the toolchain, where this machine has made it. */
async function containerdHere(): Promise<{ path: string } | { missing: string }> {
  const [tool] = await checkToolchain({ binaries: ["containerd"] });
  if (tool && isSound(tool)) return { path: tool.path };
  return {
    missing:
      "containerd is not in the cache; make it with: node --import tsx toolchain/main.ts ensure --binaries containerd",
  };
}

describe("containerd", async () => {
  const containerd = await containerdHere();
  const dump = (path: string, content: string): Promise<Ended> =>
    run(path, ["--config", written("config.toml", content), "config", "dump"]);
  const fileOf = (pool: "workers" | "special", size: (typeof sizes)[number]) =>
    machineOf(pool, size).files["/etc/containerd/config.toml"]?.content ?? "";

  test.for(["workers", "special"] as const)("has all of our values of %s, at every size", async (pool, { skip }) => {
    if ("missing" in containerd) return skip(containerd.missing);
    const version = spawnSync(containerd.path, ["--version"], { encoding: "utf8" }).stdout.match(
      / v(\d+\.[\d.]+)/,
    )?.[1];
    for (const size of sizes) {
      const { code, output } = await dump(containerd.path, fileOf(pool, size));
      expect(code, output).toBe(0);
      // Such as of a file of another version, or of keys that it does not know.
      expect(output.match(/.*level=(warn|error).*/g) ?? []).toEqual([]);
      expect(differences(readToml(fileOf(pool, size)), readToml(output))).toEqual([]);
      accepted({ binary: `containerd ${version}`, nodes: size.nodes, files: ["config.toml"] });
    }
  });

  test("passes over a key that it does not have: the comparison finds it", async ({ skip }) => {
    if ("missing" in containerd) return skip(containerd.missing);
    const text = fileOf("workers", largest);
    const broken = text.replace("max_concurrent_downloads", "max_concurrent_download");
    const { code, output } = await dump(containerd.path, broken);
    expect(code).toBe(0);
    const found = differences(readToml(broken), readToml(output));
    expect(found.some((line) => line.includes("max_concurrent_download: ours 10"))).toBe(true);
  });

  test("refuses a value of another type", async ({ skip }) => {
    if ("missing" in containerd) return skip(containerd.missing);
    const broken = fileOf("workers", largest).replace(
      "max_concurrent_downloads = 10",
      'max_concurrent_downloads = "10"',
    );
    expect((await dump(containerd.path, broken)).code).not.toBe(0);
  });
});

test("a mirror's folder has the name by which containerd looks for it", () => {
  const paths = Object.keys(machineOf("special", largest).files).filter((path) => path.endsWith("hosts.toml"));
  expect(paths.map(dirname)).toEqual([
    "/etc/containerd/certs.d/docker.io",
    "/etc/containerd/certs.d/registry.example_5000_",
  ]);
});
