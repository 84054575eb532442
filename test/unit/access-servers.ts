/** SSH servers on the loopback address, and a login user that is not root. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostTarget } from "../../components/access/target";

const SSHD = "/usr/sbin/sshd";
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
    this.privateKey = readFileSync(this.#key("client").file, "utf8");
    this.otherKey = this.#key("other").publicKey;
  }

  async start(name: string): Promise<Server> {
    mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    const [port, key, log] = [await freePort(), this.#key(name), join(this.dir, `${name}.log`)];
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
      execFileSync("userdel", ["--remove", name], { stdio: "ignore" });
    });
    execFileSync("useradd", ["--create-home", "--shell", "/bin/sh", "--password", "*", name]);
    writeFileSync(sudoers, `${name} ALL=(ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
    return name;
  }

  stop(): void {
    for (const stop of this.#stops.splice(0).reverse()) stop();
  }

  #key(name: string): { file: string; publicKey: string } {
    const file = join(this.dir, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
    const [type, data] = readFileSync(`${file}.pub`, "utf8").trim().split(" ");
    return { file, publicKey: `${type} ${data}` };
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
  });
}
