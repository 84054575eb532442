/** Before the first test that needs real programs: the machine's packages, the binaries, the Debian root. Made once, then cached. */
import { execFileSync } from "node:child_process";
import { defaultReleases, releasesOf } from "../../config/releases";
import { defaultCacheDir } from "../../toolchain/cache";
import { ensureToolchain } from "../../toolchain/ensure";
import { type Progress, progressLine } from "../../toolchain/progress";
import { older } from "./support/releases";

export async function setup(): Promise<void> {
  const onProgress = (event: Progress) => {
    const line = progressLine(event);
    if (line) console.log(line);
  };
  // All of them before the first test, which could not do beside a compiler what it does by itself. Without Go and without a cache
  // the tests that need a binary say so themselves.
  for (const releases of [defaultReleases, releasesOf(older)])
    await ensureToolchain({ releases, onProgress }).catch((error: unknown) =>
      console.warn(`no binaries: ${error instanceof Error ? error.message : error}`),
    );
  if (process.platform !== "linux" || process.getuid?.() !== 0) return;
  const env = { ...process.env, CACHE_DIR: defaultCacheDir(process.env) };
  const run = (script: string, ...args: string[]) =>
    execFileSync(`components/platform/lab/${script}`, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  run("lab-preflight", "--install");
  run("lab-root");
}
