/** Runs this machine's own ssh to a host, with the host's key pinned, and its jump host's. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { opensshFiles, opensshHost } from "../../components/access/openssh";
import { asRoot, type Words } from "../../components/access/privilege";
import type { HostTarget } from "../../components/access/target";
import { UserError } from "../../config/errors";

/**
 * @param words a program and its arguments, run as root; undefined: a shell of root's
 * @returns ssh's exit code, which is the command's own (255: ssh itself failed)
 */
export async function openssh(sshKey: string, host: HostTarget, words: Words | undefined): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-ssh-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  // Also when the process is told to end: a key must not stay behind.
  process.once("exit", remove);
  try {
    return await run([...configuration(dir, sshKey, host), ...whatToRun(host.user, words)]);
  } finally {
    remove();
  }
}

function configuration(dir: string, sshKey: string, host: HostTarget): string[] {
  const [key, known, config] = [join(dir, "key"), join(dir, "known_hosts"), join(dir, "config")];
  const files = opensshFiles(host, key, known);
  writeFileSync(key, `${sshKey.trimEnd()}\n`, { mode: 0o600 });
  writeFileSync(known, files.knownHosts, { mode: 0o600 });
  writeFileSync(config, files.config, { mode: 0o600 });
  return ["-F", config];
}

function whatToRun(user: string, words: Words | undefined): string[] {
  if (words !== undefined) return [opensshHost, asRoot(user, words)];
  return user === "root" ? [opensshHost] : ["-t", opensshHost, "sudo -n -i"];
}

function run(args: readonly string[]): Promise<number> {
  const child = spawn("ssh", args, { stdio: "inherit" });
  // Ctrl-C is for what runs on the host; ssh ends by itself, and then this process does.
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", passOn).on("SIGHUP", passOn);
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? new UserError("there is no `ssh` on PATH; install openssh-client") : error),
    );
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}
