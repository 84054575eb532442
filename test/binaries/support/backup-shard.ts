/** A shard of real etcd processes, each with the etcd-backup of a host of its own, and a repository of the real restic in a folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { hostText } from "../../../components/machine/host-files";
import { ports } from "../../../components/plan/ports";
import { Program, run } from "./process";

const libraries = resolve("components/machine/files/usr/local/lib/kilonode");
const look = "/usr/local/lib/kilonode/etcd-look";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class BackupShard {
  readonly root = mkdtempSync(join(tmpdir(), "kilonode-backups-"));
  readonly repository = join(this.root, "repository");
  readonly #bin = join(this.root, "bin");
  readonly #members = new Map<string, { readonly address: string; program: Program | undefined }>();

  /** @param paths of etcd, etcdctl, etcdutl and restic */
  constructor(
    paths: readonly string[],
    readonly names: readonly string[],
    network: number,
  ) {
    mkdirSync(this.#bin);
    for (const path of paths) symlinkSync(path, join(this.#bin, path.split("/").at(-1) ?? ""));
    writeFileSync(join(this.root, "password"), "a password of this test");
    for (const [index, name] of names.entries()) {
      this.#members.set(name, { address: `127.${network}.0.${index + 1}`, program: undefined });
      this.#host(name);
    }
  }

  #host(name: string): void {
    const write = (path: string, content: string, mode = 0o600) => {
      mkdirSync(dirname(join(this.root, name, path)), { recursive: true });
      writeFileSync(join(this.root, name, path), content, { mode });
    };
    write(
      "/etc/etcd/backup/backup.env",
      [
        "KILONODE_SHARD=main",
        "KILONODE_BACKUP_MINUTES=5",
        `RESTIC_REPOSITORY=${this.repository}`,
        `RESTIC_PASSWORD_FILE=${join(this.root, "password")}`,
        `RESTIC_CACHE_DIR=${join(this.root, name, "cache")}`,
      ].join("\n"),
    );
    write("/etc/etcd/etcdctl.env", `ETCDCTL_ENDPOINTS=${this.url(name)}\n`);
    write("/etc/etcd/etcd.env", `ETCD_NAME=${name}\n`);
    write(
      look,
      hostText(look).replaceAll("/etc/etcd/etcdctl.env", join(this.root, name, "etc/etcd/etcdctl.env")),
      0o755,
    );
  }

  #member(name: string) {
    const member = this.#members.get(name);
    if (!member) throw new Error(`no member ${name}`);
    return member;
  }

  url(name: string, port: number = ports.etcdClient): string {
    return `http://${this.#member(name).address}:${port}`;
  }

  path(name: string, path: string): string {
    return join(this.root, name, path);
  }

  start(...names: readonly string[]): Promise<unknown> {
    return Promise.all(names.map((name) => this.#start(name)));
  }

  async #start(name: string): Promise<void> {
    const member = this.#member(name);
    const [client, peer] = [this.url(name), this.url(name, ports.etcdPeer)];
    member.program = new Program(join(this.#bin, "etcd"), [
      `--name=${name}`,
      `--data-dir=${join(this.root, name, "data")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${this.names.map((one) => `${one}=${this.url(one, ports.etcdPeer)}`).join(",")}`,
      // Slow enough that a busy machine causes no election of its own.
      "--heartbeat-interval=500",
      "--election-timeout=5000",
    ]);
    await member.program.says(/ready to serve client requests/, 120_000);
  }

  async stop(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#member(name).program?.stop()));
  }

  async etcdctl(name: string, ...words: readonly string[]): Promise<string> {
    const { code, output } = await run(join(this.#bin, "etcdctl"), [`--endpoints=${this.url(name)}`, ...words]);
    if (code !== 0) throw new Error(`etcdctl ${words.join(" ")}: ${output}`);
    return output;
  }

  async leader(): Promise<string> {
    const [first = ""] = this.names;
    const [answer] = JSON.parse(
      (await this.etcdctl(first, "--write-out=json", "endpoint", "status")).replaceAll(
        /"(leader|member_id)":(\d+)/g,
        '"$1":"$2"',
      ),
    ) as [{ Status: { leader: string } }];
    const list = await this.etcdctl(first, "member", "list");
    const id = BigInt(answer.Status.leader).toString(16);
    return (
      list
        .split("\n")
        .find((line) => line.startsWith(id))
        ?.split(", ")[2] ?? ""
    );
  }

  /** Keys as API servers write them: some written again, some deleted, some that end by themselves. */
  async fill(name: string, pods: number): Promise<void> {
    const put = (key: string, value: string, more: object = {}) =>
      this.ask(name, "/v3/kv/put", { key: encode(key), value: encode(value), ...more });
    const { ID } = (await this.ask(name, "/v3/lease/grant", { TTL: "5" })) as { ID: string };
    for (let index = 0; index < pods; index++) {
      await put(`/registry/pods/default/pod-${index}`, `pod ${index} ${"x".repeat(500)}`);
      if (index % 3 === 0) await put(`/registry/pods/default/pod-${index}`, `pod ${index} again`);
      if (index % 7 === 0)
        await this.ask(name, "/v3/kv/deleterange", { key: encode(`/registry/pods/default/pod-${index}`) });
    }
    await put("/registry/apiregistration.k8s.io/apiservices/v1.apps", "\0binary");
    await put("/registry/masterleases/10.0.0.1", "soon gone", { lease: ID });
    await put("compact_rev_key", "1");
  }

  async ask(name: string, path: string, body: object): Promise<unknown> {
    const answer = await fetch(`${this.url(name)}${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  begin(name: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const path = `${this.#bin}:${process.env.PATH}`;
    return spawn(join(libraries, "etcd-backup"), ["--root", join(this.root, name), ...words], {
      env: { PATH: path, KILONODE_TURN_SECONDS: "3", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async run(name: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return ended(this.begin(name, words, env));
  }

  // biome-ignore lint/suspicious/noExplicitAny: the answers are what the tests look at
  async ok(name: string, ...words: readonly string[]): Promise<any> {
    const { code, stdout, stderr } = await this.run(name, words);
    if (code !== 0) throw new Error(`etcd-backup ${words.join(" ")} on ${name}: exit ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  copyOfRepository(): () => void {
    const copy = join(this.root, "copy");
    cpSync(this.repository, copy, { recursive: true });
    return () => {
      rmSync(this.repository, { recursive: true });
      cpSync(copy, this.repository, { recursive: true });
    };
  }

  async remove(): Promise<void> {
    await this.stop(...this.names);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function ended(child: ChildProcess): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once("close", (...how) => resolve(how)),
  );
  return { code, signal, stdout, stderr };
}

const encode = (text: string) => Buffer.from(text).toString("base64");
