/** Runs one program on every host at the same time, as root, each within a bounded time. */
import { connect } from "node:net";
import { asRoot, quote } from "../../components/access/privilege";
import { type Outcome, SshConnection } from "../../components/access/ssh";
import type { ClusterHost } from "../../components/cluster";

export type Answer = { readonly host: ClusterHost } & ({ readonly outcome: Outcome } | { readonly error: string });

/** A host that is gone is noticed by this; what takes longer is a machine under load. */
const dialMs = 2_500;
const answerMs = 15_000;

export function askAll(
  hosts: readonly ClusterHost[],
  sshKey: string,
  command: (host: ClusterHost) => string,
): Promise<Answer[]> {
  return Promise.all(hosts.map((host) => ask(host, sshKey, command(host))));
}

async function ask(host: ClusterHost, sshKey: string, command: string): Promise<Answer> {
  const connection = new SshConnection(host, sshKey);
  // What is behind a jump host can be reached only through it.
  const { address, port } = host.jump ?? host;
  try {
    await answersAt(address, port);
    return { host, outcome: await within(answerMs, connection.run(asRoot(host.user, command), answerMs)) };
  } catch (error) {
    return { host, error: (error as Error).message };
  } finally {
    connection.close();
  }
}

function answersAt(address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer on ${address}:${port} for ${dialMs / 1000} s`)),
      dialMs,
    );
    socket.once("connect", () => socket.destroy()).once("error", reject);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer for ${milliseconds / 1000} s`)), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A shell command that runs a program of this project on a host, which needs nothing but bash. */
export function bashProgram(text: string, args: readonly string[]): string {
  return `bash /dev/fd/3 ${args.map(quote).join(" ")} 3<<'KILONODE'\n${text.trimEnd()}\nKILONODE\n`;
}
