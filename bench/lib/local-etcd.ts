/** Real etcd processes on loopback addresses, driven through the very commands that a rollout runs over SSH. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Words } from "../../components/access/privilege";
import type { Outcome } from "../../components/access/ssh";
import { hostText } from "../../components/machine/host-files";
import { tools } from "../../components/machine/host-programs";
import { ports } from "../../components/plan/ports";
import { RemoteShard } from "../../components/rollout/etcd/remote";
import type { EtcdPlan } from "../../components/rollout/etcd/shard";
import type { Activation, DownService, MachineStatus } from "../../components/rollout/hosts/answers";
import type { ActivationOptions } from "../../components/rollout/hosts/hosts";
import { checkToolchain, isSound } from "../../toolchain/ensure";

/** etcd and etcdctl as a cluster runs them by default; undefined where the toolchain has not made them. */
export async function findEtcd(): Promise<{ readonly etcd: string; readonly etcdctl: string } | undefined> {
  const tools = await checkToolchain({ binaries: ["etcd", "etcdctl"] }, true).catch(() => []);
  const [etcd, etcdctl] = tools;
  return etcd && isSound(etcd) && etcdctl && isSound(etcdctl) ? { etcd: etcd.path, etcdctl: etcdctl.path } : undefined;
}

interface LocalHost {
  readonly name: string;
  readonly address: string;
  readonly zone: string;
  staged: string;
  active: string | null;
  process: ChildProcess | undefined;
  /** What systemd would call a job: until the process that was asked for is ready. */
  job: Promise<void> | undefined;
  /** The process still runs what was live before: its restart was held back. */
  owed: boolean;
  env: Readonly<Record<string, string>>;
}

/** The commands of a RemoteShard, run here instead of over SSH, with the member's own settings. */
export class LocalShard extends RemoteShard {
  readonly #dir = mkdtempSync(join(tmpdir(), "kilonode-etcd-"));
  readonly #hosts = new Map<string, LocalHost>();
  readonly log: string[] = [];
  /** Of every member that starts from now on. */
  flags: readonly string[] = [];
  /** The program that a host runs with what is live on it. */
  programOf: (content: string | null) => string = () => this.binaries.etcd;
  readonly #network: number;
  #addresses = 0;

  constructor(
    readonly binaries: { readonly etcd: string; readonly etcdctl: string },
    network: number,
  ) {
    super([], "", 60_000);
    this.#network = network;
  }

  addHost(name: string, staged: string): void {
    const index = this.#addresses++;
    const address = `127.61.${this.#network}.${index + 1}`;
    this.#hosts.set(name, {
      name,
      address,
      zone: `zone-${"abc"[index % 3]}`,
      staged,
      active: null,
      process: undefined,
      job: undefined,
      owed: false,
      env: {},
    });
  }

  plan(names: readonly string[], more: Partial<EtcdPlan> = {}): EtcdPlan {
    const targets = names.map((name) => {
      const { zone, staged, address } = this.host(name);
      return { name, zone, digest: staged, peerUrl: `http://${address}:${ports.etcdPeer}` };
    });
    return {
      group: "etcd-test",
      token: `token-${this.#network}`,
      targets,
      hostTimeoutMs: 90_000,
      established: false,
      ...more,
    };
  }

  host(name: string): LocalHost {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  clientUrls(): string[] {
    return [...this.#hosts.values()]
      .filter((host) => host.process)
      .map(({ address }) => `http://${address}:${ports.etcdClient}`);
  }

  stage(digest: string): void {
    for (const host of this.#hosts.values()) host.staged = digest;
  }

  override async rest(name: string): Promise<void> {
    const host = this.host(name);
    this.log.push(`rest ${name}`);
    await end(host.process, "SIGTERM");
    Object.assign(host, { process: undefined, job: undefined });
  }

  override async defragment(name: string): Promise<void> {
    const host = this.host(name);
    this.log.push(`defragment ${name}`);
    await end(host.process, "SIGTERM");
    const { env } = host;
    host.env = { ...env, ETCD_BOOTSTRAP_DEFRAG_THRESHOLD_MEGABYTES: "1" };
    await this.#start(host);
    host.env = env;
  }

  /** Its process dies; its data stays. */
  async kill(name: string): Promise<void> {
    await end(this.host(name).process, "SIGKILL");
  }

  /** The machine dies and is made again, empty. */
  async recreate(name: string): Promise<void> {
    const host = this.host(name);
    await end(host.process, "SIGKILL");
    rmSync(join(this.#dir, name), { recursive: true, force: true });
    Object.assign(host, { active: null, process: undefined, job: undefined, owed: false });
  }

  /** The host goes, and its data stays for the next one of that name. */
  async leave(name: string): Promise<void> {
    const host = this.host(name);
    await end(host.process, "SIGKILL");
    Object.assign(host, { active: null, process: undefined, job: undefined, env: {} });
  }

  override async setAside(name: string): Promise<readonly string[]> {
    const host = this.host(name);
    await end(host.process, "SIGTERM");
    const [data, aside] = ["data", "data-aside"].map((folder) => join(this.#dir, name, folder)) as [string, string];
    if (!existsSync(data)) return [];
    renameSync(data, aside);
    this.log.push(`set aside ${name}`);
    return [aside];
  }

  async cleanUp(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => end(host.process, "SIGKILL")));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  override async status(name: string): Promise<MachineStatus> {
    const { staged, active, process, job, owed } = this.host(name);
    const state = process ? (job ? "activating" : "active") : "inactive";
    return {
      staged,
      active,
      everActivated: active !== null || existsSync(join(this.#dir, name, "data")),
      restarts: state === "active" && (active !== staged || owed) ? ["etcd.service"] : [],
      pending: active === staged ? [] : ["write /etc/etcd/etcd.env"],
      services: active === null ? {} : { "etcd.service": { kind: "unit", active: state } },
      degradations: [],
      parts: {},
      distrusts: false,
    };
  }

  /** Returns before the old process is gone, as `systemctl --no-block restart` does. */
  override async activate(name: string, { env = {}, holdRunning }: ActivationOptions): Promise<Activation> {
    const host = this.host(name);
    this.log.push(`activate ${name}`);
    if (Object.keys(env).length > 0) host.env = env;
    const differs = host.owed || host.active !== host.staged;
    host.owed = differs && holdRunning !== undefined && host.process !== undefined && host.job === undefined;
    if (!host.process || (differs && !host.owed)) {
      const old = host.process;
      host.job = end(old, "SIGTERM")
        .then(() => this.#start(host))
        .finally(() => {
          host.job = undefined;
        });
    }
    host.active = host.staged;
    return { digest: host.staged, degradations: [] };
  }

  override async settled(name: string): Promise<boolean> {
    return this.host(name).job === undefined;
  }

  override async diagnose(): Promise<readonly DownService[]> {
    return [];
  }

  override async moveLeader(...args: Parameters<RemoteShard["moveLeader"]>): Promise<readonly string[]> {
    this.log.push(`move ${args[0].name} ${args[1].name}`);
    return super.moveLeader(...args);
  }

  override async run(name: string, [program = "", ...args]: Words, timeoutMs = 30_000): Promise<Outcome> {
    const tool = ["etcd-look", "etcd-call", "etcd-counts"].find((one) => program === `${tools}/${one}`);
    const here = tool ? this.#tool(name, tool) : program;
    const env = {
      PATH: `${dirname(this.binaries.etcdctl)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    };
    return new Promise((resolve) => {
      const child = spawn(here, args, { env, timeout: timeoutMs, stdio: ["ignore", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (text) => (stdout += text));
      child.stderr.on("data", (text) => (stderr += text));
      child.on("error", (error) => resolve({ code: 127, stdout, stderr: error.message }));
      child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    });
  }

  /** The host's own program, with the settings of that member here. @returns its path */
  #tool(name: string, tool: string): string {
    const settings = join(this.#dir, `${name}.env`);
    writeFileSync(settings, `ETCDCTL_ENDPOINTS=http://${this.host(name).address}:${ports.etcdClient}\n`);
    const folder = join(this.#dir, `${name}-tools`);
    mkdirSync(folder, { recursive: true });
    // One may run another, which is beside it.
    for (const one of new Set([tool, "etcd-call"])) {
      const text = hostText(`${tools}/${one}`).replaceAll("/etc/etcd/etcdctl.env", settings);
      writeFileSync(join(folder, one), text, { mode: 0o755 });
    }
    return join(folder, tool);
  }

  async #start(host: LocalHost): Promise<void> {
    const { name, address } = host;
    const dir = join(this.#dir, name);
    mkdirSync(dir, { recursive: true });
    const log = join(dir, "log");
    const seen = existsSync(log) ? statSync(log).size : 0;
    const out = openSync(log, "a");
    const url = (port: number) => `http://${address}:${port}`;
    const args = [
      `--name=${name}`,
      `--data-dir=${join(dir, "data")}`,
      `--listen-peer-urls=${url(ports.etcdPeer)}`,
      `--initial-advertise-peer-urls=${url(ports.etcdPeer)}`,
      `--listen-client-urls=${url(ports.etcdClient)}`,
      `--advertise-client-urls=${url(ports.etcdClient)}`,
      // Slow enough that a busy machine causes no election of its own.
      "--heartbeat-interval=500",
      "--election-timeout=5000",
      ...this.flags,
    ];
    const child = spawn(this.programOf(host.active), args, { env: { ...host.env }, stdio: ["ignore", out, out] });
    host.process = child;
    child.once("exit", () => {
      if (host.process === child) host.process = undefined;
    });
    while (
      host.process === child &&
      !readFileSync(log, "utf8").slice(seen).includes("ready to serve client requests")
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

/** Puts one key after the other, each acknowledged by some member; then looks whether all of them are there. */
export class Writer {
  readonly acknowledged: number[] = [];
  /** Longest time without an acknowledged write. */
  longestGapMs = 0;
  #running: Promise<void> | undefined;
  #stop = false;

  constructor(readonly urls: () => readonly string[]) {}

  start(): void {
    this.#running = this.#write();
  }

  async #write(): Promise<void> {
    let last = performance.now();
    for (let key = 0; !this.#stop; key++) {
      // Asking another member after a failure may write the key twice, which is no loss.
      for (let attempt = 0; !this.#stop; attempt++) {
        const urls = this.urls();
        const body = { key: encode(`k${key}`), value: encode(String(key)) };
        if (await post(`${urls[(key + attempt) % urls.length]}/v3/kv/put`, body)) break;
      }
      const now = performance.now();
      if (key > 0) this.longestGapMs = Math.max(this.longestGapMs, now - last);
      last = now;
      if (!this.#stop) this.acknowledged.push(key);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Stops; gives the keys that were acknowledged and are not there. */
  async lost(): Promise<number[]> {
    this.#stop = true;
    await this.#running;
    const answer = await post(`${this.urls()[0]}/v3/kv/range`, {
      key: encode("k"),
      range_end: encode("l"),
      keys_only: true,
    });
    const keys = new Set((answer?.kvs ?? []).map(({ key }) => Number(Buffer.from(key, "base64").toString().slice(1))));
    return this.acknowledged.filter((key) => !keys.has(key));
  }
}

const encode = (text: string) => Buffer.from(text).toString("base64");

async function post(url: string, body: unknown): Promise<{ kvs?: { key: string }[] } | undefined> {
  try {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(2_000) });
    return answer.ok ? ((await answer.json()) as { kvs?: { key: string }[] }) : undefined;
  } catch {
    return undefined;
  }
}
