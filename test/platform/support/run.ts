/** Runs a host program that was delivered to a folder, as if the folder were the host. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import type { Answer } from "./answer";
import type { FolderHost } from "./host";

const fakes = ["test/unit/machine-fakes", "test/unit/machine-fakes/kubelet"].map((folder) => resolve(folder));

export async function runInFolder(
  host: FolderHost,
  program: string,
  args: readonly string[],
  input: string,
): Promise<Answer> {
  const env = {
    PATH: [...fakes, process.env.PATH].join(":"),
    FAKE: host.path("fake"),
    FAKE_ROOT: host.folder,
    // What knows no root and would ask this machine: see there.
    BASH_ENV: resolve("test/platform/support/guard.bash"),
  };
  const child = spawn(host.path(program), ["--root", host.folder, ...args], { cwd: host.folder, env });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  // A program need not read its input.
  child.stdin.on("error", () => undefined).end(input);
  const code = await new Promise<number>((done, reject) =>
    child.once("error", reject).once("close", (status) => done(status ?? 1)),
  );
  return { code, ...output };
}
