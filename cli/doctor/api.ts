/** Asks the Kubernetes API and single API servers with the operator's kubeconfig, bounded in time and size. */
import { X509Certificate } from "node:crypto";
import { Agent, request } from "node:https";
import { parse } from "yaml";
import { NotInTime } from "./unread";

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } },
  ];
  readonly users: readonly [
    { readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string } },
  ];
}

/** Names and no more: a page of 500 Services in 300 KiB instead of megabytes. */
export const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
export const asTable = "application/json;as=Table;g=meta.k8s.io;v=v1";

export interface Asking {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly accept?: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  /** Another server than the kubeconfig's. */
  readonly server?: string;
  /** Which lines to keep. Default: all. */
  readonly keep?: (line: string) => boolean;
}

/** A client certificate, as far as it says who asks and for how long. */
export interface Credential {
  readonly user: string;
  readonly groups: readonly string[];
  readonly hours: number;
}

export class ApiClient {
  readonly credential: Credential;
  readonly #server: string;
  readonly #agent: Agent;

  constructor(kubeconfig: string) {
    const { clusters, users } = parse(kubeconfig) as Kubeconfig;
    const { server, "certificate-authority-data": ca } = clusters[0].cluster;
    const { "client-certificate-data": cert, "client-key-data": key } = users[0].user;
    const decode = (base64: string) => Buffer.from(base64, "base64");
    this.credential = credentialOf(new X509Certificate(decode(cert)));
    this.#server = server;
    this.#agent = new Agent({ ca: decode(ca), cert: decode(cert), key: decode(key), keepAlive: true, maxSockets: 4 });
  }

  async json<T>(path: string, asking: Asking = {}): Promise<T> {
    return JSON.parse(await this.text(path, asking)) as T;
  }

  /** The answer's text; of a long one only the lines to keep ever fill memory. */
  text(path: string, asking: Asking = {}): Promise<string> {
    const { method = "GET", accept = "application/json", body, timeoutMs = 20_000, keep } = asking;
    const server = asking.server ?? this.#server;
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        const slow = error.name === "TimeoutError" || error.name === "AbortError";
        reject(
          slow
            ? new NotInTime(`${server}: no answer for ${timeoutMs / 1000} s`)
            : new Error(`${server}: ${error.message}`),
        );
      };
      const headers = {
        accept,
        "user-agent": "kilonode-doctor",
        ...(body !== undefined && { "content-type": "application/json" }),
      };
      const signal = AbortSignal.timeout(timeoutMs);
      const call = request(`${server}${path}`, { method, agent: this.#agent, headers, signal }, (response) => {
        const lines: string[] = [];
        let rest = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          rest += chunk;
          if (!keep) return;
          const whole = rest.split("\n");
          rest = whole.pop() ?? "";
          lines.push(...whole.filter(keep));
        });
        response.once("error", fail).once("end", () => {
          const text = [...lines, rest].join("\n");
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else fail(new Error(`answered ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      });
      call.once("error", fail);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function credentialOf({ subject, validFrom, validTo }: X509Certificate): Credential {
  const named = (field: string) =>
    subject.split("\n").flatMap((line) => (line.startsWith(`${field}=`) ? [line.slice(field.length + 1)] : []));
  const hours = Math.round((Date.parse(validTo) - Date.parse(validFrom)) / 3_600_000);
  return { user: named("CN").join(" "), groups: named("O"), hours };
}

export interface Page<T> {
  readonly metadata?: { readonly continue?: string; readonly remainingItemCount?: number };
  readonly items?: readonly T[];
  readonly rows?: readonly T[] | null;
}

/**
 * At most `pages` pages of a list, each folded and forgotten.
 * @returns whether the list was read to its end
 */
export async function eachPage<T>(
  client: ApiClient,
  path: string,
  { accept, pages, limit = 500 }: { accept: string; pages: number; limit?: number },
  fold: (item: T) => void,
): Promise<boolean> {
  let token = "";
  for (let page = 0; page < pages; page++) {
    const query = `${path.includes("?") ? "&" : "?"}limit=${limit}${token && `&continue=${encodeURIComponent(token)}`}`;
    const { metadata, items, rows } = await client.json<Page<T>>(`${path}${query}`, { accept });
    for (const item of items ?? rows ?? []) fold(item);
    token = metadata?.continue ?? "";
    if (token === "") return true;
  }
  return false;
}
