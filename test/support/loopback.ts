/** What tests of servers on the loopback address share: a free port, whether one is answered, and keys for sshd. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";

export const SSHD = "/usr/sbin/sshd";

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      server.close(() => resolve(address.port));
    });
  });
}

export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
  });
}

/** A new key pair: the file of the private key, and "<type> <base64>" of the public one, which stands in `<file>.pub`. */
export function sshKey(dir: string, name: string): { file: string; publicKey: string } {
  const file = join(dir, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  const [type, data] = readFileSync(`${file}.pub`, "utf8").trim().split(" ");
  return { file, publicKey: `${type} ${data}` };
}
