/** Many objects in a short time, how many a shard has, and how long clients are without the API meanwhile. */
import type { StatusReport } from "../../cli/hosts/status-types";
import { operatorAccess } from "./kubeconfig";
import { connect, NotBegun, request } from "./requests";
import type { TestStack } from "./stack";

const CLIENTS = 16;

/** ConfigMaps of half a KiB: `<name>-0` and on. */
export async function create(kubeconfig: string, namespace: string, count: number, name: string): Promise<void> {
  const access = operatorAccess(kubeconfig);
  const text = "x".repeat(500);
  let next = 0;
  const client = async () => {
    let session = connect(access);
    while (next < count) {
      const metadata = { name: `${name}-${next++}` };
      const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { text } });
      for (let done = false; !done; ) {
        if (session.closed || session.destroyed) session = connect(access);
        done = await request(session, "POST", `/api/v1/namespaces/${namespace}/configmaps`, body).then(
          () => true,
          (error: unknown) => {
            if (error instanceof NotBegun) return false;
            throw error;
          },
        );
      }
    }
    session.close();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

export interface ShardObjects {
  readonly keys: number;
  readonly configMaps: number;
  readonly mib: number;
}

/** Of the shard main, as its first member counts them. */
export async function objectsOfMain(stack: TestStack): Promise<ShardObjects> {
  const counts = await stack.ssh("etcd-main-1", "/usr/local/lib/kilonode/etcd-counts");
  const { etcd } = await stack.json<StatusReport>("status");
  const keys = [...counts.matchAll(/^(\d+)\s+(\S+)$/gm)].map(([, count, prefix]) => ({ count: Number(count), prefix }));
  const of = (wanted?: string) =>
    keys.filter(({ prefix }) => wanted === undefined || prefix === wanted).reduce((sum, { count }) => sum + count, 0);
  const bytes = etcd.find(({ shard }) => shard === "main")?.dbBytes ?? 0;
  return { keys: of(), configMaps: of("/registry/configmaps/"), mib: Math.round(bytes / 2 ** 20) };
}

/** Asks the API ten times a second, each time for at most a second. */
export class ApiPauses {
  private longestMs = 0;
  private answeredAt = performance.now();
  private stopped = false;
  private readonly work: Promise<void>;

  constructor(kubeconfig: string) {
    this.work = this.run(kubeconfig);
  }

  private async run(kubeconfig: string): Promise<void> {
    const access = operatorAccess(kubeconfig);
    let session = connect(access);
    while (!this.stopped) {
      if (session.closed || session.destroyed) session = connect(access);
      const late = new Promise<string>((_, reject) => setTimeout(() => reject(new Error("late")), 1000).unref());
      const answered = await Promise.race([request(session, "GET", "/api/v1/namespaces/default"), late]).catch(
        () => undefined,
      );
      if (answered === undefined) session.destroy();
      else this.answered();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    session.close();
  }

  private answered(): void {
    this.longestMs = Math.max(this.longestMs, performance.now() - this.answeredAt);
    this.answeredAt = performance.now();
  }

  /** @returns the longest time between two answers, seconds */
  async stop(): Promise<number> {
    this.stopped = true;
    await this.work;
    return Math.max(this.longestMs, performance.now() - this.answeredAt) / 1000;
  }
}
