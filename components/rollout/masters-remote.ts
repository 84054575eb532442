/** The masters' side of a rollout over SSH. */
import { Executor } from "./executor";
import type { Backend, Masters } from "./masters";
import type { MastersStrategy, RolloutHost } from "./spec";

const TOOLS = "/usr/local/lib/kilonode";

export class RemoteMasters extends Executor implements Masters {
  readonly #balancer: string | undefined;

  constructor(hosts: readonly RolloutHost[], strategy: MastersStrategy, privateKey: string, hostTimeoutMs: number) {
    super(strategy.loadBalancer ? [...hosts, strategy.loadBalancer] : hosts, privateKey, hostTimeoutMs);
    this.#balancer = strategy.loadBalancer?.name;
  }

  async unready(host: string): Promise<string | undefined> {
    const { code, stdout, stderr } = await this.run(host, `${TOOLS}/check-apiserver`);
    return code === 0 ? undefined : stdout.trim() || stderr.trim() || `check-apiserver exited with ${code}`;
  }

  async backends(): Promise<readonly Backend[] | undefined> {
    if (!this.#balancer) return undefined;
    return JSON.parse(await this.read(this.#balancer, `${TOOLS}/backends`)) as Backend[];
  }

  async leases(host: string): Promise<readonly string[]> {
    return JSON.parse(await this.read(host, `${TOOLS}/leader-of`)) as string[];
  }
}
