/** One cluster on folders, driven by the engine: its configuration, its world, and the end of everything. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CheckedCluster, checkedCluster } from "../../../components/check";
import { type Commitments, readCommitments } from "../../../components/plan/commitments";
import { resourceIds } from "../../../components/resources";
import type { RawConfiguration } from "../../../config/read";
import { type ConfigValue, type Result, readResources, urnName } from "../../../engine";
import { providers, Rehearsal } from "../../../engine/rehearsal";
import { openedResources, PASSPHRASE } from "../../engine/support/recordings";
import { folderOf, folders, sshPort } from "../folders";
import { ManagedApi } from "./api";
import { SshServers } from "./ssh";
import { World } from "./world";

export class FoldersCluster {
  readonly dir = mkdtempSync(join(tmpdir(), "kilonode-folders-"));
  readonly root = join(this.dir, "root");
  readonly #stop = new AbortController();
  #run: Promise<unknown> = Promise.resolve();
  readonly world: World;
  readonly #servers: SshServers;

  private constructor(
    readonly stack: string,
    readonly hostRange: string,
    readonly base: RawConfiguration,
    readonly api: ManagedApi,
  ) {
    const { plan } = this.checked();
    this.world = new World(plan, (host) => folderOf(this.root, host));
    this.#servers = new SshServers(this.world);
    api.serving = () => this.world.serving;
  }

  static async start(base: RawConfiguration): Promise<FoldersCluster> {
    const api = new ManagedApi();
    // Nobody else on this machine uses a network whose API address is free.
    // The stack is named after this process: a run that was killed may have left a rollout, which has its stack's locks for a while.
    for (let network = 64; network < 127; network++) {
      const address = `127.${network}.0.1`;
      if (!(await api.listen(address))) continue;
      const cluster = new FoldersCluster(`t${process.pid.toString(36)}`, `127.${network}.0.0/20`, base, api);
      const { plan } = cluster.checked();
      api.name(new URL(plan.api.endpoint).hostname, address);
      for (const [index, host] of cluster.world.hosts.entries())
        await cluster.#servers.listen(host, plan.hosts[index]!.address, sshPort);
      return cluster;
    }
    throw new Error("port 6443 is taken at every loopback address: something listens there at all addresses");
  }

  /** The configuration as it is checked and planned, with other values for some of its keys. */
  checked(change: RawConfiguration = {}): CheckedCluster {
    return checkedCluster(this.stack, this.#raw(change), { folders });
  }

  preview(change: RawConfiguration = {}): Promise<Result> {
    return this.#ran(this.#stack(change).preview());
  }

  /** From another clone of the repository. */
  previewIn(clone: string): Promise<Result> {
    return this.#ran(this.#stack({}, clone).preview());
  }

  /** All that the state holds, its secrets in clear. */
  get opened(): unknown[] {
    return openedResources(this.#stack({}).export().deployment);
  }

  /** @param stop as Ctrl-C does */
  up(change: RawConfiguration = {}, stop?: AbortSignal): Promise<Result> {
    return this.#ran(this.#stack(change, ".", stop).up());
  }

  destroy(): Promise<Result> {
    return this.#ran(this.#stack({}).destroy());
  }

  /** The public keys of the state, by name. */
  get keys(): ReadonlyMap<string, unknown> {
    const all = readResources(join(this.dir, "state.json"));
    return new Map(
      all.flatMap(({ urn, outputs }) => (outputs?.publicKeyPem ? [[urnName(urn), outputs.publicKeyPem]] : [])),
    );
  }

  /** The certificates in the state that an authority has signed. */
  get signed(): readonly string[] {
    return readResources(join(this.dir, "state.json")).flatMap(({ urn, outputs }) =>
      urn.includes("LocallySignedCert") ? [String(outputs?.certPem)] : [],
    );
  }

  /** What the cluster is held to, as the command finds it in the state before a preview. */
  get commitments(): Commitments {
    const [type, name] = resourceIds.commitments;
    const found = readResources(join(this.dir, "state.json")).find(({ urn }) => urn.endsWith(`${type}::${name}`));
    const commitments = readCommitments(found?.outputs?.stdout);
    if (!commitments) throw new Error("the state holds no commitments");
    return commitments;
  }

  /** Path of a file of a host, which is named without the stack. */
  file(host: string, path: string): string {
    // Nodes of pools have no other name than their own.
    const names = [`${this.stack}-${host}`, host].map((name) => folderOf(this.root, name));
    return join(names.find((folder) => existsSync(folder)) ?? this.root, path);
  }

  read(host: string, path: string): string {
    return readFileSync(this.file(host, path), "utf8");
  }

  /** Ends everything, whatever is under way. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#run;
    this.#servers.close();
    await this.world.idle();
    this.api.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #ran(run: Promise<Result>): Promise<Result> {
    this.#run = run.catch(() => undefined);
    return run;
  }

  #raw(change: RawConfiguration): RawConfiguration {
    return {
      platform: "folders",
      ...this.base,
      ...change,
      folders: { root: this.root, ...(change.folders as RawConfiguration) },
      network: { ...(change.network as RawConfiguration), hosts: this.hostRange },
    };
  }

  #stack(change: RawConfiguration, clone = ".", stop?: AbortSignal): Rehearsal {
    const config = Object.entries(this.#raw(change)).map(([key, object]): [string, ConfigValue] => [key, { object }]);
    return new Rehearsal({
      projectDir: resolve(clone, "test/platform"),
      stack: this.stack,
      stateFile: join(this.dir, "state.json"),
      passphrase: PASSPHRASE,
      providers,
      signal: AbortSignal.any([this.#stop.signal, ...(stop ? [stop] : [])]),
      excludeProtected: true,
      config: Object.fromEntries(config),
    });
  }
}
