/** The hosts of a rollout over SSH. */
import type { Words } from "../../access/privilege";
import { COMMAND_TIMEOUT_MS, type Outcome, SshConnection, SshError } from "../../access/ssh";
import type { HostTarget } from "../../access/target";
import { machineApply, tools } from "../../machine/host-programs";
import {
  type Activation,
  type DownService,
  type MachineStatus,
  readActivation,
  readDiagnosis,
  readMachineStatus,
  readNames,
  type ServiceKind,
} from "./answers";
import type { ActivationOptions, Clock, ContentPart, Hosts } from "./hosts";

/**
 * What a host tells of itself may take so long: the lab's hosts share a few processors, and all are asked at once. One that is gone is
 * noticed by its connection, long before.
 */
const TELL_TIMEOUT_MS = 120_000;

export class RemoteHosts implements Hosts, Clock {
  readonly #connections = new Map<string, SshConnection>();
  readonly #services = new Map<string, Readonly<Record<string, { readonly kind: ServiceKind }>>>();

  constructor(
    targets: readonly HostTarget[],
    privateKey: string,
    /** How long an activation may take. */
    readonly hostTimeoutMs: number,
    /** No more of the staged content than this is looked at and made live. */
    readonly part?: ContentPart,
  ) {
    for (const target of targets) this.#connections.set(target.name, new SshConnection(target, privateKey));
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
    return this.#connections.get(host)?.target.address;
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  async status(host: string): Promise<MachineStatus> {
    const status = readMachineStatus(
      host,
      await this.read(host, [machineApply, "status", ...this.#only], TELL_TIMEOUT_MS),
    );
    this.#services.set(host, status.services);
    return status;
  }

  async activate(host: string, { env = {}, hold = [], holdRunning = [] }: ActivationOptions): Promise<Activation> {
    const options = [
      ...this.#only,
      ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...hold.flatMap((service) => ["--hold", service]),
      ...holdRunning.flatMap((service) => ["--hold-running", service]),
    ];
    const words = [machineApply, "activate", ...options];
    const outcome = await this.run(host, words, Math.max(this.hostTimeoutMs, COMMAND_TIMEOUT_MS));
    if (outcome.code !== 0)
      throw new Error(`${host}: ${outcome.stderr.trim() || `activation exited with ${outcome.code}`}`);
    return readActivation(host, outcome.stdout);
  }

  get #only(): string[] {
    return this.part === undefined ? [] : ["--only", this.part];
  }

  /** Ends the host's services, in the way of a restart; they start again with the host, or by its next activation. */
  async rest(host: string): Promise<void> {
    await this.read(host, [machineApply, "rest"], Math.max(this.hostTimeoutMs, COMMAND_TIMEOUT_MS));
  }

  /**
   * Activation does not wait for services that wait for others. The host tells which of them are still starting, from the
   * moment the start was asked for: the old process cannot be taken for the new one.
   */
  async settled(host: string): Promise<boolean> {
    const services = Object.entries(this.#services.get(host) ?? {});
    if (services.length === 0) return true;
    const names = services.map(([name, { kind }]) => `${kind}:${name}`);
    return readNames(await this.read(host, [`${tools}/still-starting`, ...names])).length === 0;
  }

  async diagnose(host: string): Promise<readonly DownService[]> {
    return readDiagnosis(host, await this.read(host, [machineApply, "diagnose"], TELL_TIMEOUT_MS));
  }

  /** A command that changes nothing: run once more if the connection breaks. Rejects when it fails. */
  async read(host: string, words: Words, timeoutMs?: number): Promise<string> {
    const outcome = await this.run(host, words, timeoutMs).catch((error) => {
      if (error instanceof SshError && error.worthAnotherTry) return this.run(host, words, timeoutMs);
      throw error;
    });
    if (outcome.code !== 0)
      throw new Error(`${host}: ${outcome.stderr.trim() || outcome.stdout.trim() || words.join(" ")}`);
    return outcome.stdout;
  }

  /** As root, whoever logs in. */
  run(host: string, words: Words, timeoutMs?: number): Promise<Outcome> {
    const connection = this.#connections.get(host);
    if (!connection) throw new Error(`host ${host} is not part of this rollout`);
    return connection.run(words, timeoutMs);
  }
}
