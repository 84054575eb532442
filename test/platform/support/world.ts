/**
 * The hosts of a plan as folders, and what their commands do. Host programs that are told a root really run, in the folder, with a
 * fake systemd and kubelet; what would ask etcd or the API server is answered by a simulation. Nothing else runs at all.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inflateSync } from "node:zlib";
import { makeKeys, programsRecord } from "../../../components/host/delivery";
import { machineApply } from "../../../components/machine/host-programs";
import type { ClusterPlan } from "../../../components/plan/types";
import { returnSeconds } from "../folders";
import { type Answer, answered, failed } from "./answer";
import { FolderHost } from "./host";
import { runInFolder } from "./run";
import { Shard } from "./shard";

const tools = "/usr/local/lib/kilonode";
const stillStarting = `${tools}/still-starting`;

export class World {
  /** What happened to services, in its order: "master-1 away: kube-apiserver", "master-1 back", "master-1 rests". */
  readonly log: string[] = [];
  /** Commands that changed something, by host. */
  readonly changes: string[] = [];
  readonly hosts: readonly FolderHost[];
  readonly shards: readonly Shard[];
  /** What a host that was taken over prints in place of the requests of make-keys. */
  forged: ((host: FolderHost, requests: Readonly<Record<string, string>>) => unknown) | undefined;
  readonly #running = new Set<Promise<Answer>>();
  readonly #masters: readonly FolderHost[];
  /** By master, for how long it has been telling that it is ready. */
  readonly #told = new Map<FolderHost, number>();
  /** Of the leases of the controller manager and the scheduler. */
  #holder: FolderHost | undefined;

  constructor(plan: ClusterPlan, folderOf: (host: string) => string) {
    this.hosts = plan.hosts.map(({ name }) => new FolderHost(name, folderOf(name)));
    const named = (names: readonly string[]) => this.hosts.filter(({ name }) => names.includes(name));
    this.shards = plan.shards.map((shard) => new Shard(shard, named(shard.members.map(({ name }) => name)), this.log));
    this.#masters = named(plan.hosts.filter(({ role }) => role === "master").map(({ name }) => name));
    this.#holder = this.#masters[0];
  }

  get holder(): string | undefined {
    return this.#holder?.name;
  }

  /** The first master whose API server is ready. */
  get serving(): FolderHost | undefined {
    return this.#masters.find((master) => this.#ready(master));
  }

  run(host: FolderHost, command: string, input: () => Promise<string>): Promise<Answer> {
    const running = this.#answer(host, command, input).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /** Resolves when no command runs. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #answer(host: FolderHost, command: string, input: () => Promise<string>): Promise<Answer> {
    const [program = "", ...args] = words(command);
    if (program === "python3") {
      // The loader of programs, or the runner of one: its path follows.
      const [, , , first = ""] = args;
      return first === makeKeys ? this.#makeKeys(host, await input()) : deliver(host, first, await input());
    }
    if (program === "cat") {
      const missing = args.find((path) => !host.has(path));
      const texts = args.filter((path) => host.has(path)).map((path) => readFileSync(host.path(path), "utf8"));
      return { ...answered(texts.join("")), code: missing === undefined ? 0 : 1 };
    }
    if (!host.has(program)) return failed(`${program}: not found`, 127);
    switch (program) {
      case machineApply:
        return this.#machineApply(host, args, input);
      case stillStarting:
        return this.#stillStarting(host, args);
      case `${tools}/etcd-look`:
        return this.#shardOf(host).look(host);
      case `${tools}/etcd-call`:
        return this.#shardOf(host).call(host, args);
      case `${tools}/secret-keys`:
        return answered('{"key1": 1}');
      case `${tools}/hold-clients`:
        if (args[0] === "hold") this.log.push(`${host.name} holds its clients`);
        return answered("");
      case `${tools}/check-apiserver`:
        return this.#ready(host) ? answered("") : failed("[-]etcd failed: readyz check failed");
      case `${tools}/ready-seconds`:
        return answered(String(this.#readySeconds(host)));
      case `${tools}/leader-of`:
        return answered(JSON.stringify(host === this.#holder ? ["kube-controller-manager", "kube-scheduler"] : []));
    }
    return failed(`${program}: not for a folder`, 126);
  }

  async #makeKeys(host: FolderHost, input: string): Promise<Answer> {
    const answer = await runInFolder(host, makeKeys, [], input);
    if (!this.forged || answer.code !== 0) return answer;
    return answered(JSON.stringify(this.forged(host, JSON.parse(answer.stdout) as Record<string, string>)));
  }

  async #machineApply(host: FolderHost, args: readonly string[], input: () => Promise<string>): Promise<Answer> {
    const [verb = ""] = args;
    const answer = await runInFolder(host, machineApply, args, verb.startsWith("stage") ? await input() : "");
    if (verb !== "status" && verb !== "drift") this.changes.push(`${host.name} ${verb}`);
    if (verb === "rest") this.#rests(host);
    if (verb === "activate" && answer.code === 0) this.#activated(host, JSON.parse(answer.stdout) as Activated);
    return answer;
  }

  /** Its machine is about to be changed. */
  #rests(host: FolderHost): void {
    this.log.push(`${host.name} rests`);
    if (host === this.#holder) this.#holder = this.#masters.find((master) => master !== host && this.#ready(master));
  }

  /** What an activation has started or restarted is away until it is asked after. */
  #activated(host: FolderHost, { changed: { services } }: Activated): void {
    const moved = [...services.restarted, ...services.started].filter((name) => !name.startsWith("traffic-classes."));
    if (moved.length === 0) return;
    for (const service of moved) host.begin(service);
    this.log.push(`${host.name} ${services.restarted.length > 0 ? "away" : "starts"}: ${moved.join(", ")}`);
    if (moved.includes("etcd.service")) this.#shardOf(host).started(host);
    if (host === this.#holder && services.restarted.length > 0)
      this.#holder = this.#masters.find((master) => master !== host && this.#ready(master));
  }

  async #stillStarting(host: FolderHost, args: readonly string[]): Promise<Answer> {
    const answer = await runInFolder(host, stillStarting, args, "");
    if (host.starting.length > 0) {
      host.finish();
      this.log.push(`${host.name} back`);
    }
    return answer;
  }

  /** A second passes whenever it is asked. */
  #readySeconds(master: FolderHost): number {
    const seconds =
      this.#ready(master) && master.runsUnit("apiserver-health.service") ? (this.#told.get(master) ?? 0) + 1 : 0;
    this.#told.set(master, seconds);
    if (seconds === returnSeconds) this.log.push(`${master.name} in rotation`);
    return seconds;
  }

  #ready(master: FolderHost): boolean {
    return master.runsPod("kube-apiserver") && this.shards.every(({ hasQuorum }) => hasQuorum);
  }

  #shardOf(host: FolderHost): Shard {
    const shard = this.shards.find(({ hosts }) => hosts.includes(host));
    if (!shard) throw new Error(`${host.name} is no member of a shard`);
    return shard;
  }
}

interface Activated {
  readonly changed: { readonly services: { readonly restarted: string[]; readonly started: string[] } };
}

/** Of a command as the program writes it: bare or in single quotes, after assignments that only make it another one. */
function words(command: string): string[] {
  const all = [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ""));
  return all.slice(all.findIndex((word) => !/^[A-Z]+=/.test(word)));
}

/** As lib/kilonode/deliver, which knows no root. */
function deliver(host: FolderHost, repairs: string, input: string): Answer {
  const { programs } = JSON.parse(input) as { programs: string };
  const texts = JSON.parse(inflateSync(Buffer.from(programs, "base64")).toString()) as Record<string, string>;
  const put = (path: string, text: string) => {
    mkdirSync(dirname(host.path(path)), { recursive: true });
    writeFileSync(host.path(path), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  };
  const sums: Record<string, string> = {};
  for (const [path, text] of Object.entries(texts)) {
    put(path, text);
    sums[path] = createHash("sha256")
      .update(readFileSync(host.path(path)))
      .digest("hex");
  }
  put(programsRecord, JSON.stringify({ repairs: Number(repairs), sums }));
  return answered(JSON.stringify(sums));
}
