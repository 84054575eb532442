/** The host program `etcd-restore` with real etcd: what it makes of a snapshot, and that it can be cut off anywhere. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type MemberState, readMember } from "../../cli/etcd/restore/answers";
import { checkToolchain, isSound } from "../../toolchain/ensure";
import { Program, run } from "./support/process";

const programs = resolve("components/machine/files/usr/local/lib/kilonode/etcd-restore");
const scratch = mkdtempSync(join(tmpdir(), "kilonode-restore-"));
const binaries = join(scratch, "bin");
const snapshot = join(scratch, "snapshot.db");
const id = "4f1c22ab";
const names = ["m1", "m2", "m3"];
const address = (name: string) => `127.63.1.${names.indexOf(name) + 1}`;
const peer = (name: string) => `http://${address(name)}:2380`;
const tools = await checkToolchain({ binaries: ["etcd", "etcdctl", "etcdutl"] }, true).catch(() => []);
const found = tools.flatMap((tool) => (isSound(tool) ? [tool] : []));

const running: Program[] = [];
const hosts: MemberHost[] = [];
const onPath = { PATH: `${binaries}:/usr/sbin:/usr/bin:/sbin:/bin` };

async function etcdctl(url: string, ...words: string[]): Promise<string> {
  const { code, output } = await run(join(binaries, "etcdctl"), [
    "--endpoints",
    url,
    "--command-timeout=20s",
    ...words,
  ]);
  if (code !== 0) throw new Error(output);
  return output;
}

/** A member that has data of its own, below a folder. */
class MemberHost {
  readonly root: string;
  readonly database: string;
  readonly log: string;

  constructor(readonly name: string) {
    this.root = mkdtempSync(join(scratch, `${name}-`));
    this.database = join(this.root, "var/lib/etcd/member/snap");
    this.log = join(this.root, "var/lib/etcd-wal");
    this.write("/etc/passwd", `root:x:${process.getuid?.()}:${process.getgid?.()}::/root:/bin/sh\n`);
    this.write("/etc/group", `root:x:${process.getgid?.()}:\n`);
    const settings = {
      NAME: name,
      DATA_DIR: "/var/lib/etcd",
      WAL_DIR: "/var/lib/etcd-wal/wal",
      INITIAL_ADVERTISE_PEER_URLS: peer(name),
    };
    this.write(
      "/etc/etcd/etcd.env",
      Object.entries(settings)
        .map(([key, value]) => `ETCD_${key}=${value}\n`)
        .join(""),
    );
    this.write(
      "/usr/local/lib/systemd/system/etcd.service",
      readFileSync("components/machine/files/usr/local/lib/systemd/system/etcd.service", "utf8"),
    );
    const mount = (path: string) => `1 1 8:1 / ${path} rw - ext4 /dev/sda rw\n`;
    this.write("/proc/self/mountinfo", mount("/var/lib/etcd/member/snap") + mount("/var/lib/etcd-wal"));
    this.write(
      "/usr/local/lib/kilonode/etcd-backup",
      `#!/bin/sh\n[ "$1 $2" = "fetch ${id}" ] && cp ${snapshot} "$3/snapshot.db"\n`,
      0o755,
    );
    this.write("/fake/etcd.service.active", "active\n");
    this.write("/fake/calls", "");
    this.write("/var/lib/etcd/member/snap/db", "the live database");
    this.write("/var/lib/etcd/member/snap/0000000000000001-0000000000000002.snap", "s");
    this.write("/var/lib/etcd-wal/wal/0.wal", "the live log");
    hosts.push(this);
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text, { mode });
  }

  run(words: readonly string[], failpoint = "") {
    const fakes = resolve("test/unit/machine-fakes");
    const env = {
      PATH: `${fakes}:${onPath.PATH}`,
      FAKE: join(this.root, "fake"),
      FAKE_ROOT: this.root,
      KILONODE_FAILPOINT: failpoint,
    };
    return spawnSync(programs, ["--root", this.root, ...words], { env, encoding: "utf8" });
  }

  ok(...words: string[]): MemberState {
    const { status, stdout, stderr } = this.run(words);
    expect([status, stderr]).toEqual([0, stderr]);
    return readMember(this.name, stdout);
  }

  refused(...words: string[]): string {
    const { status, stderr } = this.run(words);
    expect(status).toBe(1);
    return stderr;
  }

  get held(): boolean {
    return existsSync(join(this.root, "var/lib/kilonode/restore/held"));
  }

  /** Whether etcd would find data that belongs together. */
  get whole(): boolean {
    return existsSync(join(this.database, "db")) && existsSync(join(this.log, "wal"));
  }
}

const stageWords = (more: Readonly<Record<string, string>> = {}, members = names) => [
  "stage",
  ...Object.entries({
    id: "r1",
    shard: "main",
    snapshot: id,
    bytes: "100000",
    token: "t-r1",
    bump: "1000000000",
    ...more,
  }).flatMap(([name, value]) => [`--${name}`, value]),
  ...members.flatMap((name) => ["--member", `${name}=${peer(name)}`]),
];
const swapWords = ["swap", "--env", "ETCD_INITIAL_CLUSTER=only-with-its-own-data=https://127.0.0.1:1"];

function start(host: MemberHost): string {
  const client = `http://${address(host.name)}:2379`;
  const args = [
    `--name=${host.name}`,
    `--data-dir=${join(host.root, "var/lib/etcd")}`,
    `--wal-dir=${join(host.log, "wal")}`,
    `--listen-peer-urls=${peer(host.name)}`,
    `--initial-advertise-peer-urls=${peer(host.name)}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    "--heartbeat-interval=500",
    "--election-timeout=5000",
  ];
  running.push(
    new Program(join(binaries, "etcd"), args, {
      env: {
        ETCD_INITIAL_CLUSTER: "only-with-its-own-data=https://127.0.0.1:1",
        ETCD_INITIAL_CLUSTER_STATE: "existing",
      },
    }),
  );
  return client;
}

describe.skipIf(found.length < 3)("etcd-restore", () => {
  beforeAll(async () => {
    mkdirSync(binaries);
    for (const { name, path } of found) symlinkSync(path, join(binaries, name));
    const data = join(scratch, "source");
    const url = "http://127.63.1.9:2379";
    const source = new Program(join(binaries, "etcd"), [
      `--data-dir=${data}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      "--listen-peer-urls=http://127.63.1.9:2380",
      "--initial-advertise-peer-urls=http://127.63.1.9:2380",
      "--initial-cluster=default=http://127.63.1.9:2380",
    ]);
    await source.says(/ready to serve client requests/);
    for (const key of ["a", "b", "c"]) await etcdctl(url, "put", `/registry/${key}`, key);
    await etcdctl(url, "del", "/registry/c");
    await etcdctl(url, "snapshot", "save", snapshot);
    await source.stop();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
    for (const { root } of hosts.splice(0)) rmSync(root, { recursive: true, force: true });
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("all members make the same while they run, and are a shard of its own afterwards", async () => {
    const members = names.map((name) => new MemberHost(name));
    const staged = members.map((host) => host.ok(...stageWords()));
    const { restore } = staged[0]!;
    expect(restore).toMatchObject({ command: "restore", snapshotRevision: 5, revision: 1_000_000_005, token: "t-r1" });
    for (const state of staged) {
      expect(state).toMatchObject({ phase: "staged", held: false, etcd: "active" });
      expect({ ...state.restore }).toEqual({ ...restore });
    }
    expect(readFileSync(join(members[0]!.database, "db"), "utf8")).toBe("the live database");

    for (const host of members)
      expect(host.ok(...swapWords)).toMatchObject({ phase: "swapped", held: true, etcd: "inactive" });
    for (const host of members)
      expect(host.ok("start")).toMatchObject({ phase: "swapped", held: false, etcd: "active" });
    const urls = members.map(start);
    for (const program of running) await program.says(/ready to serve client requests/);
    const listed = JSON.parse(await etcdctl(urls[0]!, "member", "list", "-w", "json")) as {
      members: { name: string }[];
    };
    expect(listed.members.map(({ name }) => name).sort()).toEqual(names);
    const read = JSON.parse(await etcdctl(urls[2]!, "get", "/registry/", "--prefix", "-w", "json")) as {
      header: { revision: number };
      kvs: { key: string }[];
    };
    expect(read.kvs.map(({ key }) => Buffer.from(key, "base64").toString())).toEqual(["/registry/a", "/registry/b"]);
    expect(read.header.revision).toBe(1_000_000_005);
    await expect(etcdctl(urls[0]!, "watch", "/registry/a", "--rev=3")).rejects.toThrow(
      "required revision has been compacted",
    );

    for (const host of members) {
      const { last, phase, restore: none } = host.ok("finish");
      expect([phase, none, last?.id, last?.aside.length]).toEqual(["none", null, "r1", 2]);
      for (const folder of last?.aside ?? []) expect(existsSync(join(host.root, folder))).toBe(true);
      const [aside = ""] = last?.aside ?? [];
      expect(readFileSync(join(host.root, aside, "db"), "utf8")).toBe("the live database");
      expect(readdirSync(host.database).filter((entry) => entry.startsWith("restore-"))).toEqual([]);
    }
  });

  test.each([
    ["stage", "restored"],
    ["swap", "held"],
    ["swap", "aside"],
    ["swap", "one-aside"],
    ["swap", "place"],
    ["swap", "placing"],
    ["swap", "one-placed"],
    ["swap", "swapped"],
    ["start", "let-go"],
    ["finish", "noted"],
  ])("%s, killed at %s and run again, ends in the same state", (verb, failpoint) => {
    const host = new MemberHost("m1");
    for (const words of [stageWords({}, ["m1"]), swapWords, ["start"], ["finish"]]) {
      if (words[0] === verb) {
        expect(host.run(words, failpoint).signal).toBe("SIGKILL");
        // Whatever is half, nothing may start it.
        if (!host.whole) expect(host.held).toBe(true);
        if (verb === "swap" && failpoint !== "swapped") expect(host.refused("start")).toMatch(/is not exchanged yet/);
      }
      host.ok(...words);
    }
    expect(host.ok("state")).toMatchObject({
      phase: "none",
      held: false,
      etcd: "active",
      last: { id: "r1", snapshot: id },
    });
    expect(readdirSync(host.log).sort()).toEqual([expect.stringMatching(/^set-aside-/), "wal"]);
    expect(readdirSync(host.database).filter((entry) => !entry.endsWith(".snap"))).toEqual([
      "db",
      expect.stringMatching(/^set-aside-/),
    ]);
    const held = readFileSync(join(host.root, "etc/kilonode/activation.env"), "utf8");
    expect(held).toBe("ETCD_INITIAL_CLUSTER=only-with-its-own-data=https://127.0.0.1:1\n");
  });

  test("a member goes on alone from its own data, when nobody writes it", async () => {
    const host = new MemberHost("m1");
    const own = stageWords({ snapshot: "own", bytes: "0" }, ["m1"]);
    expect(host.refused(...own)).toContain("run `etcd-restore hold --shard main` first");
    const made = await run(join(binaries, "etcdutl"), [
      "snapshot",
      "restore",
      snapshot,
      `--data-dir=${join(scratch, "own")}`,
    ]);
    expect(made.code, made.output).toBe(0);
    copyFileSync(join(scratch, "own/member/snap/db"), join(host.database, "db"));
    expect(host.ok("hold", "--shard", "main")).toMatchObject({ phase: "none", held: true, etcd: "inactive" });
    expect(host.ok("state", "--stored").stored).toMatchObject({ revision: 5 });
    expect(host.ok(...own).restore).toMatchObject({ command: "recover", sha256: "", revision: 1_000_000_005 });
    host.ok(...swapWords);
    host.ok("start");
    const url = start(host);
    await running[0]!.says(/ready to serve client requests/);
    expect(await etcdctl(url, "get", "/registry/a", "--print-value-only")).toBe("a\n");
  });

  test("a member that keeps its data is let go and not started", () => {
    const host = new MemberHost("m2");
    host.ok("hold", "--shard", "main");
    expect(host.ok("release")).toMatchObject({ held: false, etcd: "inactive", phase: "none" });
  });

  test("what is staged can be taken back, and is then as if it had not been", () => {
    const host = new MemberHost("m1");
    host.ok(...stageWords());
    expect(host.refused(...stageWords({ id: "r2" }))).toContain(
      "another restore (r1, of snapshot 4f1c22ab) is staged here",
    );
    host.ok("abandon");
    expect([...readdirSync(host.database), ...readdirSync(host.log)]).toEqual([
      "0000000000000001-0000000000000002.snap",
      "db",
      "wal",
    ]);
    host.ok(...stageWords({ id: "r2" }));
    host.ok(...swapWords);
    expect(host.refused("abandon")).toContain("the data was exchanged already");
  });

  test("a link of the service's does not lead it elsewhere", () => {
    const host = new MemberHost("m1");
    mkdirSync(join(host.root, "elsewhere"));
    host.write("/elsewhere/kept", "kept");
    symlinkSync(join(host.root, "elsewhere"), join(host.database, "restore-staged"));
    host.ok(...stageWords());
    expect(readFileSync(join(host.root, "elsewhere/kept"), "utf8")).toBe("kept");
  });

  test("what cannot be is refused with what to do, and nothing is changed", () => {
    const host = new MemberHost("m1");
    expect(host.refused(...stageWords({ bytes: String(2 ** 50) }))).toMatch(
      /member\/snap has \d+ MiB free, wants 1073741888 MiB: \d+ MiB are missing; .*Remove what is put aside there/,
    );
    expect(host.refused(...stageWords({ snapshot: "beef0000" }))).toContain("etcd-backup");
    expect(host.refused(...stageWords({}, ["m2", "m3"]))).toContain(`wants m1=${peer("m1")} among them`);
    expect(host.refused(...swapWords)).toContain("nothing is staged on this host");
    host.write("/usr/local/lib/systemd/system/etcd.service", "[Service]\n");
    expect(host.refused(...stageWords())).toContain("does not know of restores yet; run `kilonode up` first");
    host.write("/proc/self/mountinfo", "");
    expect(host.refused(...stageWords())).toContain("/var/lib/etcd/member/snap is not mounted");
    expect(host.ok("state")).toMatchObject({ phase: "none", held: false, etcd: "active" });
  });
});
