/** An OpenSSH server on the loopback address for one test file: own configuration, keys and port, gone afterwards. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../../engine";
import { answers, freePort, SSHD, sshKey } from "../../support/loopback";

export interface Sshd {
  readonly dir: string;
  readonly port: number;
  /** Type and base64 of the server's key. */
  readonly hostKey: string;
  readonly privateKey: string;
  /** Inputs of a connection to it; fails at once instead of trying again. */
  readonly connection: Values;
  /** Lines of the log at level VERBOSE. */
  log(): string[];
  /** Ends the server and every connection to it. */
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function startSshd(): Promise<Sshd> {
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 }); // Where the packaged server wants to live; gone after a boot.
  const dir = mkdtempSync(join(tmpdir(), "sshd-"));
  const port = await freePort();
  const hostKey = sshKey(dir, "host").publicKey;
  const user = sshKey(dir, "user");
  writeFileSync(join(dir, "authorized_keys"), `${user.publicKey}\n`, { mode: 0o600 });
  const privateKey = readFileSync(user.file, "utf8");
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${dir}/host`,
    "PidFile none",
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    "PermitRootLogin yes",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "LogLevel VERBOSE",
    "AcceptEnv GREETING PULUMI_COMMAND_STDOUT",
    `Subsystem sftp internal-sftp -d ${dir}`,
    // A shell that sshd starts reads ~/.bashrc, which on a developer's machine takes longer than the commands.
    `SetEnv HOME=${dir}`,
  ];
  writeFileSync(join(dir, "config"), `${config.join("\n")}\n`);
  let server: ChildProcess | undefined;
  const start = async () => {
    // As a process group of its own, so that stopping it ends the processes of its connections too.
    server = spawn(SSHD, ["-D", "-f", join(dir, "config"), "-E", join(dir, "log")], {
      detached: true,
      stdio: "ignore",
    });
    for (let i = 0; i < 100; i++) {
      if (await answers(port)) return;
      await sleep(20);
    }
    throw new Error(`sshd does not start: ${readFileSync(join(dir, "log"), "utf8")}`);
  };
  const stop = async () => {
    const pid = server?.pid;
    if (server === undefined || pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    // Every connection is a session of its own: its processes are found by their parent, which goes first, so that it tells nobody how
    // they ended.
    for (const each of [pid, ...descendants(pid)]) {
      try {
        process.kill(each, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    await ended;
  };
  await start();
  return {
    dir,
    port,
    hostKey,
    privateKey,
    connection: { host: "127.0.0.1", port, user: userInfo().username, privateKey, hostKey, dialErrorLimit: 0 },
    log: () => readFileSync(join(dir, "log"), "utf8").split("\n"),
    start,
    stop,
    remove: async () => {
      await stop();
      rmSync(dir, { recursive: true });
    },
  };
}

function descendants(pid: number): number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.filter(([, of]) => of === parent).flatMap(([child]) => [child as number, ...below(child as number)]);
  return below(pid);
}
