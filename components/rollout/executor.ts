/** The verbs of a rollout on real hosts, over SSH. */
import type { Clock } from "./gate";
import type { Activation, Degradation, HostStatus, Hosts } from "./hosts";
import type { RolloutHost } from "./spec";
import { COMMAND_TIMEOUT_MS, type Outcome, SshConnection, SshError } from "./ssh";

type Address = Omit<RolloutHost, "digest">;

export class Executor implements Hosts, Clock {
  readonly #connections = new Map<string, SshConnection>();
  readonly #users = new Map<string, string>();
  readonly #units = new Map<string, readonly string[]>();

  constructor(
    hosts: readonly Address[],
    privateKey: string,
    /** How long an activation may take. */
    readonly hostTimeoutMs: number,
  ) {
    for (const { name, address, port, user, hostKey } of hosts) {
      this.#connections.set(name, new SshConnection({ host: address, port, user, hostKey, privateKey }));
      this.#users.set(name, user);
    }
  }

  now(): number {
    return performance.now();
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  get names(): readonly string[] {
    return [...this.#connections.keys()];
  }

  address(host: string): string | undefined {
    return this.#connections.get(host)?.target.host;
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  async status(host: string): Promise<HostStatus> {
    const status = JSON.parse(await this.read(host, "machine-apply status")) as HostStatus;
    this.#units.set(host, Object.keys(status.services));
    return status;
  }

  async activate(host: string, env: Readonly<Record<string, string>>): Promise<Activation> {
    const options = Object.entries(env).map(([name, value]) => ` --env ${quote(`${name}=${value}`)}`);
    const command = `machine-apply activate${options.join("")}`;
    const outcome = await this.run(host, command, Math.max(this.hostTimeoutMs, COMMAND_TIMEOUT_MS));
    if (outcome.code !== 0)
      throw new Error(`${host}: ${outcome.stderr.trim() || `activation exited with ${outcome.code}`}`);
    const { digest, degradations } = JSON.parse(outcome.stdout) as { digest: string; degradations: Degradation[] };
    return { digest, degradations };
  }

  /**
   * Activation starts units that wait for others without waiting for them. systemd keeps a job for such a unit until it is up,
   * and has it from the moment the start was asked for: the old process cannot be taken for the new one.
   */
  async settled(host: string): Promise<boolean> {
    const units = this.#units.get(host) ?? [];
    if (units.length === 0) return true;
    const jobs = await this.read(host, `systemctl show --property=Job -- ${units.map(quote).join(" ")}`);
    return !/^Job=[1-9]/m.test(jobs);
  }

  /** A command that changes nothing: run once more if the connection breaks. Rejects when it fails. */
  async read(host: string, command: string, timeoutMs?: number): Promise<string> {
    const outcome = await this.run(host, command, timeoutMs).catch((error) => {
      if (error instanceof SshError && error.worthAnotherTry) return this.run(host, command, timeoutMs);
      throw error;
    });
    if (outcome.code !== 0) throw new Error(`${host}: ${outcome.stderr.trim() || outcome.stdout.trim() || command}`);
    return outcome.stdout;
  }

  /** As root: by way of sudo where the user is another one. */
  run(host: string, command: string, timeoutMs?: number): Promise<Outcome> {
    const connection = this.#connections.get(host);
    if (!connection) throw new Error(`host ${host} is not part of this rollout`);
    const asRoot = this.#users.get(host) === "root" ? "" : "sudo -n ";
    return connection.run(`${asRoot}env PATH=${PATH} sh -c ${quote(command)}`, timeoutMs);
  }
}

/** A command's PATH over SSH is what the server was built with: it may lack /usr/local. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
