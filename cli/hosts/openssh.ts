/** Runs this machine's own ssh to a host, with the host's key pinned. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterHost } from "../../components/cluster";
import { UserError } from "../../config/errors";

/** @returns ssh's exit code, which is the command's own (255: ssh itself failed) */
export async function openssh(sshKey: string, host: ClusterHost, command: readonly string[]): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-ssh-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  // Also when the process is told to end: a key must not stay behind.
  process.once("exit", remove);
  try {
    return await run(sshArguments(dir, sshKey, host, command));
  } finally {
    remove();
  }
}

function sshArguments(
  dir: string,
  sshKey: string,
  { address, port, user, hostKey }: ClusterHost,
  command: readonly string[],
): string[] {
  const [key, known] = [join(dir, "key"), join(dir, "known_hosts")];
  writeFileSync(key, `${sshKey.trimEnd()}\n`, { mode: 0o600 });
  writeFileSync(known, `${port === 22 ? address : `[${address}]:${port}`} ${hostKey.trim()}\n`, { mode: 0o600 });
  const options = {
    IdentitiesOnly: "yes",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: known,
    GlobalKnownHostsFile: "/dev/null",
    HostKeyAlgorithms: hostKey.split(" ")[0],
    ConnectTimeout: "10",
    LogLevel: "ERROR",
  };
  const settings = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return ["-i", key, "-p", String(port), ...settings, `${user}@${address}`, ...command];
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
