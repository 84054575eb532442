/** SSH servers on the loopback address, and a login user that is not root. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostTarget } from "../../components/access/target";
import { answers, freePort, SSHD, sshKey } from "../support/loopback";

export const hasSshd = existsSync(SSHD) && process.getuid?.() === 0;
export const hasSudo = hasSshd && existsSync("/usr/bin/sudo") && existsSync("/usr/sbin/useradd");

export interface Server {
  readonly target: HostTarget;
  /** What sshd has logged so far. */
  log(): string;
}

/** Servers that let the same key in, as root or as any other user. */
export class Servers {
  readonly dir = mkdtempSync(join(tmpdir(), "kilonode-access-"));
  readonly privateKey: string;
  readonly otherKey: string;
  readonly #stops: (() => void)[] = [() => rmSync(this.dir, { recursive: true, force: true })];

  constructor() {
    // sshd reads the authorized keys as the user that logs in.
    execFileSync("chmod", ["711", this.dir]);
    this.privateKey = readFileSync(sshKey(this.dir, "client").file, "utf8");
    this.otherKey = sshKey(this.dir, "other").publicKey;
  }

  async start(name: string): Promise<Server> {
    mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    const [port, key, log] = [await freePort(), sshKey(this.dir, name), join(this.dir, `${name}.log`)];
    const config = join(this.dir, `${name}.conf`);
    writeFileSync(
      config,
      `Port ${port}
ListenAddress 127.0.0.1
HostKey ${key.file}
AuthorizedKeysFile ${join(this.dir, "client.pub")}
PasswordAuthentication no
StrictModes no
UsePAM no
MaxStartups 100
PidFile none
LogLevel DEBUG1
`,
    );
    const server = spawn(SSHD, ["-D", "-f", config, "-E", log], { stdio: "ignore" });
    this.#stops.push(() => server.kill("SIGTERM"));
    for (let attempt = 0; attempt < 300 && !(await answers(port)); attempt++) await sleep(100);
    const target = { name, address: "127.0.0.1", port, user: "root", hostKey: key.publicKey };
    return { target, log: () => readFileSync(log, "utf8") };
  }

  /** A user that may do everything by sudo, without a password. */
  addUser(): string {
    const name = `kilonode-${process.pid}`;
    const sudoers = `/etc/sudoers.d/${name}`;
    this.#stops.push(() => {
      rmSync(sudoers, { force: true });
      // Also while a process of its last session still ends.
      execFileSync("userdel", ["--force", "--remove", name], { stdio: "ignore" });
    });
    execFileSync("useradd", ["--create-home", "--shell", "/bin/sh", "--password", "*", name]);
    writeFileSync(sudoers, `${name} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
    return name;
  }

  stop(): void {
    for (const stop of this.#stops.splice(0).reverse()) stop();
  }
}
