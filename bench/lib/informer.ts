/** What a client keeps of a list, as client-go's informers do: a list once, then a watch from where it was; another list only when told "Gone". */
import { request } from "node:https";
import { operatorAccess } from "./kubeconfig";

interface Item {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}
interface Event {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Item & { readonly code?: number };
}

export class Informer {
  readonly names = new Set<string>();
  /** How often it had to list: 1 at first. */
  lists = 0;
  #stopped = false;
  readonly #work: Promise<void>;

  constructor(
    private readonly kubeconfig: string,
    private readonly path: string,
  ) {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    let version: string | undefined;
    while (!this.#stopped) {
      try {
        version = version === undefined ? await this.#list() : await this.#watch(version);
      } catch {
        // No API at the moment: it is asked again for what comes after the version that it has.
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async #list(): Promise<string> {
    let text = "";
    await this.#ask("", (chunk) => (text += chunk));
    const { items, metadata } = JSON.parse(text) as { items: Item[]; metadata: { resourceVersion: string } };
    this.names.clear();
    for (const item of items) this.names.add(item.metadata.name);
    this.lists++;
    return metadata.resourceVersion;
  }

  /** @returns the version up to which it has seen all; undefined: another list is wanted */
  async #watch(from: string): Promise<string | undefined> {
    let version: string | undefined = from;
    let rest = "";
    const take = (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter(Boolean)) {
        const { object, type } = JSON.parse(line) as Event;
        if (type === "ERROR") version = object.code === 410 ? undefined : version;
        else version = object.metadata.resourceVersion;
        if (type === "ADDED") this.names.add(object.metadata.name);
        if (type === "DELETED") this.names.delete(object.metadata.name);
      }
    };
    try {
      await this.#ask(`?watch=1&allowWatchBookmarks=true&timeoutSeconds=10&resourceVersion=${from}`, take);
    } catch (error) {
      if ((error as Error).message.startsWith("HTTP 410")) return undefined;
    }
    return version;
  }

  #ask(query: string, take: (chunk: string) => void): Promise<void> {
    const { server, ca, cert, key } = operatorAccess(this.kubeconfig);
    return new Promise((resolve, reject) => {
      const call = request(
        `${server}${this.path}${query}`,
        { ca, cert, key, agent: false, timeout: 30_000 },
        (answer) => {
          answer.setEncoding("utf8").on("data", (chunk: string) => {
            if (answer.statusCode === 200) take(chunk);
          });
          answer.once("error", reject).once("close", () => {
            if (answer.statusCode === 200) resolve();
            else reject(new Error(`HTTP ${answer.statusCode}`));
          });
        },
      );
      call.once("timeout", () => call.destroy(new Error("no answer"))).once("error", reject);
      call.end();
    });
  }
}
