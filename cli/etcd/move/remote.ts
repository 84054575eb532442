/** The hosts of a split over SSH. */
import type { Words } from "../../../components/access/privilege";
import { tools } from "../../../components/machine/host-programs";
import { ports } from "../../../components/plan/ports";
import { HELD_MS, type RemoteShard } from "../../../components/rollout/etcd/remote";
import type { Member, View } from "../../../components/rollout/etcd/shard";
import { RemoteRestore } from "../restore/remote";
import {
  type Cut,
  type Door,
  type Note,
  type Resources,
  readContent,
  readCut,
  readDeleted,
  readDoor,
  readNote,
} from "./answers";
import { CLOSED_SECONDS, type SplitHosts } from "./hosts";

const program = `${tools}/etcd-move`;
/** Keys are read, or deleted, page by page: a hundred thousand of them take minutes. */
const KEYS_MS = 3_600_000;
/** An election, after members have been taken away. */
const VIEW_ATTEMPTS = 5;
const VIEW_PAUSE_MS = 500;

export class RemoteSplit extends RemoteRestore implements SplitHosts {
  constructor(
    base: RemoteRestore,
    /** Hosts of members that stay in main. */
    readonly own: readonly string[],
    readonly guests: readonly string[],
    readonly moved: string,
  ) {
    super(base.shard, base.masters, base.services, base.plan, "move");
  }

  async view(): Promise<View | undefined> {
    let alone: View | undefined;
    for (let attempt = 1; attempt <= VIEW_ATTEMPTS; attempt++) {
      const views = await this.views(this.own);
      const view = views.find(({ quorum }) => quorum);
      if (view) return view;
      alone = views[0] ?? alone;
      await this.sleep(VIEW_PAUSE_MS);
    }
    return alone;
  }

  async door(guest: string): Promise<Door> {
    return readDoor(guest, await this.#ask(guest, ["state", ...this.#door()]));
  }

  async shut(guest: string): Promise<void> {
    const [port = "", ...known] = this.#door();
    await this.#ask(guest, ["close", port, String(CLOSED_SECONDS), ...known]);
  }

  async letIn(guest: string): Promise<void> {
    await this.#ask(guest, ["open"]);
  }

  async drain(guest: string): Promise<void> {
    await this.#ask(guest, ["drain", ...this.#door()], this.plan.hostTimeoutMs);
  }

  handOver(from: Member, to: Member): Promise<readonly string[]> {
    return this.shard.moveLeader(from, to);
  }

  async cut(guests: readonly Member[]): Promise<Cut> {
    const via = this.#first;
    return this.shard.withClientsHeld(via, async (unheld) => {
      if (unheld.length > 0) throw new Error(`nothing was removed: ${unheld.join("; ")}`);
      return readCut(via, await this.#do(via, ["cut", String(HELD_MS), ...guests.map(({ id }) => id)]));
    });
  }

  async note(): Promise<Note | undefined> {
    return readNote(this.#first, await this.#ask(this.#first, ["note", this.moved]));
  }

  async keepNote(note: Note | undefined): Promise<void> {
    await this.#ask(this.#first, ["note", this.moved, note ? JSON.stringify(note) : ""]);
  }

  /** Clients get in as soon as the new cluster is known to be healthy. */
  override async finish(host: string): Promise<void> {
    await this.letIn(host);
    await super.finish(host);
  }

  get #first(): string {
    const [first] = this.own;
    if (first === undefined) throw new Error("main has no member of its own");
    return first;
  }

  /** The port, and who is no client: members ask each other, too. */
  #door(): string[] {
    const known = [...this.own, ...this.guests].flatMap((name) => this.shard.address(name) ?? []);
    return [String(ports.etcdClient), ...known];
  }

  #ask(host: string, words: Words, timeoutMs?: number): Promise<string> {
    return this.shard.read(host, [program, ...words], timeoutMs);
  }

  /** Once: what has been removed must not be asked to be removed again when the answer is lost. */
  async #do(host: string, words: Words): Promise<string> {
    const { code, stderr, stdout } = await this.shard.run(host, [program, ...words]);
    if (code !== 0) throw new Error(`${host}: ${stderr.trim() || `etcd-move ended with ${code}`}`);
    return stdout;
  }
}

/** @param revision 0: as it is now */
export async function contentOf(
  shard: RemoteShard,
  host: string,
  revision: number,
  prefixes: readonly string[],
): Promise<Resources> {
  return readContent(host, await shard.read(host, [program, "content", String(revision), ...prefixes], KEYS_MS));
}

export async function deleteKeys(
  shard: RemoteShard,
  host: string,
  which: "only" | "except",
  prefixes: readonly string[],
): Promise<number> {
  return readDeleted(host, await shard.read(host, [program, "delete", which, ...prefixes], KEYS_MS));
}
