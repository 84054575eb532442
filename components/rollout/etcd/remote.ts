/** An etcd shard over SSH: its members' hosts, and etcdctl on one of them. */
import { COMMAND_TIMEOUT_MS } from "../../access/ssh";
import { machineApply, tools } from "../../machine/host-programs";
import { ports } from "../../plan/ports";
import { readAside } from "../hosts/answers";
import { RemoteHosts } from "../hosts/remote";
import { readKeyCounts, readView } from "./answers";
import { type EtcdShard, type KeyCount, type Member, NoRoom, NotYet, type View } from "./shard";

/** Answers of etcd that mean "the same call later": connections younger than 5 s, a learner not in sync, no leader just now. */
const LATER =
  /unhealthy cluster|in sync with leader|not enough started members|no leader|leader changed|timed out|deadline exceeded|Unavailable/i;

/** There is nothing left to do: an earlier call, whose answer was lost, has done it, or the leadership has moved by itself. */
const DONE_ALREADY =
  /Peer URLs already exists|member not found|can only promote a learner member$|not leader|no leader endpoint given|has been compacted/im;

/** Of the time for which clients are held so much is left when the work begins. */
export const HELD_MS = 900;

/** Shorter than the 2 s after which an API server that cannot ask etcd says that it is not ready (--etcd-readycheck-timeout). */
const HOLD_MS = 1_900;
const HOLD_ATTEMPTS = 3;

/** How `etcd-defragment` ends when the volume is too full. */
const NO_ROOM = 3;
/** A shell's exit code for a program that is not there. */
const notDelivered = 127;

export class RemoteShard extends RemoteHosts implements EtcdShard {
  async look(via: string): Promise<View> {
    return readView(via, await this.read(via, [`${tools}/etcd-look`]));
  }

  async setAside(host: string): Promise<readonly string[]> {
    const { code, stdout, stderr } = await this.run(host, [machineApply, "set-aside"], this.hostTimeoutMs);
    if (code !== 0) throw new Error(`${host}: ${stderr.trim() || `set-aside exited with ${code}`}`);
    return readAside(host, stdout);
  }

  async addLearner(via: string, name: string, peerUrl: string): Promise<void> {
    await this.#etcdctl(via, ["member", "add", name, `--peer-urls=${peerUrl}`, "--learner"]);
  }

  async promote(via: string, id: string): Promise<void> {
    await this.#etcdctl(via, ["member", "promote", id]);
  }

  async remove(via: string, id: string): Promise<void> {
    await this.#etcdctl(via, ["member", "remove", id]);
  }

  async moveLeader(leader: Member, to: Member): Promise<readonly string[]> {
    return this.withClientsHeld(leader.name, async (unheld) => {
      await this.#etcdctl(leader.name, ["move-leader", to.id]);
      return unheld;
    });
  }

  /**
   * Clients of all members wait while that is done, for no longer than a hold lasts.
   * @param via the host on which etcdctl runs; it alone is let through
   * @param work gets what stands in the way of holding clients, a line for each host
   */
  async withClientsHeld<T>(via: string, work: (unheld: readonly string[]) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#holdClients(via));
    } finally {
      await this.#onEveryHost(["release"]);
    }
  }

  async defragment(host: string, inUseBytes: number): Promise<void> {
    const words = [`${tools}/etcd-defragment`, String(inUseBytes)];
    const { code, stderr } = await this.run(host, words, Math.max(this.hostTimeoutMs, COMMAND_TIMEOUT_MS));
    if (code === NO_ROOM) throw new NoRoom(stderr.trim());
    if (code === notDelivered)
      throw new Error(`${host} has no etcd-defragment yet: run \`kilonode up\`, which puts it there`);
    if (code !== 0) throw new Error(`${host}: ${stderr.trim() || `etcd-defragment exited with ${code}`}`);
  }

  async compact(via: string, revision: number): Promise<void> {
    const timeout = `--command-timeout=${Math.ceil(this.hostTimeoutMs / 1000)}s`;
    await this.#etcdctl(
      via,
      [timeout, "compact", "--physical", String(revision)],
      this.hostTimeoutMs + COMMAND_TIMEOUT_MS,
    );
  }

  async disarm(via: string): Promise<void> {
    await this.#etcdctl(via, ["alarm", "disarm"]);
  }

  async enableDowngrade(via: string, to: string): Promise<void> {
    await this.#etcdctl(via, ["downgrade", "validate", to]);
    await this.#etcdctl(via, ["downgrade", "enable", to]);
  }

  async cancelDowngrade(via: string): Promise<void> {
    await this.#etcdctl(via, ["downgrade", "cancel"]);
  }

  async countKeys(via: string): Promise<readonly KeyCount[]> {
    return readKeyCounts(via, await this.read(via, [`${tools}/etcd-counts`], this.hostTimeoutMs));
  }

  /** @returns what stands in the way of holding the clients of all members */
  async #holdClients(via: string): Promise<string[]> {
    const metrics = `http://127.0.0.1:${ports.etcdMetrics}/metrics`;
    const hold = ["hold", String(ports.etcdClient), String(HOLD_MS), this.address(via) ?? "", metrics];
    for (let attempt = 1; ; attempt++) {
      const started = this.now();
      const unheld = await this.#onEveryHost(hold);
      // The hand-over has to begin while even the first host still holds.
      if (this.now() - started < HOLD_MS / 2) return unheld;
      if (attempt === HOLD_ATTEMPTS) return [...unheld, "clients were held too slowly: hosts are busy"];
    }
  }

  /** @returns a line for each host that could not */
  async #onEveryHost(args: readonly string[]): Promise<string[]> {
    const lines = this.names.map(async (name) => {
      const failure = await this.run(name, [`${tools}/hold-clients`, ...args], HOLD_MS).then(
        ({ code, stderr }) => (code === 0 ? undefined : stderr.trim() || `exit ${code}`),
        (error: Error) => error.message,
      );
      return failure === undefined ? [] : [`clients of ${name} are not held: ${failure}`];
    });
    return (await Promise.all(lines)).flat();
  }

  async #etcdctl(via: string, words: readonly string[], timeoutMs?: number): Promise<void> {
    const { code, stderr } = await this.run(via, [`${tools}/etcd-call`, ...words], timeoutMs);
    if (code === 0 || DONE_ALREADY.test(stderr)) return;
    const said = `etcdctl ${words.join(" ")} on ${via}: ${stderr.trim().split("\n").at(-1) ?? ""}`;
    throw LATER.test(stderr) ? new NotYet(said) : new Error(said);
  }
}
