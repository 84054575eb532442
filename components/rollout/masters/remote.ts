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
const versionOf = z.object({
  gitVersion: z.string().regex(/^v\d{1,4}\.\d{1,4}\.\d{1,4}[\w.+-]{0,40}$/, "wants a version"),
});

export class RemoteMasters extends RemoteHosts implements Masters {
  readonly #balancer: string | undefined;
  readonly #returnSeconds: number | undefined;
  readonly #apiPort: number;

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
    this.#apiPort = strategy.apiPort;
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

  /** What the host's API server says of itself, such as "1.37.2"; what is installed may be newer. */
  async version({ name, endpoint, address }: RolloutHost): Promise<string> {
    const pki = "/etc/kubernetes/pki";
    const place = `${endpoint}:${this.#apiPort}`;
    const told = await this.read(name, [
      ...["curl", "--silent", "--show-error", "--fail", "--max-time", "5"],
      ...["--connect-to", `${place}:${address}:${this.#apiPort}`, "--cacert", `${pki}/kubernetes-ca.crt`],
      ...["--cert", `${pki}/controller-manager.crt`, "--key", `${pki}/controller-manager.key`],
      `https://${place}/version`,
    ]);
    return read(name, "/version", told, versionOf).gitVersion.slice(1);
  }

  async leases(host: string): Promise<readonly string[]> {
    return read(host, "leader-of", await this.read(host, [`${tools}/leader-of`]), leaseList);
  }
}
