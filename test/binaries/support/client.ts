/** HTTPS requests of an administrator. */
import { connect } from "node:http2";
import { request } from "node:https";
import type { Pair } from "./credentials";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
}

/** @param pair the client's certificate; servers are those of the test, on loopback: their certificates are not looked at */
export function ask(url: string, pair: Pair, { method = "GET", headers = {}, body }: Ask = {}): Promise<Answer> {
  const { hostname, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: hostname,
        port,
        method,
        path: `${pathname}${search}`,
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
        ),
        cert: pair.cert,
        key: pair.key,
        rejectUnauthorized: false,
        timeout: 20_000,
        agent: false,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
      },
    );
    call.on("timeout", () => call.destroy(new Error(`${url}: no answer for 20 s`)));
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Many objects over one HTTP/2 connection: how often each status was the answer. */
export async function together(
  url: string,
  pair: Pair,
  bodies: readonly unknown[],
): Promise<ReadonlyMap<number, number>> {
  const { origin, pathname } = new URL(url);
  const session = connect(origin, { cert: pair.cert, key: pair.key, rejectUnauthorized: false });
  const counts = new Map<number, number>();
  const waiting = [...bodies];
  const post = (body: unknown) =>
    new Promise<void>((resolve, reject) => {
      const stream = session.request({ ":method": "POST", ":path": pathname, "content-type": "application/json" });
      stream.on("response", ({ ":status": status = 0 }) => counts.set(status, (counts.get(status) ?? 0) + 1));
      stream.on("end", resolve).on("error", reject).resume();
      stream.end(JSON.stringify(body));
    });
  const worker = async () => {
    for (let body = waiting.pop(); body !== undefined; body = waiting.pop()) await post(body);
  };
  try {
    await Promise.all(Array.from({ length: 100 }, worker));
  } finally {
    session.close();
  }
  return counts;
}
