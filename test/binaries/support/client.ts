/** HTTPS requests of an administrator. */
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
