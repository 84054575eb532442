/** Before the first test that needs real programs: the machine's packages, the binaries, the Debian root. Made once, then cached. */
import { execFileSync } from "node:child_process";
import { defaultCacheDir } from "../../toolchain/cache";
import { ensureToolchain } from "../../toolchain/ensure";
import { progressLine } from "../../toolchain/progress";

export async function setup(): Promise<void> {
  const tools = ensureToolchain({
    onProgress: (event) => {
      const line = progressLine(event);
      if (line) console.log(line);
    },
  });
  // Without Go and without a cache the tests that need a binary say so themselves.
  await tools.catch((error: unknown) => console.warn(`no binaries: ${error instanceof Error ? error.message : error}`));
  if (process.platform !== "linux" || process.getuid?.() !== 0) return;
  const env = { ...process.env, CACHE_DIR: defaultCacheDir(process.env) };
  const run = (script: string, ...args: string[]) =>
    execFileSync(`components/platform/lab/${script}`, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  run("lab-preflight", "--install");
  run("lab-root");
}
