/**
 * Runs one program on every host, as root. One that does not answer in time is asked once more, with few others beside it, and
 * given longer. Then it is not known how it is, which is no failure of the host.
 */
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import type { Words } from "../../components/access/privilege";
import { type Outcome, SshConnection } from "../../components/access/ssh";
import type { ClusterHost } from "../../components/cluster";
import { lateCodes, readSections } from "./report";

export type Answer = { readonly host: ClusterHost } & (
  | { readonly outcome: Outcome }
  | { readonly error: string; readonly late?: boolean }
);

/** What a host printed, or why it printed nothing. */
export interface HostAnswer {
  readonly name: string;
  readonly report?: string;
  readonly error?: string;
  /** It was reached and has not answered in time: nothing is known of it. */
  readonly late?: boolean;
}

/** A host that is gone is noticed by this; what takes longer is a machine under load. */
const dialMs = 5_000;
/** How long a host may take at first, and when it is asked once more. */
const limitSeconds: readonly number[] = [20, 60];
/** What a program on a host is given less, so that it still tells what it has found. */
const marginSeconds = 5;
/** At the second time: what made them late may be this machine, which some of them may run on. */
export const fewAtOnce = 2 * availableParallelism();

/** @param words what runs on a host, which has so many seconds for what it asks there */
export async function askAll(
  hosts: readonly ClusterHost[],
  sshKey: string,
  words: (host: ClusterHost, seconds: number) => Words,
  limits = limitSeconds,
): Promise<Answer[]> {
  const places = limits.map((_, index) => new Places(index === 0 ? hosts.length : fewAtOnce));
  return await Promise.all(hosts.map((host) => ask(host)));

  async function ask(host: ClusterHost): Promise<Answer> {
    // What is behind a jump host can be reached only through it.
    const { address, port } = host.jump ?? host;
    let answer: Answer = { host, error: "it was not asked" };
    try {
      await answersAt(address, port);
      for (const [index, limit] of limits.entries()) {
        const seconds = Math.max(1, limit - marginSeconds);
        answer = await places[index]!.use(() => askOnce(host, sshKey, words(host, seconds), limit * 1000));
        if (!isLate(answer)) return answer;
      }
      return answer;
    } catch (error) {
      return { host, error: (error as Error).message };
    }
  }
}

export function hostAnswer(answer: Answer): HostAnswer {
  const { name } = answer.host;
  if ("error" in answer) return { name, error: answer.error, ...(answer.late && { late: true }) };
  const { code, stdout, stderr } = answer.outcome;
  return code === 0 ? { name, report: stdout } : { name, error: stderr.trim().split("\n")[0] || `exit code ${code}` };
}

async function askOnce(host: ClusterHost, sshKey: string, words: Words, limitMs: number): Promise<Answer> {
  const connection = new SshConnection(host, sshKey);
  const late = Symbol();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), limitMs);
  });
  try {
    const run = connection.run(words, 2 * limitMs);
    const outcome = await Promise.race([run, limit]);
    if (outcome !== late) return { host, outcome };
    run.catch(() => undefined);
    return { host, error: `not answered within ${limitMs / 1000} s`, late: true };
  } catch (error) {
    return { host, error: (error as Error).message };
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}

/** As a whole, or in a part of what it was asked. */
function isLate(answer: Answer): boolean {
  if ("error" in answer) return answer.late === true;
  return Object.values(readSections(answer.outcome.stdout)).some(({ code }) => lateCodes.includes(code));
}

/** So many at a time; the others wait for their turn. */
class Places {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}

function answersAt(address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const silence = () => new Error(`no answer on ${address}:${port} for ${dialMs / 1000} s`);
    // On a machine under load this program itself may not have run for so long: then its timers come due before it has looked at what came
    // meanwhile. It looks once more.
    const timer = setTimeout(() => setImmediate(() => socket.connecting && socket.destroy(silence())), dialMs);
    socket.once("connect", () => socket.destroy()).once("error", reject);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Runs a program of this project on a host, which needs nothing but bash. */
export const bashProgram = (text: string, args: readonly string[]): Words => ["bash", "-c", text, "kilonode", ...args];
