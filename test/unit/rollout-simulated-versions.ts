/**
 * What etcd does about versions (server/etcdserver/version/monitor.go of 3.7): the cluster is of the version of its oldest member, or of that
 * which it has agreed to go back to; members bring their data there within seconds; an older program does not start on a newer cluster.
 */
import type { Versions } from "../../components/rollout/etcd/shard";
import { Violation } from "./rollout-violation";

const MONITOR_MS = 4_000;

/** Minor versions of 3. */
export class SimulatedVersions {
  /** Of each member's running program. */
  readonly servers = new Map<string, number>();
  readonly storage = new Map<string, number>();
  target: number | undefined;
  #lookedAt = 0;

  constructor(
    public cluster: number,
    names: readonly string[],
  ) {
    for (const name of names) {
      this.servers.set(name, cluster);
      this.storage.set(name, cluster);
    }
  }

  /** @param content what is live on the host: "3.6.16", or with something behind it */
  start(name: string, content: string): void {
    const server = Number(content.split(".")[1]);
    const data = Math.max(this.storage.get(name) ?? 0, this.cluster);
    if (server < data) throw new Violation(`${name} was started as 3.${server} on data of 3.${data}`);
    this.servers.set(name, server);
  }

  /** @param all names of the members; a cluster agrees on nothing while it does not hear of one */
  monitor(time: number, all: readonly string[], isUp: (name: string) => boolean): void {
    if (time - this.#lookedAt < MONITOR_MS || !all.every(isUp)) return;
    this.#lookedAt = time;
    const oldest = Math.min(...all.map((name) => this.servers.get(name) ?? 0));
    this.cluster = this.target ?? oldest;
    for (const name of all) this.storage.set(name, this.cluster);
    if (all.every((name) => this.servers.get(name) === this.target)) this.target = undefined;
  }

  enable(to: string): void {
    const target = Number(to.split(".")[1]);
    if (this.cluster - target !== 1) throw new Error("etcdserver: invalid downgrade target version");
    if (this.target !== undefined) throw new Violation("a downgrade was enabled twice");
    this.target = target;
  }

  of(name: string): Versions {
    const [server, storage] = [this.servers.get(name), this.storage.get(name)];
    const downgradeTo = this.target === undefined ? "" : `3.${this.target}.0`;
    return { server: `3.${server}.16`, storage: `3.${storage}.0`, downgradeTo };
  }
}
