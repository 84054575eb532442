/**
 * SSH connections that are kept and shared.
 *
 * The real provider dials for every command. A rehearsal runs several commands on each of some thirty hosts, all on one small
 * machine, where the handshake costs more than the command; so commands with the same `connection` share one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Channel, Client } from "ssh2";
import { type Connection, connectionKey, dialError, type Login, settings } from "./connection";
import type { Caller } from "./local";

/** OpenSSH accepts 10 sessions per connection unless told otherwise; a session that is being closed still counts. */
const SESSIONS_PER_CONNECTION = 8;
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

  async lease(connection: Connection, caller: Caller): Promise<Lease> {
    if (this.#closed) throw new Error("the provider is closed");
    caller.signal.throwIfAborted();
    const key = connectionKey(connection);
    const pool = this.#pools.get(key) ?? new Set<Pooled>();
    this.#pools.set(key, pool);
    const free = [...pool].find((item) => !item.retired && item.sessions < SESSIONS_PER_CONNECTION);
    const pooled = free ?? this.#dial(connection, caller, pool);
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

  #dial(connection: Connection, caller: Caller, pool: Set<Pooled>): Pooled {
    const pooled: Pooled = { ready: this.#connect(connection, caller), sessions: 0, retired: false };
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

  async #connect(connection: Connection, caller: Caller): Promise<Client> {
    settings(connection); // A key that cannot be read is reported at once, not after ten attempts.
    const { proxy, dialErrorLimit } = connection;
    if (proxy === undefined)
      return withRetry(caller, "Dial", dialErrorLimit, () => dialOnce(connection, caller.signal));
    try {
      return await this.#connectThrough(proxy, connection, caller);
    } catch (error) {
      throw new Error(`proxy: ${(error as Error).message}`);
    }
  }

  /** The connection to the jump host is one of the pool's, and stays as long as what goes through it. */
  async #connectThrough(proxy: Login, connection: Connection, caller: Caller): Promise<Client> {
    const jump = await this.lease(proxy, caller);
    try {
      const client = await withRetry(caller, "Dial from proxy", connection.dialErrorLimit, async () =>
        dialOnce(connection, caller.signal, await forward(jump.client, connection)),
      );
      client.once("close", () => jump.release());
      return client;
    } catch (error) {
      jump.release();
      throw error;
    }
  }
}

/** Attempts and waiting times of the real provider: 0.1 s, half as much again each time, 5 s at most. */
async function withRetry(caller: Caller, what: string, limit: number, dial: () => Promise<Client>): Promise<Client> {
  let wait = 100;
  for (let failed = 0; ; failed++) {
    try {
      return await dial();
    } catch (error) {
      caller.signal.throwIfAborted();
      if (limit > -1 && failed >= limit)
        throw new Error(`after ${failed} failed attempts: ${(error as Error).message}`);
      caller.log("info", `${what} ${failed + 1}/${limit === -1 ? "inf" : limit} failed: retrying`);
    }
    await sleep(wait, undefined, { signal: caller.signal });
    wait = Math.min(wait * 1.5, 5_000);
  }
}

function forward(jump: Client, { host, port }: Login): Promise<Channel> {
  return new Promise((resolve, reject) => {
    // The port it came from is only told to the jump host's log.
    jump.forwardOut("127.0.0.1", 0, host, port, (error, channel) =>
      error === undefined ? resolve(channel) : reject(new Error(`ssh: rejected: ${error.message}`)),
    );
  });
}

/** @param sock through a jump host */
function dialOnce(connection: Login, signal: AbortSignal, sock?: Channel): Promise<Client> {
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
    client.once("ready", () => {
      signal.removeEventListener("abort", abort);
      resolve(client);
    });
    client.connect({ ...config, ...(sock !== undefined && { sock }) });
    client.setNoDelay(true);
  });
}
