/** An SSH server on the loopback address, as the recordings of `remote` had it. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface SshServer {
  /** Values for the placeholders of steps.json. */
  readonly placeholders: Record<string, string>;
  stop(): void;
}

export const SSHD = "/usr/sbin/sshd";

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function key(folder: string, name: string): { file: string; publicKey: string } {
  const file = path.join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  const [type, data] = readFileSync(`${file}.pub`, "utf8").split(" ");
  return { file, publicKey: `${type} ${data?.trim()}` };
}

export async function startSshServer(folder: string, effects: string): Promise<SshServer> {
  const work = path.join(folder, "work");
  mkdirSync(work, { recursive: true });
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const port = await freePort();
  const host = key(folder, "host");
  const wrong = key(folder, "wrong");
  const user = key(folder, "user");
  const config = path.join(folder, "sshd_config");
  writeFileSync(
    config,
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${host.file}
AuthorizedKeysFile ${user.file}.pub
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
AcceptEnv GREETING PULUMI_COMMAND_STDOUT PULUMI_COMMAND_STDERR
SetEnv EFFECTS=${effects} WORK=${work}
Subsystem sftp internal-sftp -d ${work}
`,
  );
  const server = spawn(SSHD, ["-D", "-e", "-f", config], { stdio: "ignore" });
  for (let attempt = 0; attempt < 100 && !(await answers(port)); attempt++) await sleep(100);
  return {
    placeholders: {
      port: String(port),
      user: userInfo().username,
      privateKey: readFileSync(user.file, "utf8"),
      hostKey: host.publicKey,
      wrongHostKey: wrong.publicKey,
    },
    stop: () => void server.kill("SIGTERM"),
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
  });
}
