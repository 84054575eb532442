/** An etcd shard over SSH: its members' hosts, and etcdctl on one of them. */
import { machineApply, tools } from "../../machine/host-programs";
import { ports } from "../../plan/ports";
import { readAside } from "../hosts/answers";
import { RemoteHosts } from "../hosts/remote";
import { readView } from "./answers";
import { type EtcdShard, type Member, NotYet, type View } from "./shard";

/** Answers of etcd that mean "the same call later": connections younger than 5 s, a learner not in sync, no leader just now. */
const LATER =
  /unhealthy cluster|in sync with leader|not enough started members|no leader|leader changed|timed out|deadline exceeded|Unavailable/i;

/** There is nothing left to do: an earlier call, whose answer was lost, has done it, or the leadership has moved by itself. */
const DONE_ALREADY =
  /Peer URLs already exists|member not found|can only promote a learner member$|not leader|no leader endpoint given/im;

/** Shorter than the 2 s after which an API server that cannot ask etcd says that it is not ready (--etcd-readycheck-timeout). */
const HOLD_MS = 1_900;
const HOLD_ATTEMPTS = 3;

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
    try {
      const unheld = await this.#holdClients(leader.name);
      await this.#etcdctl(leader.name, ["move-leader", to.id]);
      return unheld;
    } finally {
      await this.#onEveryHost(["release"]);
    }
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

  async #etcdctl(via: string, words: readonly string[]): Promise<void> {
    const { code, stderr } = await this.run(via, [`${tools}/etcd-call`, ...words]);
    if (code === 0 || DONE_ALREADY.test(stderr)) return;
    const said = `etcdctl ${words.join(" ")} on ${via}: ${stderr.trim().split("\n").at(-1) ?? ""}`;
    throw LATER.test(stderr) ? new NotYet(said) : new Error(said);
  }
}
