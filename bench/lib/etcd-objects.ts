/** Objects in a real etcd, as large and as like each other as API objects are, and clients that change them at a pace. */
import { randomBytes, randomInt } from "node:crypto";

const batch = 50;
const encode = (text: string) => Buffer.from(text).toString("base64");

async function ask(url: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${url}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
}

export class Objects {
  readonly #bodies: readonly string[];

  /** @param bytes of one object: a quarter of it is what no other object has, the rest is shared by a tenth of them */
  constructor(
    readonly count: number,
    readonly bytes: number,
  ) {
    const shared = Math.floor((bytes * 3) / 4);
    this.#bodies = Array.from({ length: 10 }, () => randomBytes(shared / 2).toString("hex"));
  }

  #put(index: number) {
    // What an update changes: a heartbeat, a status. The rest of the object stays as it was.
    const own = `${index}-`.repeat(this.bytes).slice(0, this.bytes / 4);
    const value = `${Date.now()} ${randomBytes(16).toString("hex")} ${own}${this.#bodies[index % 10]}`;
    return { key: encode(`/registry/pods/default/pod-${index}`), value: encode(value) };
  }

  async fill(url: string): Promise<void> {
    const indexes = Array.from({ length: this.count }, (_, index) => index);
    await this.#write(url, indexes);
  }

  /** So many writes to objects of chance, as fast as they go. */
  async change(url: string, writes: number): Promise<void> {
    await this.#write(
      url,
      Array.from({ length: writes }, () => randomInt(this.count)),
    );
  }

  async #write(url: string, indexes: readonly number[]): Promise<void> {
    for (let at = 0; at < indexes.length; at += batch) {
      const some = [...new Set(indexes.slice(at, at + batch))];
      await ask(url, "/v3/kv/txn", { success: some.map((index) => ({ request_put: this.#put(index) })) });
    }
  }

  async write(url: string): Promise<void> {
    await ask(url, "/v3/kv/put", this.#put(randomInt(this.count)));
  }
}

/** Clients that each write once in so many milliseconds, whatever the one before took; how long each took, by phase. */
export class PacedWriters {
  readonly #took = new Map<string, number[]>();
  readonly #running: Promise<void>[];
  failed = 0;
  phase = "";
  #stop = false;

  constructor(objects: Objects, urls: readonly string[], clients: number, everyMs: number) {
    this.#running = Array.from({ length: clients }, async (_, client) => {
      while (!this.#stop) {
        const [phase, started] = [this.phase, performance.now()];
        const written = await objects.write(urls[client % urls.length] ?? "").then(
          () => true,
          () => false,
        );
        if (!written) this.failed++;
        const ms = performance.now() - started;
        if (phase !== "" && written) this.#took.set(phase, [...(this.#took.get(phase) ?? []), ms]);
        await new Promise((next) => setTimeout(next, Math.max(0, everyMs - ms)));
      }
    });
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#running);
  }

  writes(phase: string): number {
    return this.#took.get(phase)?.length ?? 0;
  }

  /** Milliseconds that so many of a hundred writes did not exceed. */
  percentile(phase: string, percent: number): number {
    const sorted = [...(this.#took.get(phase) ?? [])].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
  }
}
