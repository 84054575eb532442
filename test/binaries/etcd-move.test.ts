/**
 * The split of a move with real etcd: six members under two writers, of which three become a cluster of their own, by the very commands and
 * programs that work on hosts. Only the doors are played: whoever writes what moves asks no member that is closed.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type Cut,
  type Door,
  type Note,
  readContent,
  readCut,
  readDeleted,
  readNote,
} from "../../cli/etcd/move/answers";
import { differences } from "../../cli/etcd/move/apart";
import type { SplitHosts, SplitPlan } from "../../cli/etcd/move/hosts";
import { split, splitRequest } from "../../cli/etcd/move/split";
import { type MemberState, readMember } from "../../cli/etcd/restore/answers";
import type { RestoreRequest } from "../../cli/etcd/restore/hosts";
import { readView } from "../../components/rollout/etcd/answers";
import { findings } from "../../components/rollout/etcd/health";
import type { Member, View } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { checkToolchain, isSound } from "../../toolchain/ensure";
import { Program } from "./support/process";

const library = resolve("components/machine/files/usr/local/lib/kilonode");
const scratch = mkdtempSync(join(tmpdir(), "kilonode-move-"));
const binaries = join(scratch, "bin");
const own = ["m1", "m2", "m3"];
const guests = ["g1", "g2", "g3"];
const all = [...own, ...guests];
const tools = await checkToolchain({ binaries: ["etcd", "etcdctl", "etcdutl"] }, true).catch(() => []);
const found = tools.flatMap((tool) => (isSound(tool) ? [tool] : []));
const path = `${binaries}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const address = (name: string) => `127.64.1.${all.indexOf(name) + 1}`;
const url = (name: string) => `http://${address(name)}:2379`;
const peer = (name: string) => `http://${address(name)}:2380`;
const plan: SplitPlan = { group: "etcd-main", shard: "pods", own, guests, hostTimeoutMs: 60_000 };
const gates = "CompactHashCheck=true,InitialCorruptCheck=true";
const prefixes = ["/registry/pods/"];

class LocalHost {
  readonly root = mkdtempSync(join(scratch, "host-"));
  process: Program | undefined;
  closed = false;
  drained = false;

  constructor(readonly name: string) {
    const user = `root:x:${process.getuid?.()}:${process.getgid?.()}::/root:/bin/sh\n`;
    this.write("/etc/passwd", user);
    this.write("/etc/group", `root:x:${process.getgid?.()}:\n`);
    const settings = {
      NAME: name,
      DATA_DIR: "/var/lib/etcd",
      WAL_DIR: "/var/lib/etcd-wal/wal",
      INITIAL_ADVERTISE_PEER_URLS: peer(name),
    };
    const lines = Object.entries(settings).map(([key, value]) => `ETCD_${key}=${value}\n`);
    this.write("/etc/etcd/etcd.env", `${lines.join("")}ETCD_FEATURE_GATES=${gates}\n`);
    this.write("/etc/etcd/etcdctl.env", `ETCDCTL_ENDPOINTS=${url(name)}\n`);
    const unit = "usr/local/lib/systemd/system/etcd.service";
    this.write(`/${unit}`, readFileSync(join("components/machine/files", unit), "utf8"));
    const mount = (at: string) => `1 1 8:1 / ${at} rw - ext4 /dev/sda rw\n`;
    this.write("/proc/self/mountinfo", mount("/var/lib/etcd/member/snap") + mount("/var/lib/etcd-wal"));
    mkdirSync(join(this.root, "var/lib/etcd/member/snap"), { recursive: true, mode: 0o700 });
    mkdirSync(join(this.root, "var/lib/etcd-wal"), { recursive: true });
    this.write("/fake/calls", "");
    // The programs as they are on a host, but for where the settings of its member are.
    cpSync(library, join(this.root, "library"), { recursive: true });
    for (const one of ["etcd-call", "etcd-look"]) {
      const text = readFileSync(join(library, one), "utf8");
      writeFileSync(
        join(this.root, "library", one),
        text.replaceAll("/etc/etcd/etcdctl.env", join(this.root, "etc/etcd/etcdctl.env")),
      );
    }
  }

  /** As systemd gives them: what is for one start is in a file after the other. */
  get gates(): string {
    const once = join(this.root, "etc/kilonode/activation.env");
    const text = existsSync(once) ? readFileSync(once, "utf8") : "";
    return /^ETCD_FEATURE_GATES="?([^"\n]*)"?$/m.exec(text)?.[1] ?? gates;
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.root, file)), { recursive: true });
    writeFileSync(join(this.root, file), text);
  }

  async start(cluster: string, state = "new"): Promise<void> {
    const child = new Program(
      join(binaries, "etcd"),
      [
        `--name=${this.name}`,
        `--data-dir=${join(this.root, "var/lib/etcd")}`,
        `--wal-dir=${join(this.root, "var/lib/etcd-wal/wal")}`,
        `--listen-peer-urls=${peer(this.name)}`,
        `--initial-advertise-peer-urls=${peer(this.name)}`,
        `--listen-client-urls=${url(this.name)}`,
        `--advertise-client-urls=${url(this.name)}`,
        "--initial-cluster-token=main",
        "--heartbeat-interval=100",
        "--election-timeout=2000",
        `--feature-gates=${this.gates}`,
      ],
      { env: { ETCD_INITIAL_CLUSTER: cluster, ETCD_INITIAL_CLUSTER_STATE: state } },
    );
    this.process = child;
    this.write("/fake/etcd.service.active", "active\n");
    await child.says(/ready to serve client requests/);
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.process;
    this.process = undefined;
    child?.signal(signal);
    await child?.end(20_000).catch(() => undefined);
  }

  async run(program: string, ...words: string[]): Promise<string> {
    const env = {
      PATH: `${resolve("test/unit/machine-fakes")}:${path}`,
      FAKE: join(this.root, "fake"),
      FAKE_ROOT: this.root,
    };
    const child = spawn(join(this.root, "library", program), words, { env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const code = await new Promise((done) => child.on("close", done));
    if (code !== 0) throw new Error(`${this.name}: ${program} ${words[0]}: ${stderr || stdout}`);
    return stdout;
  }
}

/** The command is killed before this call. */
class Killed extends Error {}

class LocalSplit implements SplitHosts {
  readonly hosts = new Map(all.map((name) => [name, new LocalHost(name)]));
  readonly log: string[] = [];
  killAt: string | undefined;
  #before: Promise<unknown> | undefined;

  now = () => performance.now();
  sleep = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));
  host = (name: string) => this.hosts.get(name)!;

  #step(what: string): void {
    if (this.killAt === what) {
      this.killAt = undefined;
      throw new Killed(what);
    }
    this.log.push(what);
  }

  async create(): Promise<void> {
    const cluster = all.map((name) => `${name}=${peer(name)}`).join(",");
    await Promise.all(all.map((name) => this.host(name).start(cluster)));
  }

  async look(name: string): Promise<View> {
    return readView(name, await this.host(name).run("etcd-look"));
  }

  async view(): Promise<View | undefined> {
    for (const name of own) {
      const view = await this.look(name).catch(() => undefined);
      if (view?.quorum) return view;
    }
    return undefined;
  }

  async member(name: string): Promise<MemberState> {
    return readMember(name, await this.#restore(name, "state"));
  }

  #restore(name: string, ...words: string[]): Promise<string> {
    return this.host(name).run("etcd-restore", "--root", this.host(name).root, ...words);
  }

  async door(name: string): Promise<Door> {
    const { closed, drained } = this.host(name);
    return { closed, clients: drained ? 0 : 2 };
  }

  async shut(name: string): Promise<void> {
    this.#step(`shut ${name}`);
    this.host(name).closed = true;
  }

  async letIn(name: string): Promise<void> {
    Object.assign(this.host(name), { closed: false, drained: false });
  }

  async drain(name: string): Promise<void> {
    this.#step(`drain ${name}`);
    this.host(name).drained = true;
    await this.sleep(300);
    await this.host(name).end();
    await this.host(name).start("unused=http://127.0.0.1:1", "existing");
  }

  async handOver(from: Member, to: Member): Promise<readonly string[]> {
    this.#step(`handOver ${from.name} ${to.name}`);
    held = true;
    await this.sleep(200);
    await this.host(from.name)
      .run("etcd-call", "move-leader", to.id)
      .finally(() => {
        held = false;
      });
    return [];
  }

  async cut(members: readonly Member[]): Promise<Cut> {
    this.#step("cut");
    held = true;
    try {
      await this.sleep(200);
      return readCut("m1", await this.host("m1").run("etcd-move", "cut", "900", ...members.map(({ id }) => id)));
    } finally {
      held = false;
    }
  }

  async note(): Promise<Note | undefined> {
    return readNote("m1", await this.host("m1").run("etcd-move", "note", "pods"));
  }

  async keepNote(note: Note | undefined): Promise<void> {
    await this.host("m1").run("etcd-move", "note", "pods", note ? JSON.stringify(note) : "");
  }

  async hold(name: string): Promise<void> {
    this.#step(`hold ${name}`);
    await this.host(name).end();
    await this.#restore(name, "hold", "--shard", "pods", "--command", "move");
  }

  async stage(name: string, { bump, bytes, id, members, snapshot, token }: RestoreRequest): Promise<void> {
    this.#step(`stage ${name}`);
    const fields = Object.entries({ id, shard: "pods", snapshot, bytes, token, bump, command: "move" });
    await this.#restore(
      name,
      "stage",
      ...fields.flatMap(([field, value]) => [`--${field}`, String(value)]),
      ...members.flatMap((member) => ["--member", member]),
    );
  }

  async swap(name: string): Promise<void> {
    this.#step(`swap ${name}`);
    await this.#restore(name, "swap");
  }

  async start(name: string): Promise<void> {
    this.#step(`start ${name}`);
    await this.#restore(name, "start");
    this.#before = this.host(name).start("only-with-its-own-data=http://127.0.0.1:1", "existing");
    this.#before.catch(() => undefined);
  }

  async release(): Promise<void> {
    throw new Error("nothing is held that keeps its data");
  }

  async finish(name: string): Promise<void> {
    this.#step(`finish ${name}`);
    await this.letIn(name);
    await this.#restore(name, "finish");
  }

  async unhealthy(members: readonly string[]) {
    const view = await this.look(members[0]!).catch(() => undefined);
    const down = { host: "all", checked: "a quorum", found: "none", advice: "", lasting: false };
    if (!view?.quorum) return [down];
    expect(view.members.map(({ name }) => name).sort()).toEqual([...members].sort());
    return findings(view, ({ name }) => name);
  }

  api = async () => undefined;
  stopApi = async () => undefined;
  startApi = async () => undefined;
  restartApi = async () => undefined;
  unready = async () => undefined;

  async content(name: string, revision: number) {
    return readContent(name, await this.host(name).run("etcd-move", "content", String(revision), ...prefixes));
  }

  async cleanUp(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.end("SIGKILL")));
  }
}

let held = false;

/** Puts one key after the other below a prefix, through whoever may be asked just now; waits while that is nobody. */
class Keys {
  readonly acknowledged: string[] = [];
  failed = 0;
  longestMs = 0;
  #stop = false;
  readonly #running: Promise<void>;

  constructor(
    readonly prefix: string,
    readonly urls: () => readonly string[],
  ) {
    this.#running = this.#write();
  }

  async #write(): Promise<void> {
    for (let number = 0, last = performance.now(); !this.#stop; number++) {
      const key = `${this.prefix}${String(number).padStart(6, "0")}`;
      const urls = this.urls();
      const one = urls[number % urls.length];
      if (one !== undefined && (await put(one, key))) {
        this.longestMs = Math.max(this.longestMs, performance.now() - last);
        last = performance.now();
        this.acknowledged.push(key);
      } else if (one !== undefined) this.failed++;
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#running;
  }
}

async function put(at: string, key: string): Promise<boolean> {
  const encode = (text: string) => Buffer.from(text).toString("base64");
  const body = JSON.stringify({ key: encode(key), value: encode(`value of ${key}`) });
  const answer = await fetch(`${at}/v3/kv/put`, { method: "POST", body, signal: AbortSignal.timeout(8_000) }).catch(
    () => undefined,
  );
  return answer?.ok === true;
}

async function keysAt(host: LocalHost, prefix: string): Promise<string[]> {
  return (await host.run("etcd-call", "get", prefix, "--prefix", "--keys-only")).split("\n").filter(Boolean);
}

const said: string[] = [];
const progress = () =>
  new Progress("etcd-main", (line) => said.push(`${(performance.now() / 1000).toFixed(1)} s  ${line}`));
const request = () =>
  splitRequest(
    "r1",
    "pods",
    guests.map((name) => `${name}=${peer(name)}`),
  );

describe.skipIf(found.length < 3)("the split of a move", () => {
  const running: (LocalSplit | Keys)[] = [];
  beforeAll(() => {
    mkdirSync(binaries);
    for (const { name, path: at } of found) symlinkSync(at, join(binaries, name));
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await (one instanceof Keys ? one.stop() : one.cleanUp());
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** Members under two writers: of what moves, through the guests, and of the rest, through the others. */
  async function underLoad(): Promise<{ hosts: LocalSplit; pods: Keys; rest: Keys }> {
    const hosts = new LocalSplit();
    running.push(hosts);
    await hosts.create();
    await hosts.host("m1").run("etcd-call", "put", "compact_rev_key", "1");
    const serving = () => guests.filter((name) => !hosts.host(name).drained && hosts.host(name).process);
    const pods = new Keys("/registry/pods/", () => (held ? [] : serving().map(url)));
    const rest = new Keys("/registry/configmaps/", () => (held ? [] : own.map(url)));
    running.unshift(pods, rest);
    await hosts.sleep(1_000);
    return { hosts, pods, rest };
  }

  test("loses nothing, and main goes on without a pause", async () => {
    const { hosts, pods, rest } = await underLoad();
    const before = pods.acknowledged.length;
    const report = await split(hosts, plan, request, progress());
    await hosts.sleep(500);
    await Promise.all([pods.stop(), rest.stop()]);

    expect(pods.acknowledged.length).toBeGreaterThan(before);
    expect([pods.failed, rest.failed]).toEqual([0, 0]);
    const [main, moved] = [hosts.host("m1"), hosts.host("g1")];
    expect(await keysAt(moved, "/registry/pods/")).toEqual(pods.acknowledged);
    expect(await keysAt(main, "/registry/configmaps/")).toEqual(rest.acknowledged);
    expect((await hosts.look("m1")).members.map(({ name }) => name).sort()).toEqual(own);
    process.stdout.write(
      `${said.join("\n")}\nclients waited ${report.heldSeconds} s, ${report.steps.map(({ what, seconds }) => `${what} ${seconds}`).join(", ")}; ` +
        `longest pause of what moves ${Math.round(pods.longestMs)} ms, of the rest ${Math.round(rest.longestMs)} ms\n`,
    );

    // Watches go on where they were: nothing is compacted, and revisions continue.
    const first = JSON.parse(await moved.run("etcd-call", "get", pods.acknowledged[0]!, "-w", "json")) as {
      header: { revision: number };
      kvs: { mod_revision: number }[];
    };
    expect(first.kvs[0]!.mod_revision).toBeLessThan(report.revision);
    expect(first.header.revision).toBeGreaterThan(report.revision);
    const watch = spawn(join(binaries, "etcdctl"), [
      "--endpoints",
      url("g2"),
      "watch",
      "/registry/pods/",
      "--prefix",
      `--rev=${first.kvs[0]!.mod_revision}`,
    ]);
    let seen = "";
    watch.stdout.on("data", (text) => (seen += text));
    await hosts.sleep(1_500);
    watch.kill();
    expect(seen.match(/^PUT$/gm)).toHaveLength(pods.acknowledged.length);

    // What both had at the split is the same, and then each lets go what is the other's.
    const [here, there] = [await hosts.content("m1", 0), await hosts.content("g3", report.revision)];
    expect(here["/registry/pods/"]!.keys).toBeGreaterThanOrEqual(before);
    expect(differences(here, there, "pods")).toEqual([]);
    expect(differences(here, await hosts.content("g3", 0), "pods")).toHaveLength(1);
    const gone = readDeleted("m1", await main.run("etcd-move", "delete", "only", ...prefixes));
    expect(gone).toBe(here["/registry/pods/"]!.keys);
    const others = readDeleted("g1", await moved.run("etcd-move", "delete", "except", ...prefixes));
    expect(others).toBeGreaterThan(0);
    expect(await keysAt(main, "/registry/")).toEqual(rest.acknowledged);
    expect(await keysAt(moved, "/registry/")).toEqual(pods.acknowledged);
    // API servers look for it in each of their clusters.
    expect(await keysAt(moved, "compact_rev_key")).toEqual(["compact_rev_key"]);
    const hash = await moved.run("etcd-call", "endpoint", "hashkv", "--cluster", "-w", "json");
    const hashes = (JSON.parse(hash) as { HashKV: { hash: number } }[]).map(({ HashKV }) => HashKV.hash);
    expect(new Set(hashes).size).toBe(1);
    // It starts again as what it is.
    await moved.end("SIGKILL");
    await moved.start("only-with-its-own-data=http://127.0.0.1:1", "existing");
    expect(await keysAt(moved, "/registry/pods/")).toEqual(pods.acknowledged);
  });

  test.each(["drain g2", "hold g1", "swap g2", "start g1"])(
    "killed at %s, and run again, it ends in the same state",
    async (step) => {
      const { hosts, pods, rest } = await underLoad();
      hosts.killAt = step;
      await expect(split(hosts, plan, request, progress())).rejects.toThrow(Killed);
      await hosts.sleep(1_500);
      const report = await split(hosts, plan, request, progress());
      await hosts.sleep(300);
      await Promise.all([pods.stop(), rest.stop()]);
      expect([pods.failed, rest.failed]).toEqual([0, 0]);
      expect(await keysAt(hosts.host("g1"), "/registry/pods/")).toEqual(pods.acknowledged);
      expect(await keysAt(hosts.host("m1"), "/registry/configmaps/")).toEqual(rest.acknowledged);
      expect(differences(await hosts.content("m1", 0), await hosts.content("g2", report.revision), "pods")).toEqual([]);
      for (const name of guests)
        expect(await hosts.member(name)).toMatchObject({ phase: "none", held: false, last: { command: "move" } });
    },
  );
});
