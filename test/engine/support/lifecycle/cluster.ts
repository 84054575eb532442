/**
 * A cluster on a pretended account with pretended hosts, driven by the engine with the unmodified program in this process. After each operation
 * that has an effect outside of the state (on AWS, on a host, in the API) the model looks at all of it. What a killed run leaves behind is
 * kept as it lies on the disk at that moment, before an effect or right after it, and can be gone on from.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackEngine } from "../../../../cli/run/engine";
import { clearLeftovers } from "../../../../cli/run/leftovers";
import { stateOf } from "../../../../cli/run/rehearsal-state";
import { checkedCluster } from "../../../../components/check";
import type { ClusterPlan } from "../../../../components/plan/types";
import { aws } from "../../../../components/platform/aws";
import { binariesOf } from "../../../../components/platform/aws/artifacts";
import type { PreparedAws } from "../../../../components/platform/aws/prepare";
import { program } from "../../../../components/program";
import type { RawConfiguration } from "../../../../config/read";
import {
  type ConfigValue,
  type Provider,
  type ResourceCall,
  type Result,
  readResources,
  urnName,
  type Values,
} from "../../../../engine";
import { SimulatedProvider } from "../../../../engine/providers/aws";
import { serveAws } from "../../../../engine/providers/aws/api";
import type { Thing } from "../../../../engine/providers/aws/cloud";
import type { Fault } from "../../../../engine/providers/aws/plan";
import { T } from "../../../../engine/providers/aws/rows/common";
import { providers, Rehearsal } from "../../../../engine/rehearsal";
import { rawOf } from "../../../support/plans";
import { pretendedCommands, useHosts } from "./commands";
import { PretendedHosts } from "./hosts";
import { after, type Cluster, forbidden, type Operation, type Rules, unborn, violations } from "./model";

export type Moment = "before" | "after";

/** An operation in the order of the run, which may be killed then. */
export interface Point extends Operation {
  readonly number: number;
}

export interface Options {
  /** Changes of a plan that no key of a configuration makes. */
  readonly alter?: (plan: ClusterPlan) => void;
  /** The platform with something in it that must not be. */
  readonly variant?: (platform: typeof aws) => typeof aws;
  /** So many creations of the type have to be under way at once: each waits for the others. */
  readonly together?: { readonly type: string; readonly count: number };
  /** Keys of the stack's configuration that are others. */
  readonly base?: RawConfiguration;
  /** Where a killed run is kept. */
  readonly kept?: (point: Point) => boolean;
}

const passphrase = "a";
/** What a provider makes up, and folders of tests. */
const chance = /[0-9a-f]{16,}|(?<=-)[0-9a-f]{7}(?=-|$)|\S*kilonode-life-\w+/g;
const files = ["state.json", "state.json.journal", "state.json.bak", "state.json.aws", "hosts.json"];
const environment = {
  AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "example",
  AWS_EC2_METADATA_DISABLED: "true",
};

export class LifecycleCluster {
  readonly dir = mkdtempSync(join(tmpdir(), "kilonode-life-"));
  readonly stateFile = join(this.dir, "state.json");
  readonly hosts: PretendedHosts;
  /** Operations of all runs, in their order. */
  readonly operations: Point[] = [];
  /** What must not have been. */
  readonly broken: string[] = [];
  #known: Cluster = unborn;
  #faults: readonly Fault[] = [];
  #ends = false;
  #plan: ClusterPlan;

  constructor(
    readonly stack: string,
    readonly options: Options = {},
    from?: string,
  ) {
    for (const file of files)
      if (from !== undefined && existsSync(join(from, file))) copyFileSync(join(from, file), join(this.dir, file));
    this.hosts = new PretendedHosts(this.#provider().cloud);
    if (from !== undefined) {
      const { hosts, known } = JSON.parse(readFileSync(join(from, "hosts.json"), "utf8")) as {
        hosts: string;
        known: Cluster;
      };
      this.hosts.load(hosts);
      this.#known = known;
    }
    this.#plan = this.#checked({}).plan;
    this.hosts.moved = (what) => this.#look(what);
  }

  /** Another cluster that stands where this run was killed. */
  killedAt(number: number, moment: Moment, options: Options = {}): LifecycleCluster {
    return new LifecycleCluster(
      this.stack,
      { ...options, base: this.options.base ?? {} },
      this.#folder(number, moment),
    );
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  get cloud() {
    return this.hosts.cloud;
  }

  up(change: RawConfiguration = {}, faults: readonly Fault[] = []): Promise<Result> {
    this.#plan = this.#checked(change).plan;
    return this.#run(change, faults, (stack) => stack.up());
  }

  preview(change: RawConfiguration = {}): Promise<Result> {
    return this.#run(change, [], (stack) => stack.preview());
  }

  /** As the command does: what is protected stays. */
  async destroy(): Promise<Result> {
    this.#ends = true;
    const result = await this.#run({}, [], (stack) => stack.destroy());
    this.#ends = false;
    this.#known = unborn;
    return result;
  }

  /** As the command does before each run. @returns what it says */
  async clearLeftovers(): Promise<string[]> {
    const lines: string[] = [];
    const { spec } = this.#checked({});
    await this.#asked(() => clearLeftovers({ platform: aws, spec }, this.#engine(), (line) => void lines.push(line)));
    return lines;
  }

  #engine(): Pick<StackEngine, "exists" | "export" | "state"> {
    return {
      exists: async () => existsSync(this.stateFile) || existsSync(`${this.stateFile}.journal`),
      export: async () => this.stackWith({}).export(),
      state: async () => stateOf(this.stateFile, passphrase),
    };
  }

  /** What AWS has and the state does not know. */
  get orphans(): Thing[] {
    const known = readResources(this.stateFile).map(({ id }) => id);
    return this.cloud.everything.filter(({ id }) => !known.includes(id));
  }

  /** All that the state knows, by type and name. */
  get known(): string[] {
    return readResources(this.stateFile)
      .map(({ type, urn }) => `${type} ${urnName(urn)}`)
      .sort();
  }

  /** What AWS has that the state knows, without ids: type, name and inputs. A launch template that is changed twice has a version more. */
  get things(): string[] {
    const orphans = this.orphans;
    const all = this.cloud.everything.filter((one) => !orphans.includes(one));
    const names = new Map(all.map(({ id, name, type }) => [id, `<${type} ${name}>`]));
    const shown = (value: unknown): string =>
      JSON.stringify(value, (key, one) => {
        if (key === "kilonode:incarnation" || key === "kilonode:owner" || key === "kilonode:ssh-key") return "";
        if (typeof one !== "string") return one;
        return [...names].reduce((text, [id, name]) => text.replaceAll(id, name), one).replaceAll(chance, "");
      });
    return all
      .map(({ inputs, name, type }) => `${type} ${name} ${shown(inputs).replaceAll(/"version":\d+/g, "")}`)
      .sort();
  }

  stackWith(change: RawConfiguration): Rehearsal {
    const config = Object.entries(this.#raw(change)).map(([key, object]): [string, ConfigValue] => [key, { object }]);
    const prepare: typeof aws.prepare = async (run) => {
      // Nothing is built: what hosts fetch is a text each.
      const prepared = await aws.prepare({ ...run, change: false });
      this.options.alter?.(run.plan);
      return { ...prepared, ...this.#artifacts(run.plan) };
    };
    const platform = { ...aws, prepare };
    const platforms = { aws: this.options.variant?.(platform) ?? platform };
    return new Rehearsal({
      projectDir: ".",
      stack: this.stack,
      stateFile: this.stateFile,
      passphrase,
      providers: (name, stateFile) => this.#followed(name, () => providers(name, stateFile)),
      program: () => program(platforms) as Promise<Record<string, unknown>>,
      excludeProtected: true,
      config: Object.fromEntries(config),
    });
  }

  #artifacts(plan: ClusterPlan): Pick<PreparedAws, "artifacts" | "files"> {
    const names = binariesOf(plan);
    const made = names.map((name): [string, string] => [name, join(this.dir, name)]);
    for (const [name, file] of made) writeFileSync(file, `the program ${name}\n`);
    return {
      files: new Map(made),
      artifacts: new Map(names.map((name) => [name, Buffer.from(name.padEnd(32)).toString("hex")])),
    };
  }

  async #run(
    change: RawConfiguration,
    faults: readonly Fault[],
    work: (stack: Rehearsal) => Promise<Result>,
  ): Promise<Result> {
    this.#faults = faults;
    return this.#asked(() => work(this.stackWith(change)));
  }

  /** With EC2's API and hosts that answer. */
  async #asked<R>(work: () => Promise<R>): Promise<R> {
    this.hosts.cloud = this.#provider().cloud;
    useHosts(this.hosts);
    const api = await serveAws({ cloud: this.hosts.cloud });
    Object.assign(process.env, environment, api.variables);
    try {
      return await work();
    } finally {
      await api.close();
    }
  }

  #checked(change: RawConfiguration) {
    return checkedCluster(this.stack, this.#raw(change), { aws });
  }

  #raw(change: RawConfiguration): RawConfiguration {
    return { ...rawOf(this.stack), ...this.options.base, ...change };
  }

  #provider(): SimulatedProvider {
    return new SimulatedProvider({ file: `${this.stateFile}.aws`, plan: { faults: this.#faults }, patienceMs: 0 });
  }

  #followed(name: string, real: () => Provider): Provider {
    if (name === "aws") return this.#watched(this.#provider());
    if (name === "command") return this.#watched(pretendedCommands());
    if (name === "kubernetes") return this.#watched(this.#objects(real()));
    return real();
  }

  /** Objects are kept nowhere: what counts is that an API server takes them. */
  #objects(real: Provider): Provider {
    const taken = async (outputs: Values) => {
      if (this.hosts.sight().masters.length === 0) throw new Error("dial tcp: connect: connection refused");
      return outputs;
    };
    return {
      check: (...args) => real.check?.(...args) as ReturnType<NonNullable<Provider["check"]>>,
      diff: (...args) => real.diff?.(...args) as ReturnType<NonNullable<Provider["diff"]>>,
      create: async (call, inputs) => ({ id: call.name, outputs: call.preview ? inputs : await taken(inputs) }),
      update: async (call, _id, _old, _outputs, inputs) => ({ outputs: call.preview ? inputs : await taken(inputs) }),
      delete: async () => void (await taken({})),
    };
  }

  #watched(provider: Provider): Provider {
    const watch = async <R>(verb: string, call: ResourceCall, id: string, work: () => Promise<R>): Promise<R> => {
      if (call.preview) return work();
      const point = this.#begin(verb, call, id);
      try {
        const result = await work();
        if (verb === "create" && call.type === this.options.together?.type) await this.#others();
        this.#keep(point, "after");
        return result;
      } finally {
        this.hosts.sweep();
        this.#look(`${verb} ${call.type} ${call.name}`);
      }
    };
    const { create, delete: remove, update } = provider;
    return {
      configure: async (config) => provider.configure?.(config),
      check: (...args) => provider.check?.(...args) as ReturnType<NonNullable<Provider["check"]>>,
      diff: (...args) => provider.diff?.(...args) as ReturnType<NonNullable<Provider["diff"]>>,
      ...(provider.read && {
        read: (...args) => provider.read?.(...args) as ReturnType<NonNullable<Provider["read"]>>,
      }),
      ...(provider.invoke && { invoke: (...args) => provider.invoke?.(...args) as Promise<Values> }),
      secretOutputs: (type) => provider.secretOutputs?.(type) ?? [],
      close: async () => provider.close?.(),
      create: (call, inputs) => watch("create", call, "", () => create.call(provider, call, inputs)),
      update: (call, id, ...rest) =>
        watch("update", call, id, () => update?.call(provider, call, id, ...rest) as Promise<{ outputs: Values }>),
      delete: (call, id, ...rest) => watch("delete", call, id, async () => remove?.call(provider, call, id, ...rest)),
    };
  }

  readonly #waiting: (() => void)[] = [];

  /** Until as many are made; fails when one has to wait for another's end. */
  async #others(): Promise<void> {
    const { count, type } = this.options.together as { readonly type: string; readonly count: number };
    const all = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#waiting.length >= count) for (const go of this.#waiting) go();
    const late = setTimeout(() => {
      this.broken.push(`${this.#waiting.length} of ${count} ${type} are made at once`);
      for (const go of this.#waiting) go();
    }, 120_000);
    await all;
    clearTimeout(late);
  }

  #begin(verb: string, { name, type }: ResourceCall, id: string) {
    const point = { number: this.operations.length + 1, verb, type, name, holds: this.#holds(type, id) };
    this.operations.push(point);
    this.broken.push(...forbidden(point, this.#rules).map((what) => `${point.number}: ${what}`));
    this.#keep(point, "before");
    return point;
  }

  /** What a resource has of the cluster. */
  #holds(type: string, id: string): string[] {
    if (type === T.volume) return this.hosts.holdsData(id) ? [id] : [];
    const instance = type === T.instance ? this.cloud.find(type, id) : undefined;
    if (!instance) return [];
    const { masters, shards } = this.hosts.sight();
    const host = [...this.hosts.running()].find(([, one]) => one.id === id)?.[0] ?? "";
    return [...Object.entries(shards), ["the API", { voters: masters, up: masters }] as const].flatMap(
      ([what, { up }]) => (up.includes(host) ? [what] : []),
    );
  }

  get #rules(): Rules {
    return { ends: this.#ends, ephemeral: this.#plan.ephemeral, spareMasters: 1 };
  }

  looks = 0;

  #look(what: string): void {
    this.looks++;
    const sight = this.hosts.sight();
    this.#known = after(this.#known, sight);
    this.broken.push(
      ...violations(this.#known, sight, this.#rules).map((one) => `${this.operations.length}, ${what}: ${one}`),
    );
  }

  #folder = (number: number, moment: Moment): string => join(this.dir, "killed", `${number}-${moment}`);

  #keep(point: Point, moment: Moment): void {
    if (!this.options.kept?.(point)) return;
    const folder = this.#folder(point.number, moment);
    mkdirSync(folder, { recursive: true });
    for (const file of files)
      if (existsSync(join(this.dir, file))) copyFileSync(join(this.dir, file), join(folder, file));
    writeFileSync(join(folder, "hosts.json"), JSON.stringify({ hosts: this.hosts.save(), known: this.#known }));
  }
}
