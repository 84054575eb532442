/** As much of GitHub's REST API as the workflows' scripts use, on the loopback address, with its pages, limits and refusals. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Text {
  readonly id: number;
  readonly login: string;
  body: string;
}
export interface Issue extends Text {
  readonly title: string;
  state: "open" | "closed";
}
export interface PullRequest {
  readonly number: number;
  readonly state: "open" | "closed";
  /** "owner:branch" */
  readonly from: string;
  readonly repositoryId: number;
  readonly sha: string;
}

interface Fault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message: string;
  /** True: GitHub has done what it was asked for, and says that it has not. */
  readonly done?: boolean;
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export const secondaryLimit = (seconds: number): Fault => ({
  status: 403,
  headers: { "retry-after": String(seconds) },
  message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
});
export const badGateway = (done = false): Fault => ({ status: 502, message: "Server Error", done });

const token = "the job's own";
const bot = "github-actions[bot]";

export class FakeGitHub {
  /** Of each pull request or issue, by number. */
  readonly comments = new Map<number, Text[]>();
  readonly issues: Issue[] = [];
  readonly pulls: PullRequest[] = [];
  /** What answers the next requests that write, in this order. */
  readonly faults: Fault[] = [];
  /** "PATCH /repos/...", each that came. */
  readonly requests: string[] = [];
  #ids = 1000;
  readonly #server: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { status, headers, value } = this.#answer(request, body);
      response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
      response.end(status === 204 ? undefined : JSON.stringify(value));
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Of a job's environment. */
  get environment() {
    return {
      GITHUB_API_URL: this.url,
      GITHUB_TOKEN: token,
      GITHUB_REPOSITORY: "acme/kilonode",
      GITHUB_SERVER_URL: "https://github.example",
      GITHUB_RUN_ID: "77",
    };
  }

  says(number: number, login: string, body: string): Text {
    const comment = { id: ++this.#ids, login, body };
    this.comments.set(number, [...(this.comments.get(number) ?? []), comment]);
    return comment;
  }

  #answer(request: IncomingMessage, body: Readonly<Record<string, unknown>>): Answer {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "", this.url);
    this.requests.push(`${method} ${url.pathname}`);
    if (headers.authorization !== `token ${token}`) return problem(401, "Bad credentials");
    const fault = method === "GET" ? undefined : this.faults.shift();
    if (fault && !fault.done) return { ...problem(fault.status, fault.message), headers: fault.headers ?? {} };
    const answer = this.#route(method, url, body);
    return fault ? problem(fault.status, fault.message) : answer;
  }

  #route(method: string, url: URL, body: Readonly<Record<string, unknown>>): Answer {
    const path = /^\/repos\/acme\/kilonode(\/.*)$/.exec(url.pathname)?.[1] ?? "";
    const [, number] = /^\/issues\/(\d+)\/comments$/.exec(path) ?? [];
    const [, comment] = /^\/issues\/comments\/(\d+)$/.exec(path) ?? [];
    const [, issue] = /^\/issues\/(\d+)$/.exec(path) ?? [];
    if (typeof body.body === "string" && body.body.length > 65_536)
      return problem(422, "Validation Failed: body is too long (maximum is 65536 characters)");
    if (method === "GET" && path === "/pulls") return this.#page(url, this.#pullsOf(url).map(shownPull));
    if (method === "GET" && number) return this.#page(url, (this.comments.get(Number(number)) ?? []).map(shown));
    if (method === "POST" && number)
      return { status: 201, value: shown(this.says(Number(number), bot, String(body.body))) };
    if (comment) return this.#comment(method, Number(comment), body);
    if (method === "GET" && path === "/issues") {
      const [state, creator] = ["state", "creator"].map((name) => url.searchParams.get(name));
      return this.#page(url, this.issues.filter((one) => one.state === state && one.login === creator).map(shown));
    }
    if (method === "POST" && path === "/issues") {
      const made: Issue = {
        id: ++this.#ids,
        login: bot,
        title: String(body.title),
        body: String(body.body),
        state: "open",
      };
      this.issues.push(made);
      return { status: 201, value: shown(made) };
    }
    const known = this.issues.find(({ id }) => id === Number(issue));
    if (method === "PATCH" && known) return { status: 200, value: shown(Object.assign(known, body)) };
    return problem(404, "Not Found");
  }

  #comment(method: string, id: number, { body }: Readonly<Record<string, unknown>>): Answer {
    for (const thread of this.comments.values()) {
      const found = thread.find((one) => one.id === id);
      if (!found) continue;
      // A job's token may not change what somebody else has written.
      if (found.login !== bot) return problem(403, "Resource not accessible by integration");
      if (method === "DELETE") thread.splice(thread.indexOf(found), 1);
      else found.body = String(body);
      return { status: method === "DELETE" ? 204 : 200, value: shown(found) };
    }
    return problem(404, "Not Found");
  }

  #pullsOf({ searchParams }: URL): PullRequest[] {
    const [state, head] = ["state", "head"].map((name) => searchParams.get(name));
    return this.pulls.filter((pull) => pull.state === state && pull.from === head);
  }

  /** https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
  #page(url: URL, all: readonly object[]): Answer {
    const size = Math.min(100, Number(url.searchParams.get("per_page") ?? 30));
    const page = Number(url.searchParams.get("page") ?? 1);
    const next = new URL(url);
    next.searchParams.set("page", String(page + 1));
    return {
      status: 200,
      headers: page * size < all.length ? { link: `<${next.href}>; rel="next"` } : {},
      value: all.slice((page - 1) * size, page * size),
    };
  }
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly value: unknown;
}

const problem = (status: number, message: string): Answer => ({ status, value: { message } });

function shown({ id, login, ...more }: Text) {
  return { id, number: id, user: { login }, html_url: `https://github.example/texts/${id}`, ...more };
}

function shownPull({ number, repositoryId, sha }: PullRequest) {
  return { number, head: { sha, repo: { id: repositoryId } } };
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}
