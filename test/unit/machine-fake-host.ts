/** A host below a temporary directory, for the tests of machine-apply; what would change the real machine is played by machine-fakes/. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "vitest";
import type { Machine, MachineFile, SecretFiles, UnitService } from "../../components/machine/machine";

export const program = resolve("components/machine/files/usr/local/sbin/machine-apply");

export const etcdBinary = "the etcd program";
export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export const unit = (more: Partial<UnitService> = {}): UnitService => ({
  kind: "unit",
  enabled: true,
  running: true,
  restartOn: [],
  reloadOn: [],
  wait: true,
  ...more,
});
export const file = (content: string, mode = "0644", owner = "root:root"): MachineFile => ({ content, mode, owner });

export const machine: Machine = {
  users: { etcd: { home: "/var/lib/etcd" } },
  directories: { "/etc/etcd": { mode: "0750", owner: "root:etcd" } },
  files: {
    "/etc/etcd/etcd.env": file("ETCD_NAME=etcd-1\n", "0640", "root:etcd"),
    "/etc/systemd/system/etcd.service": file("[Service]\nExecStart=/usr/local/bin/etcd\n"),
    "/etc/systemd/system/proxy.service": file("[Service]\nExecStart=/usr/sbin/haproxy\n"),
    "/etc/proxy.conf": file("one\n"),
  },
  binaries: { "/usr/local/bin/etcd": { name: "etcd", version: "3.7.3", sha256: sha256(etcdBinary) } },
  modules: ["br_netfilter"],
  sysctls: {
    "vm.max_map_count": { value: "262144", floor: true },
    "fs.file-max": { value: "2097152", floor: true },
    "net.ipv4.tcp_wmem": { value: "4096 87380 16777216", floor: false },
  },
  volumes: [],
  services: {
    "etcd.service": unit({ restartOn: ["/etc/etcd/etcd.env", "/usr/local/bin/etcd", "/etc/etcd/token"], wait: false }),
    "proxy.service": unit({ reloadOn: ["/etc/proxy.conf"] }),
  },
};
export const secrets: SecretFiles = {
  files: { "/etc/etcd/token": file("hush-hush-42", "0600", "etcd:etcd") },
};

export class FakeHost {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "kilonode-machine-")));
  readonly fake = join(this.root, "fake");
  /** Whether it has a container runtime and crictl. */
  kubelet = false;
  last: SpawnSyncReturns<string> = { pid: 0, output: [], stdout: "", stderr: "", status: 0, signal: null };

  constructor() {
    this.write("/etc/passwd", `root:x:${process.getuid?.()}:${process.getgid?.()}::/root:/bin/sh\n`);
    this.write("/etc/group", `root:x:${process.getgid?.()}:\n`);
    this.write("/proc/self/mountinfo", "");
    this.write("/proc/sys/vm/max_map_count", "65530\n");
    this.write("/proc/sys/fs/file-max", "9223372036854775807\n");
    this.write("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n");
    this.write(`/opt/kilonode/artifacts/${sha256(etcdBinary)}/etcd`, etcdBinary);
    this.write("/fake/modules", "br_netfilter\n");
    this.write("/fake/calls", "");
  }

  path(path: string): string {
    return join(this.root, path);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), content);
  }

  read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  get environment(): NodeJS.ProcessEnv {
    const fakes = ["test/unit/machine-fakes", ...(this.kubelet ? ["test/unit/machine-fakes/kubelet"] : [])];
    const PATH = [...fakes.map((folder) => resolve(folder)), process.env.PATH].join(":");
    return { ...process.env, PATH, FAKE: this.fake, FAKE_ROOT: this.root, KILONODE_POD_SECONDS: "2" };
  }

  /** Calls of fakes that change something, since the last time. */
  calls(): string[] {
    const calls = this.read("/fake/calls").trim().split("\n").filter(Boolean);
    this.write("/fake/calls", "");
    return calls;
  }

  run(words: readonly string[], stdin: unknown = "", failpoint = ""): SpawnSyncReturns<string> {
    const input = typeof stdin === "string" ? stdin : JSON.stringify(stdin);
    const env = { ...this.environment, KILONODE_FAILPOINT: failpoint };
    this.last = spawnSync(program, ["--root", this.root, ...words], { input, env, encoding: "utf8" });
    return this.last;
  }

  /** @returns the answer of a run that must succeed */
  // biome-ignore lint/suspicious/noExplicitAny: the answer is what the tests look at
  ok(words: string, stdin: unknown = ""): any {
    const done = this.run(words.split(" "), stdin);
    if (done.status !== 0) throw new Error(`machine-apply ${words}: exit ${done.status}: ${done.stderr}`);
    return JSON.parse(done.stdout);
  }

  /** @returns the message of a run that must fail */
  refused(words: string, stdin: unknown = "", status = 1): string {
    const done = this.run(words.split(" "), stdin);
    expect([done.status, done.stdout]).toEqual([status, ""]);
    return done.stderr.replace(/^machine-apply: /, "").trimEnd();
  }

  /** @returns the answer of the activation */
  // biome-ignore lint/suspicious/noExplicitAny: the answer is what the tests look at
  converge(content: Machine, generation = 0): any {
    this.ok(`stage --generation ${generation}`, content);
    return this.ok("activate");
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export const with_ = (change: (machine: { -readonly [K in keyof Machine]: Machine[K] }) => void): Machine => {
  const copy = structuredClone(machine);
  change(copy);
  return copy;
};
