/**
 * Clients that use the API through the load balancer while the cluster suffers, and write down every request with the times of its
 * call and its answer: reads and lists that must be of now, writes under a precondition, writes without one, objects that are made once.
 * Whether all of it could be the work of one copy of the data is bench/linearizability's to say.
 */
import { randomBytes } from "node:crypto";
import type http2 from "node:http2";
import { type Kind, type Operation, once, type Result, type Seen, shared } from "./history";
import { type OperatorAccess, operatorAccess } from "./kubeconfig";
import { connect, HttpError, NotBegun, request } from "./requests";

export interface RecorderOptions {
  /** Clients, each with a connection and one request at a time. */
  readonly workers?: number;
  /** Keys that all of them change. */
  readonly keys?: number;
  /** Between a client's requests. */
  readonly pauseMs?: number;
  /** Then they rest. */
  readonly maxOperations?: number;
}

/** Longer than the load balancer leaves a connection to a server that does not answer. */
const TIMEOUT_MS = 10_000;
const AFTER_FAILURE_MS = 200;
const TRIES = 10;
const path = "/api/v1/namespaces/default/configmaps";

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
}
interface ConfigMapList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly ConfigMap[];
}
type Asked = Pick<Operation, "kind"> & Partial<Pick<Operation, "key" | "ifVersion" | "value" | "prefix">>;
type Answer = Partial<Pick<Operation, "value" | "version" | "items" | "revision">>;

export class Recorder {
  /** Of its objects: several recorders may write to one cluster. */
  private readonly id = `recorded-${randomBytes(4).toString("hex")}`;
  readonly operations: Operation[] = [];
  private readonly began = performance.now();
  private readonly access: OperatorAccess;
  private readonly sessions: (http2.ClientHttp2Session | undefined)[] = [];
  private readonly options: Required<RecorderOptions>;
  private readonly loops: Promise<void>[];
  private stopped = false;
  private values = 0;

  /** Begins at once. The last worker makes objects that nobody touches again, the others share keys. */
  constructor(kubeconfig: string, options: RecorderOptions = {}) {
    this.options = { workers: 6, keys: 8, pauseMs: 20, maxOperations: 150_000, ...options };
    this.access = operatorAccess(kubeconfig);
    const { workers } = this.options;
    this.loops = Array.from({ length: workers }, (_, worker) =>
      this.loop(worker === workers - 1 ? () => this.makeOne(worker) : this.sharing(worker)),
    );
  }

  /** Microseconds since it began. */
  now(): number {
    return Math.round((performance.now() - this.began) * 1000);
  }

  /** Ends the work with a list of everything, which is tried until it comes. */
  async stop(withinMs = 120_000): Promise<readonly Operation[]> {
    this.stopped = true;
    await Promise.all(this.loops);
    const last = this.options.workers;
    const until = performance.now() + withinMs;
    while ((await this.ask(last, { kind: "list", prefix: "" })).result !== "ok" && performance.now() < until)
      await pause(1000);
    for (const session of this.sessions) session?.destroy();
    return this.operations;
  }

  private async loop(step: () => Promise<Operation>): Promise<void> {
    while (!this.stopped) {
      const full = this.operations.length >= this.options.maxOperations;
      const failed = !full && ["failed", "unknown"].includes((await step()).result);
      await pause(failed || full ? AFTER_FAILURE_MS : this.options.pauseMs);
    }
  }

  private makeOne(worker: number): Promise<Operation> {
    const value = this.newValue(worker);
    return this.ask(worker, { kind: "create", key: `${once}${value}`, value });
  }

  /** One request on some key: as a rule a read, and then a write of what was read. */
  private sharing(worker: number): () => Promise<Operation> {
    // By key, its version as this worker has seen it last; undefined: there was no object.
    const known = new Map<string, number | undefined>();
    return async () => {
      const key = `${shared}${Math.floor(Math.random() * this.options.keys)}`;
      const operation = await this.ask(worker, this.choose(worker, key, known));
      if (operation.kind !== "list") known.delete(key);
      if (operation.kind !== "list" && operation.result === "ok") known.set(key, operation.version);
      return operation;
    };
  }

  private choose(worker: number, key: string, known: ReadonlyMap<string, number | undefined>): Asked {
    const dice = Math.random();
    if (dice < 0.08) return { kind: "list", prefix: shared };
    if (dice < 0.14) return { kind: "put", key, value: this.newValue(worker) };
    if (dice < 0.4 || !known.has(key)) return { kind: "get", key };
    const ifVersion = known.get(key);
    if (ifVersion === undefined) return { kind: "create", key, value: this.newValue(worker) };
    return dice < 0.46
      ? { kind: "delete", key, ifVersion }
      : { kind: "update", key, ifVersion, value: this.newValue(worker) };
  }

  private newValue(worker: number): string {
    this.values += 1;
    return `${worker}-${this.values}`;
  }

  private async ask(worker: number, asked: Asked): Promise<Operation> {
    const call = this.now();
    const outcome = await this.answer(worker, asked).then(
      (answer) => ({ result: "ok" as Result, ...answer }),
      (error: Error) => judged(asked.kind, error),
    );
    const operation: Operation = { worker, ...asked, call, return: this.now(), ...outcome };
    this.operations.push(operation);
    return operation;
  }

  private async answer(worker: number, asked: Asked): Promise<Answer> {
    const [method, where, body] = this.requestOf(asked);
    for (let tries = 1; ; tries++) {
      const session = this.session(worker);
      // With the connection: a new one may lead to a server that answers.
      const timer = setTimeout(() => session.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
      try {
        return this.seen(asked.kind, await request(session, method, where, body));
      } catch (error) {
        if (!(error instanceof NotBegun) || tries === TRIES) throw error;
        await pause(100);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  private session(worker: number): http2.ClientHttp2Session {
    const before = this.sessions[worker];
    if (before && !before.closed && !before.destroyed) return before;
    const session = connect(this.access);
    this.sessions[worker] = session;
    return session;
  }

  private requestOf({ kind, key, ifVersion, value, prefix }: Asked): [method: string, path: string, body?: string] {
    const labels = { recorder: this.id, keys: key?.slice(0, 1) };
    if (kind === "list") {
      const keys = prefix === "" ? "" : `,keys=${prefix}`;
      return ["GET", `${path}?labelSelector=recorder=${this.id}${keys}`];
    }
    const name = `${this.id}-${key}`;
    if (kind === "get") return ["GET", `${path}/${name}`];
    const resourceVersion = ifVersion?.toString();
    if (kind === "delete") return ["DELETE", `${path}/${name}`, JSON.stringify({ preconditions: { resourceVersion } })];
    const metadata = { name, labels, resourceVersion };
    const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } });
    return kind === "create" ? ["POST", path, body] : ["PUT", `${path}/${name}`, body];
  }

  private seen(kind: Kind, text: string): Answer {
    const parsed = JSON.parse(text) as unknown;
    if (kind === "delete") return {};
    if (kind !== "list") return seenIn(parsed as ConfigMap);
    const { items, metadata } = parsed as ConfigMapList;
    const entries = items.map((one) => [one.metadata.name.slice(this.id.length + 1), seenIn(one)]);
    return { items: Object.fromEntries(entries) as Record<string, Seen>, revision: Number(metadata.resourceVersion) };
  }
}

const seenIn = ({ data, metadata }: ConfigMap): Seen => ({
  value: data?.value ?? "an object without a value",
  version: Number(metadata.resourceVersion),
});

/** What is known of a request that did not succeed. What refuses it is the object, and not a server that is just starting. */
function judged(kind: Kind, error: Error): Pick<Operation, "result" | "error"> {
  const { status = 0, text = "" } = error instanceof HttpError ? error : {};
  const refused = /"reason":"(NotFound|Conflict|AlreadyExists)"/.exec(text)?.[1];
  // There is no object: an answer of a get like any other.
  if (kind === "get" && refused === "NotFound") return { result: "ok" };
  const result = (): Result => {
    if (error instanceof NotBegun) return "failed";
    // Without a precondition a conflict says nothing of the object.
    if (refused && !(kind === "put" && refused === "Conflict")) return "refused";
    return status >= 400 && status < 500 ? "failed" : "unknown";
  };
  return { result: result(), error: error.message || "the server did not begin it" };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
