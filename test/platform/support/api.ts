/**
 * What the platform manages of the API: a name in its DNS, and behind it the API servers. They serve with the certificate and trust
 * the authority that lie in the folder of a master that is ready; objects are kept in memory.
 */
import dns from "node:dns";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { json } from "node:stream/consumers";
import { createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { ports } from "../../../components/plan/ports";
import type { FolderHost } from "./host";

const pki = "etc/kubernetes/pki";

export class ManagedApi {
  /** Path to object. */
  readonly objects = new Map<string, object>();
  /** A master that is ready. */
  serving: () => FolderHost | undefined = () => undefined;
  readonly #server: Server;
  readonly #lookup = dns.lookup;

  constructor() {
    const options = { requestCert: true, rejectUnauthorized: false };
    this.#server = createServer(
      { ...options, SNICallback: (_name, done) => this.#context(done) },
      (request, response) => {
        this.#answer(request, response).catch((error: Error) => response.destroy(error));
      },
    );
  }

  /** @returns false where another process listens at the address */
  listen(address: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#server.once("error", () => resolve(false)).listen(ports.apiserver, address, () => resolve(true));
    });
  }

  /** The record of the name, in this process, where the engine is. */
  name(name: string, address: string): void {
    const lookup = this.#lookup as (name: string, ...rest: unknown[]) => void;
    const patched = (asked: string, ...rest: unknown[]) => lookup(asked === name ? address : asked, ...rest);
    dns.lookup = patched as typeof dns.lookup;
  }

  close(): void {
    dns.lookup = this.#lookup;
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #context(done: (error: Error | null, context?: SecureContext) => void): void {
    const master = this.serving();
    if (!master) {
      done(new Error("no API server is ready"));
      return;
    }
    const read = (name: string) => readFileSync(master.path(`${pki}/${name}`));
    const [key, cert, ca] = [read("apiserver.key"), read("apiserver.crt"), read("kubernetes-ca.crt")];
    done(null, createSecureContext({ key, cert, ca }));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://api");
    const path = decodeURIComponent(pathname);
    const known = (request.socket as TLSSocket).authorized;
    if (known && request.method === "PATCH") {
      const applied = (await json(request)) as { metadata: object };
      const managedFields = [{ manager: searchParams.get("fieldManager"), operation: "Apply" }];
      this.objects.set(path, { ...applied, metadata: { ...applied.metadata, managedFields } });
    }
    if (known && request.method === "DELETE") this.objects.delete(path);
    const found = this.objects.get(path);
    const body = found ?? { kind: "Status", message: known ? `${path} not found` : "Unauthorized" };
    response.writeHead(known ? (found ? 200 : 404) : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  }
}
