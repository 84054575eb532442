/** Requests to a Kubernetes API server: few connections, patience with an overloaded or restarting one, its own messages. */
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { isObject, type Values } from "../../values/value";
import type { Target } from "./kubeconfig";

/** Connections to one server. An API server's flow control shares by user, so more would not be faster. */
const MAX_SOCKETS = 16;
/** How long a server may be unreachable or overloaded before a request fails. */
const PATIENCE_MS = 60_000;
const RESPONSE_MS = 60_000;
const TRANSIENT = ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"];

/** The server's answer to a request that it did not carry out. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Request {
  readonly method: "GET" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Values;
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly body: Values;
  readonly retryAfter: number | undefined;
}

/** The message of a Status object; each cause's field is named, if the message does not name it already. */
function errorOf(status: number, body: Values, what: string): ApiError {
  const details = isObject(body.details) ? body.details : {};
  const message = typeof body.message === "string" && body.message !== "" ? body.message : `HTTP status ${status}`;
  const causes = Array.isArray(details.causes) ? details.causes.filter(isObject) : [];
  const more = causes
    .filter((cause) => typeof cause.field === "string" && !message.includes(cause.field))
    .map((cause) => `\n  ${cause.field}: ${cause.message}`);
  return new ApiError(status, String(body.reason ?? ""), `${what}: ${message}${more.join("")}`);
}

export class Client {
  readonly #agent: Agent;

  constructor(private readonly target: Target) {
    const { ca, cert, key } = target;
    this.#agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS, ca, cert, key });
  }

  async send(request: Request): Promise<Values> {
    request.signal.throwIfAborted();
    const what = `${request.method} ${request.path}`;
    const until = Date.now() + PATIENCE_MS;
    for (let wait = 200; ; wait = Math.min(wait * 2, 5_000)) {
      let failure: Error;
      let pause = wait;
      try {
        const answer = await this.#once(request);
        if (answer.status < 400) return answer.body;
        failure = errorOf(answer.status, answer.body, what);
        if (![429, 502, 503, 504].includes(answer.status)) throw failure;
        pause = answer.retryAfter ?? wait;
      } catch (error) {
        request.signal.throwIfAborted();
        if (error instanceof ApiError) throw error;
        const { message, code } = error as NodeJS.ErrnoException;
        failure = new Error(`the Kubernetes API server at ${this.target.server} is unreachable: ${message || code}`);
        if (!TRANSIENT.includes(code ?? "")) throw failure;
      }
      if (Date.now() + pause > until) throw failure;
      await sleep(pause, undefined, { signal: request.signal });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #once(request: Request): Promise<Answer> {
    const url = new URL(this.target.server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers: Record<string, string> = { accept: "application/json", "user-agent": "kilonode-rehearsal" };
    if (body !== undefined) {
      headers["content-type"] = request.contentType ?? "application/json";
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const options = {
        method: request.method,
        headers,
        agent: this.#agent,
        signal: request.signal,
        timeout: RESPONSE_MS,
      };
      const sent = httpsRequest(url, options, (response) => {
        receive(response).then(resolve, reject);
      });
      sent.on("timeout", () => {
        sent.destroy(Object.assign(new Error(`no answer within ${RESPONSE_MS / 1000} s`), { code: "ETIMEDOUT" }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

async function receive(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  let body: Values = {};
  try {
    body = JSON.parse(text) as Values;
  } catch {
    // A proxy, or a server that is still starting, answers in plain text.
    body = { message: text.trim().slice(0, 500) };
  }
  const seconds = Number(response.headers["retry-after"]);
  return {
    status: response.statusCode ?? 0,
    body,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  };
}
