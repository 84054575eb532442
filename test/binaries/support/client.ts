/** HTTPS requests of an administrator. */
import { Agent, request } from "node:https";
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
export function ask(
  url: string,
  pair: Pair,
  { method = "GET", headers = {}, body }: Ask = {},
  agent: Agent | false = false,
): Promise<Answer> {
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
        timeout: 60_000,
        agent,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
      },
    );
    call.on("timeout", () => call.destroy(new Error(`${url}: no answer for a minute`)));
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Makes many objects at once: how often each status was the answer. */
export async function together(
  url: string,
  pair: Pair,
  bodies: readonly unknown[],
): Promise<ReadonlyMap<number, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const counts = new Map<number, number>();
  const headers = { "Content-Type": "application/json" };
  try {
    const answers = bodies.map((body) => ask(url, pair, { method: "POST", headers, body }, agent));
    for (const { status } of await Promise.all(answers)) counts.set(status, (counts.get(status) ?? 0) + 1);
  } finally {
    agent.destroy();
  }
  return counts;
}
