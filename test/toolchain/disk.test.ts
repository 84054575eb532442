import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ensureToolchain } from "../../toolchain/ensure";
import { setup, tempDir } from "./fixture";

/** A file system of 1 MiB, or the reason why there is none here. */
function tinyDisk(): { dir: string } | { reason: string } {
  if (process.getuid?.() !== 0) return { reason: "only root can mount a small file system" };
  const dir = join(tempDir(), "disk");
  mkdirSync(dir);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "kilonode-test", dir], { encoding: "utf8" });
  if (mounted.status !== 0) return { reason: `tmpfs cannot be mounted here: ${mounted.stderr.trim()}` };
  onTestFinished(() => void spawnSync("umount", ["-l", dir]));
  return { dir };
}

test("a full disk is said to be one, and what was unfinished is removed", async (context) => {
  const disk = tinyDisk();
  if ("reason" in disk) return context.skip(disk.reason);
  const made = setup();
  const options = { ...made.options, cacheDir: join(disk.dir, "cache") };
  await ensureToolchain({ ...options, binaries: ["one"] });
  const large = { ...options, env: { ...options.env, FAKE_GO_BYTES: "2000000" } };
  await expect(ensureToolchain(large)).rejects.toThrow(
    /^the disk is full; what was unfinished has been removed.*\n {2}got: .*compiling two.*No space left.*; now [01] MB free in .*\n.*\n.*KILONODE_CACHE_DIR$/s,
  );
  expect(readdirSync(join(options.cacheDir, "toolchain"))).toEqual([expect.stringMatching(/^fake-/)]);
  expect(await ensureToolchain(options)).toHaveLength(2);
});
