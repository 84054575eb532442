/** crane's own registry on the loopback address, for the time in which images are made: crane changes an image only where one is pushed. */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { interrupted, ToolchainError } from "../errors";
import type { RunOptions } from "../run";

/** crane says where it listens as soon as it does. */
const startMs = 30_000;

/** @param folder for what is pushed; made here @param work gets the address, "127.0.0.1:41235" */
export async function withRegistry<T>(
  crane: string,
  folder: string,
  { cwd, env, signal }: RunOptions,
  work: (address: string) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw interrupted();
  await mkdir(folder);
  const args = ["registry", "serve", "--address", "127.0.0.1:0", "--disk", folder];
  const child = spawn(crane, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const said: string[] = [];
    const listening = new Promise<string | undefined>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve(undefined));
      createInterface({ input: child.stderr }).on("line", (line) => {
        // It says a line for each request, too.
        if (said.length < 20) said.push(line);
        const port = /serving on port (\d+)$/.exec(line)?.[1];
        if (port) resolve(`127.0.0.1:${port}`);
      });
    });
    const late = sleep(startMs, undefined, { ref: false });
    const address = await Promise.race([listening, late]);
    if (address === undefined) {
      throw new ToolchainError("build", {
        what: "crane's registry did not start",
        got: said.join("\n           ") || `nothing within ${startMs / 1000} s`,
        todo: "run the same command again; if it stays so, look at the loopback interface of this machine",
      });
    }
    return await work(address);
  } finally {
    end();
    await closed;
    process.off("exit", end);
  }
}
