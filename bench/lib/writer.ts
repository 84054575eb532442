/**
 * A client that writes through the load balancer while the cluster changes, and remembers what was acknowledged. It behaves as
 * client-go does: another try only for a request that the server did not begin. Anything else that goes wrong is a failed request.
 */
import { randomBytes } from "node:crypto";
import type http2 from "node:http2";
import { type OperatorAccess, operatorAccess } from "./kubeconfig";
import { connect, NotBegun, request } from "./requests";

export interface WriterReport {
  readonly acknowledged: number;
  readonly failed: readonly string[];
  /** When each of them did: ms since 1970. */
  readonly failedAtMs: readonly number[];
  /** When the writing began: ms since 1970. */
  readonly beganAtMs: number;
  readonly lost: readonly string[];
  readonly slowestMs: number;
  /** Requests that took longer than 5 s, whatever came of them. */
  readonly overFiveSeconds: number;
  /** Connections made: a rolling change of the masters ends some. */
  readonly connections: number;
}

/** What it writes: an object of which one is made with each request, with nothing but metadata. */
export interface Written {
  readonly apiVersion: string;
  readonly kind: string;
  /** In a namespace's path, such as "leases". */
  readonly plural: string;
}

const configMaps: Written = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps" };
export const leases: Written = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", plural: "leases" };

/** Of a client between two requests. Beside other tests fewer are enough to meet a moment without an answer, and leave them the processor. */
const pauseMs = process.env.VITEST ? 100 : 20;

export class Writer {
  /** Of what this one writes: several may write in one namespace. */
  private readonly id = randomBytes(4).toString("hex");
  private readonly acknowledged: string[] = [];
  private readonly failed: string[] = [];
  private readonly failedAtMs: number[] = [];
  private readonly beganAtMs = Date.now();
  private slowestMs = 0;
  private overFiveSeconds = 0;
  private connections = 0;
  private stopped = false;
  /** Requests that came to an end, by client. */
  private readonly ended: number[];
  private readonly loops: Promise<void>[];
  private readonly options: OperatorAccess;

  /** Begins at once. @param clients connections that write side by side, each one request at a time */
  constructor(
    kubeconfig: string,
    private readonly namespace: string,
    clients = 4,
    private readonly written = configMaps,
  ) {
    this.options = operatorAccess(kubeconfig);
    this.ended = Array.from({ length: clients }, () => 0);
    this.loops = this.ended.map((_, client) => this.loop(client));
  }

  /** Waits until a request of each client has come to its end, whatever came of it. */
  async round(): Promise<void> {
    const before = [...this.ended];
    while (this.ended.some((count, client) => count === before[client]))
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Ends the writing, reads everything back and compares. */
  async stop(): Promise<WriterReport> {
    this.stopped = true;
    await Promise.all(this.loops);
    const session = this.connect();
    const list = JSON.parse(await request(session, "GET", `${this.path}?labelSelector=writer=${this.id}`)) as {
      items: { metadata: { name: string } }[];
    };
    session.close();
    const found = new Set(list.items.map((item) => item.metadata.name));
    return {
      acknowledged: this.acknowledged.length,
      failed: this.failed,
      failedAtMs: this.failedAtMs,
      beganAtMs: this.beganAtMs,
      lost: this.acknowledged.filter((name) => !found.has(name)),
      slowestMs: Math.round(this.slowestMs),
      overFiveSeconds: this.overFiveSeconds,
      connections: this.connections,
    };
  }

  private get path(): string {
    const { apiVersion, plural } = this.written;
    return `/${apiVersion === "v1" ? "api" : "apis"}/${apiVersion}/namespaces/${this.namespace}/${plural}`;
  }

  private async loop(client: number): Promise<void> {
    let session = this.connect();
    for (let index = 0; !this.stopped; index++) {
      const name = `write-${this.id}-${client}-${index}`;
      const { apiVersion, kind } = this.written;
      const body = JSON.stringify({ apiVersion, kind, metadata: { name, labels: { writer: this.id } } });
      const started = performance.now();
      for (;;) {
        if (session.closed || session.destroyed) session = this.connect();
        try {
          await request(session, "POST", this.path, body);
          this.acknowledged.push(name);
          break;
        } catch (error) {
          if (error instanceof NotBegun) continue;
          this.failed.push(`${name}: ${(error as Error).message}`);
          this.failedAtMs.push(Date.now());
          break;
        }
      }
      this.ended[client] = index + 1;
      const took = performance.now() - started;
      this.slowestMs = Math.max(this.slowestMs, took);
      if (took > 5000) this.overFiveSeconds += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    session.close();
  }

  private connect(): http2.ClientHttp2Session {
    this.connections += 1;
    return connect(this.options);
  }
}

/** @param told gets the report however the work ends: a writer that nobody stops writes on for ever */
export async function whileWriting(
  kubeconfig: string,
  namespace: string,
  work: () => Promise<void>,
  told: (report: WriterReport) => void,
): Promise<void> {
  const writer = new Writer(kubeconfig, namespace);
  try {
    await work();
  } finally {
    told(await writer.stop());
  }
}

/** Failures further apart than this have not the same cause. */
const BURST_GAP_MS = 10_000;

export function reportLine({ acknowledged, beganAtMs, failed, failedAtMs, lost, slowestMs }: WriterReport): string {
  const bursts: number[][] = [];
  for (const at of failedAtMs) {
    const burst = bursts.at(-1);
    if (burst && at - (burst.at(-1) as number) <= BURST_GAP_MS) burst.push(at);
    else bursts.push([at]);
  }
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  const when = bursts.map((burst) => {
    const [first = 0, last = first] = [burst[0], burst.at(-1)];
    return `${burst.length} from ${seconds(first - beganAtMs)} to ${seconds(last - beganAtMs)} s`;
  });
  const failures = `${failed.length} failed${when.length === 0 ? "" : ` (${when.join(", ")})`}`;
  return `${acknowledged} writes acknowledged, ${failures}, ${lost.length} lost, slowest ${slowestMs} ms`;
}
