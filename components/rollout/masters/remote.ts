/** The masters' side of a rollout over SSH. */
import * as z from "zod";
import { tools } from "../../machine/host-programs";
import { read } from "../hosts/answers";
import type { ContentPart } from "../hosts/hosts";
import { RemoteHosts } from "../hosts/remote";
import type { MastersRollout, RolloutHost } from "../spec";
import type { Backend, Masters } from "./masters";

const word = z.string().max(256);
const backendList = z.array(z.object({ name: word, status: word })).max(1_000);
const leaseList = z.array(word).max(100);
const seconds = z.int().nonnegative();

export class RemoteMasters extends RemoteHosts implements Masters {
  readonly #balancer: string | undefined;
  readonly #returnSeconds: number | undefined;

  constructor(
    hosts: readonly RolloutHost[],
    strategy: MastersRollout,
    privateKey: string,
    hostTimeoutMs: number,
    part?: ContentPart,
  ) {
    super(strategy.loadBalancer ? [...hosts, strategy.loadBalancer] : hosts, privateKey, hostTimeoutMs, part);
    this.#balancer = strategy.loadBalancer?.name;
    this.#returnSeconds = strategy.returnSeconds;
  }

  async unready(host: string): Promise<string | undefined> {
    const { code, stdout, stderr } = await this.run(host, [`${tools}/check-apiserver`]);
    return code === 0 ? undefined : stdout.trim() || stderr.trim() || `check-apiserver exited with ${code}`;
  }

  async backends(hosts: readonly string[]): Promise<readonly Backend[] | undefined> {
    if (this.#balancer)
      return read(this.#balancer, "backends", await this.read(this.#balancer, [`${tools}/backends`]), backendList);
    const wanted = this.#returnSeconds;
    if (wanted === undefined) return undefined;
    return Promise.all(hosts.map(async (name) => ({ name, status: await this.#standing(name, wanted) })));
  }

  /** The platform's load balancer is not asked: what a master has been telling it for so long, it has heard. */
  async #standing(host: string, wanted: number): Promise<string> {
    try {
      const told = read(host, "ready-seconds", await this.read(host, [`${tools}/ready-seconds`]), seconds);
      return told >= wanted ? "UP" : `telling it for ${told} of ${wanted} s that it is ready`;
    } catch (error) {
      return `silent: ${(error as Error).message}`;
    }
  }

  async leases(host: string): Promise<readonly string[]> {
    return read(host, "leader-of", await this.read(host, [`${tools}/leader-of`]), leaseList);
  }
}
