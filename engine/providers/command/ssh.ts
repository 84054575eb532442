/**
 * SSH connections that are kept and shared.
 *
 * The real provider dials for every command. A rehearsal runs several commands on each of some thirty hosts, all on one small
 * machine, where the handshake costs more than the command; so commands with the same `connection` share one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Channel, Client, type ClientChannel } from "ssh2";
import { type Connection, connectionKey, dialError, settings } from "./connection";
import type { Run } from "./local";

/** OpenSSH accepts 10 sessions per connection unless told otherwise; a session that is being closed still counts. */
export const SESSIONS_PER_CONNECTION = 8;
/** A connection nobody uses is closed after this, so that its server process does not stay. */
const IDLE_MS = 60_000;

interface Pooled {
  readonly ready: Promise<Client>;
  sessions: number;
  /** Gives no further sessions; closed when the last one ends. */
  retired: boolean;
  idle?: NodeJS.Timeout;
}

/** One use of a shared connection. */
export interface Lease {
  readonly client: Client;
  /** False when the connection was opened for this lease, so that a failure is not one of a stale connection. */
  readonly reused: boolean;
  /** Ends the use; `retire` when the connection is not good for others either. */
  release(retire?: boolean): void;
}

export class ConnectionPool {
  readonly #pools = new Map<string, Set<Pooled>>();
  #closed = false;

  async lease(connection: Connection, run: Run): Promise<Lease> {
    if (this.#closed) throw new Error("the provider is closed");
    run.signal.throwIfAborted();
    const key = connectionKey(connection);
    const pool = this.#pools.get(key) ?? new Set<Pooled>();
    this.#pools.set(key, pool);
    const free = [...pool].find((item) => !item.retired && item.sessions < SESSIONS_PER_CONNECTION);
    const pooled = free ?? this.#dial(connection, run, pool);
    pooled.sessions++;
    clearTimeout(pooled.idle);
    const client = await pooled.ready;
    let released = false;
    return {
      client,
      reused: free !== undefined,
      release: (retire = false) => {
        if (released) return;
        released = true;
        pooled.sessions--;
        if (retire) pooled.retired = true;
        const end = () => {
          pool.delete(pooled);
          client.end();
        };
        if (pooled.sessions > 0) return;
        if (pooled.retired) end();
        else pooled.idle = setTimeout(end, IDLE_MS).unref();
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#pools.values()].flatMap((pool) => [...pool]);
    this.#pools.clear();
    await Promise.all(
      all.map(async (pooled) => {
        clearTimeout(pooled.idle);
        const client = await pooled.ready.catch(() => undefined);
        client?.destroy();
      }),
    );
  }

  #dial(connection: Connection, run: Run, pool: Set<Pooled>): Pooled {
    const pooled: Pooled = { ready: this.#connect(connection, run), sessions: 0, retired: false };
    pool.add(pooled);
    pooled.ready.then(
      (client) =>
        client.once("close", () => {
          pooled.retired = true;
          pool.delete(pooled);
        }),
      () => pool.delete(pooled),
    );
    return pooled;
  }

  async #connect(connection: Connection, run: Run): Promise<Client> {
    settings(connection); // A key that cannot be read is reported at once, not after ten attempts.
    const proxy = connection.proxy;
    if (proxy === undefined) {
      return withRetry(run, "Dial", connection.dialErrorLimit, () => dialOnce(connection, run.signal));
    }
    try {
      settings(proxy);
      const jump = await this.lease(proxy, run);
      try {
        const client = await withRetry(run, "Dial from proxy", connection.dialErrorLimit, async () =>
          dialOnce(connection, run.signal, await forward(jump.client, connection)),
        );
        client.once("close", () => jump.release());
        return client;
      } catch (error) {
        jump.release();
        throw error;
      }
    } catch (error) {
      throw new Error(`proxy: ${(error as Error).message}`);
    }
  }
}

/** Attempts and waiting times of the real provider: 0.1 s, half as much again each time, 5 s at most. */
async function withRetry(run: Run, what: string, limit: number, dial: () => Promise<Client>): Promise<Client> {
  let wait = 100;
  for (let failed = 0; ; failed++) {
    try {
      return await dial();
    } catch (error) {
      run.signal.throwIfAborted();
      if (limit > -1 && failed >= limit)
        throw new Error(`after ${failed} failed attempts: ${(error as Error).message}`);
      run.log("info", `${what} ${failed + 1}/${limit === -1 ? "inf" : limit} failed: retrying`);
    }
    await sleep(wait, undefined, { signal: run.signal });
    wait = Math.min(wait * 1.5, 5_000);
  }
}

function forward(jump: Client, to: Connection): Promise<Channel> {
  return new Promise((resolve, reject) => {
    jump.forwardOut("127.0.0.1", 0, to.host, to.port, (error, channel) =>
      error === undefined ? resolve(channel) : reject(new Error(`ssh: rejected: ${error.message}`)),
    );
  });
}

function dialOnce(connection: Connection, signal: AbortSignal, sock?: Channel): Promise<Client> {
  const { config, seen } = settings(connection);
  const client = new Client();
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      signal.removeEventListener("abort", abort);
      reject(new Error(dialError(error, connection, seen)));
      client.destroy();
    };
    const abort = () => fail(new Error("interrupted"));
    signal.addEventListener("abort", abort, { once: true });
    // Stays for the connection's life: an error without a listener would end the process.
    client.on("error", fail);
    client.once("close", () => fail(new Error("EOF")));
    client.on("keyboard-interactive", (_name, _instructions, _lang, prompts, answer) => {
      answer(prompts.map(() => connection.password ?? ""));
    });
    client.once("ready", () => {
      signal.removeEventListener("abort", abort);
      resolve(client);
    });
    client.connect({ ...config, ...(sock !== undefined ? { sock } : {}) });
    client.setNoDelay(true);
  });
}

/**
 * What is used of the library's insides (ssh2 1.17.0): its own `exec` sends the environment without asking whether the server
 * accepted it, and starts the command in any case. The real provider must know before the command starts.
 */
interface ClientInsides {
  readonly _chanMgr: { add(confirmed: OnOpen): number };
  readonly _protocol: {
    session(channel: number, window: number, packet: number): void;
    env(channel: number, name: string, value: string, wantReply: boolean): void;
    exec(channel: number, command: string, wantReply: boolean): void;
    signal(channel: number, name: string): void;
  };
}
interface ChannelInsides {
  readonly _callbacks: ((failed: boolean | Error) => void)[];
  readonly outgoing: { readonly id: number; readonly state: string };
  subtype: string;
}
type OnOpen = ((error: Error | undefined, channel?: ClientChannel) => void) & { type?: string };

/** The library's own sizes: as much as a command may print before it is read, and the largest packet. */
const WINDOW = 2 * 1024 * 1024;
const PACKET = 32 * 1024;

function insides(client: Client): ClientInsides {
  return client as unknown as ClientInsides;
}

/** Opens a session, in which nothing runs yet. */
export function openSession(client: Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const opened: OnOpen = (error, channel) => {
      if (error !== undefined || channel === undefined) reject(error ?? new Error("no channel"));
      else resolve(channel);
    };
    opened.type = "session";
    const id = insides(client)._chanMgr.add(opened);
    if (id === -1) reject(new Error("no free channel"));
    else insides(client)._protocol.session(id, WINDOW, PACKET);
  });
}

function request(client: Client, channel: ClientChannel, send: (inside: ClientInsides, id: number) => void) {
  const chan = channel as unknown as ChannelInsides;
  return new Promise<boolean>((resolve, reject) => {
    if (chan.outgoing.state !== "open") {
      reject(new Error("EOF"));
      return;
    }
    chan._callbacks.push((failed) => (failed instanceof Error ? reject(failed) : resolve(!failed)));
    send(insides(client), chan.outgoing.id);
  });
}

/** Sets a variable for the session; false when the server does not accept it. */
export function setEnv(client: Client, channel: ClientChannel, name: string, value: string): Promise<boolean> {
  return request(client, channel, (inside, id) => inside._protocol.env(id, name, value, true));
}

/** Starts the command in the session. */
export async function startCommand(client: Client, channel: ClientChannel, command: string): Promise<void> {
  const started = request(client, channel, (inside, id) => inside._protocol.exec(id, command, true));
  (channel as unknown as ChannelInsides).subtype = "exec";
  if (!(await started)) throw new Error(`ssh: command ${command} failed`);
}

/**
 * Signals every command of the connection, with what it started, for an interruption.
 *
 * OpenSSH does not take SSH's own signal message in a session of root (session_signal_req, "requires privilege separation"), so
 * another session of the connection does it: all have the same server process as their parent. Once for each signal, since
 * all commands of a connection are interrupted together and some take a second SIGINT for impatience.
 */
export function signalCommands(client: Client, user: string, channel: ClientChannel, name: "INT" | "KILL"): void {
  if (user !== "root") {
    signalCommand(client, channel, name);
    return;
  }
  const sent = signalled.get(client) ?? new Set();
  signalled.set(client, sent);
  if (sent.has(name)) return;
  sent.add(name);
  const siblings = "$(cat /proc/$PPID/task/$PPID/children 2>/dev/null || ps -o pid= --ppid $PPID)";
  const script = `for p in ${siblings}; do [ "$p" = "$$" ] || kill -s ${name} -- "-$p"; done 2>/dev/null`;
  client.exec(script, (error, killer) => {
    if (error === undefined) killer.resume().on("error", () => {});
  });
}
const signalled = new WeakMap<Client, Set<string>>();

/** Signals one command. The library's own `signal` does nothing once the input has ended. */
export function signalCommand(client: Client, channel: ClientChannel, name: "INT" | "KILL"): void {
  const { outgoing } = channel as unknown as ChannelInsides;
  if (outgoing.state === "open" || outgoing.state === "eof") insides(client)._protocol.signal(outgoing.id, name);
}
