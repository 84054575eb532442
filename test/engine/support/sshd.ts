/** An SSH server on the loopback address, as the recordings of `remote` had it. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, freePort, SSHD, sshKey } from "../../support/loopback";

export interface SshServer {
  /** Values for the placeholders of steps.json. */
  readonly placeholders: Record<string, string>;
  stop(): void;
}

export async function startSshServer(folder: string, effects: string): Promise<SshServer> {
  const work = path.join(folder, "work");
  mkdirSync(work, { recursive: true });
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const port = await freePort();
  const host = sshKey(folder, "host");
  const wrong = sshKey(folder, "wrong");
  const user = sshKey(folder, "user");
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
