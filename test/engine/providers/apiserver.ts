/** A small Kubernetes API server over HTTPS, in memory: server-side apply, deletion with finalizers. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { stringify } from "yaml";
import type { Values } from "../../../engine";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Values;
}

/** What to answer instead; undefined for the normal answer. */
export type Hook = (seen: Seen) => { status: number; body?: Values; headers?: Record<string, string> } | undefined;

function merge(into: Values, from: Values): Values {
  const result: Values = { ...into };
  for (const [key, value] of Object.entries(from)) {
    const old = result[key];
    const both = [old, value].every((item) => typeof item === "object" && item !== null && !Array.isArray(item));
    result[key] = both ? merge(old as Values, value as Values) : value;
  }
  return result;
}

export class ApiServer {
  readonly seen: Seen[] = [];
  readonly objects = new Map<string, Values>();
  hook: Hook = () => undefined;
  connections = 0;
  #server: Server | undefined;
  #port = 0;
  #uid = 0;
  readonly #dir = mkdtempSync(join(tmpdir(), "apiserver-"));

  async start(): Promise<void> {
    const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: this.#dir, stdio: "pipe" });
    if (this.#port === 0) {
      const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
      openssl("req", "-x509", ...ec, "-days", "1", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem");
      for (const name of ["server", "client"]) {
        openssl(
          "req",
          ...ec,
          "-subj",
          `/O=system:masters/CN=${name}`,
          "-addext",
          "subjectAltName=IP:127.0.0.1",
          "-keyout",
          `${name}.key`,
          "-out",
          `${name}.csr`,
        );
        openssl(
          "x509",
          "-req",
          "-in",
          `${name}.csr`,
          "-CA",
          "ca.pem",
          "-CAkey",
          "ca.key",
          "-copy_extensions",
          "copy",
          "-days",
          "1",
          "-out",
          `${name}.pem`,
        );
      }
    }
    const read = (name: string) => readFileSync(join(this.#dir, name));
    const options = { key: read("server.key"), cert: read("server.pem"), ca: read("ca.pem"), requestCert: true };
    const server = createServer(
      { ...options, rejectUnauthorized: false },
      (request, response) => void this.#serve(request, response),
    );
    server.on("secureConnection", () => this.connections++);
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as { port: number }).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true });
  }

  kubeconfig(): string {
    const data = (name: string) => readFileSync(join(this.#dir, name)).toString("base64");
    return stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [
        {
          name: "k",
          cluster: { server: `https://127.0.0.1:${this.#port}`, "certificate-authority-data": data("ca.pem") },
        },
      ],
      users: [
        { name: "u", user: { "client-certificate-data": data("client.pem"), "client-key-data": data("client.key") } },
      ],
    });
  }

  /** The requests that were made since the last question, as `METHOD path`. */
  requests(): string[] {
    return this.seen.splice(0).map(({ method, path }) => `${method} ${path}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "https://server");
    const text = Buffer.concat(chunks).toString();
    const seen: Seen = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      body: text === "" ? {} : JSON.parse(text),
    };
    this.seen.push(seen);
    const known = (request.socket as TLSSocket).authorized;
    const denied: ReturnType<Hook> = { status: 401, body: { reason: "Unauthorized", message: "Unauthorized" } };
    const { status, body = {}, headers = {} } = known ? (this.hook(seen) ?? this.#answer(seen)) : denied;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  }

  #answer(seen: Seen): ReturnType<Hook> & object {
    const old = this.objects.get(seen.path);
    const notFound = { status: 404, body: { kind: "Status", reason: "NotFound", message: `"${seen.path}" not found` } };
    if (seen.method === "GET") return old === undefined ? notFound : { status: 200, body: old };
    if (seen.method === "DELETE") {
      const { finalizers, ...metadata } = (old?.metadata ?? {}) as Values;
      if (old === undefined) return notFound;
      if (finalizers === undefined) this.objects.delete(seen.path);
      else this.objects.set(seen.path, { ...old, metadata: { ...metadata, finalizers, deletionTimestamp: "now" } });
      return { status: 200, body: { kind: "Status", status: "Success" } };
    }
    const manager = { manager: seen.query.get("fieldManager"), operation: "Apply" };
    const generation = Number(((old?.metadata ?? {}) as Values).generation ?? 0) + 1;
    const merged = merge(old ?? { metadata: { uid: `uid-${++this.#uid}` } }, seen.body);
    const live = merge(merged, { metadata: { generation, managedFields: [manager] } });
    this.objects.set(seen.path, live);
    return { status: old === undefined ? 201 : 200, body: live };
  }
}
