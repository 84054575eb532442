/** etcd-backup on a member's host, with restic and etcd's tools played. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackupHost, lookOf, python, three } from "./backup-host";

let host: BackupHost;
beforeEach(() => {
  host = new BackupHost();
});
afterEach(() => host.remove());

const kept = ["saved", "verified", "kept"];
const whole = ["restic snapshots", "etcdctl snapshot", "etcdutl status", "etcdutl restore"];

describe("take", () => {
  it("makes the repository, takes a snapshot, proves it, keeps it with what it holds, and remembers it", () => {
    const answer = host.ok("take");
    expect(host.calls()).toEqual([
      "etcdctl lock",
      ...whole,
      "restic init",
      "restic unlock",
      "restic backup",
      "etcdctl unlock",
    ]);
    const [snapshot] = host.ok("list");
    expect(snapshot).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      takenAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      revision: 6,
      hash: "0000beef",
      keys: 2,
      bytes: 7 * 4096,
      member: "m-2",
      etcdVersion: "3.7.3",
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(answer).toEqual({
      result: "ok",
      at: expect.any(String),
      seconds: expect.any(Number),
      id: snapshot.id,
      revision: 6,
      bytes: 7 * 4096,
      addedBytes: 77,
      newest: { id: snapshot.id, takenAt: snapshot.takenAt, revision: 6, bytes: 7 * 4096 },
    });
    expect(host.last()).toEqual(answer);
    expect(JSON.parse(host.read(`/fake/kept/${snapshot.id}/manifest.json`))).toEqual({
      version: 1,
      shard: "main",
      ...{ ...snapshot, id: undefined },
      clusterId: "c1",
      resources: { "/registry/pods": { keys: 2, hash: expect.any(String) } },
    });
    expect(host.has("/var/lib/kilonode/backup/work")).toBe(false);
  });

  it("does not begin where a snapshot was taken in the last half of the interval, and knows of it", () => {
    host.kept(40, 14);
    const newest = { id: "1".repeat(64), takenAt: expect.any(String), revision: 5, bytes: 9 };
    expect(host.ok("take")).toMatchObject({ result: "elsewhere", newest });
    host.kept(40, 16);
    expect(host.ok("take")).toMatchObject({ result: "ok" });
  });

  it("is not kept from it by a snapshot of tomorrow", () => {
    host.kept(-1440);
    expect(host.ok("take")).toMatchObject({ result: "ok" });
  });

  it("takes its turn after those before it, and leaves them the lock when they have done it", () => {
    host.remove();
    host = new BackupHost("m-3");
    expect(host.ok("take")).toMatchObject({ result: "ok" });
    host.kept(0);
    host.calls();
    expect(host.ok("take")).toMatchObject({ result: "elsewhere" });
    expect(host.calls()).toEqual(["restic snapshots"]);
  });

  it("is nothing for the leader while another member is healthy, but with --now, and where it is alone", () => {
    host.remove();
    host = new BackupHost("m-1");
    expect(host.ok("take")).toMatchObject({ result: "elsewhere" });
    expect(host.calls()).toEqual([]);
    expect(host.ok("take", "--now")).toMatchObject({ result: "ok" });
    host.kept();
    host.look([{ name: "m-1", sees: "m-1" }, { name: "m-2" }]);
    expect(host.ok("take")).toMatchObject({ result: "ok" });
  });

  it("--now takes one whatever there is, and refuses a learner", () => {
    host.kept(0);
    expect(host.ok("take", "--now")).toMatchObject({ result: "ok" });
    host.look(three.map((member) => (member.name === "m-2" ? { ...member, learner: true } : member)));
    expect(host.refused("take", "--now")).toBe(
      "etcd-backup: take: m-2 is no member to take a backup of; those are: m-3",
    );
  });

  it("takes nothing without a quorum, and says it", () => {
    host.kept(40);
    host.ok("take");
    const { newest } = host.last();
    host.look(three, "alone");
    expect(host.refused("take")).toMatch(/^etcd-backup: take: shard main has no quorum, so nothing is taken/);
    expect(host.last()).toEqual({
      result: "failed",
      at: expect.any(String),
      seconds: expect.any(Number),
      error: expect.stringMatching(/^shard main has no quorum/),
      newest,
    });
  });

  it("waits for the lock no longer than it may, and keeps its hands off the member until it has it", () => {
    host.write("/fake/locked", "");
    expect(host.refused("take")).toMatch(
      /the lock of the shard was not to be had within 1 s: another member is taking/,
    );
    expect(host.calls()).toEqual(["etcdctl lock"]);
  });

  it.each([
    [
      "the store does not answer",
      () => host.write("/fake/broken", ""),
      /`restic snapshots --json` failed with exit code 1: Fatal: the store/,
    ],
    ["the store hangs", () => host.write("/fake/hanging", ""), /`restic snapshots --json` was not done within 1 s/],
    [
      "etcdutl counts other keys",
      () => host.write("/fake/status", '{"hash":1,"revision":6,"totalKey":3}'),
      /the sample restore has 2 keys at revision 6, its snapshot 3 at 6: the snapshot is no good/,
    ],
  ])("fails when %s: nothing is kept, the lock and the room are free again", (_, break_, text) => {
    host.kept();
    break_();
    expect(host.refused("take")).toMatch(text);
    expect(host.last()).toMatchObject({ result: "failed", error: expect.stringMatching(text) });
    expect(host.calls()).not.toContain("restic backup");
    expect(host.has("/var/lib/kilonode/backup/work")).toBe(false);
  });

  it.each(kept)("killed when it was %s, leaves nothing that confuses the next run", (point) => {
    expect(host.run(["take"], point).signal).toBe("SIGKILL");
    expect(host.has("/var/lib/kilonode/backup/last.json")).toBe(false);
    const answer = host.ok("take", "--now");
    expect(answer).toMatchObject({ result: "ok" });
    expect(host.ok("list").at(-1).id).toBe(answer.id);
    expect(host.has("/var/lib/kilonode/backup/work")).toBe(false);
  });

  it("does not begin beside another one on this host", async () => {
    host.write("/var/lib/kilonode/backup/work.lock", "");
    const path = host.path("/var/lib/kilonode/backup/work.lock");
    const holder = spawn("flock", [path, "sh", "-c", "echo held; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    try {
      expect(host.refused("take")).toMatch(/another etcd-backup is at work in .*\/work; wait until it has ended/);
    } finally {
      holder.kill("SIGKILL");
    }
  });
});

describe("fetch", () => {
  it("puts both files into an empty folder, by the whole id, a part of it, or as the latest", () => {
    const { id } = host.ok("take");
    for (const [index, name] of [id, id.slice(0, 8), "latest"].entries()) {
      const folder = host.path(`/fetched-${index}`);
      expect(host.ok("fetch", name, folder)).toMatchObject({ id });
      expect(host.read(`/fetched-${index}/snapshot.db`)).toBe(host.read("/fake/db"));
      expect(JSON.parse(host.read(`/fetched-${index}/manifest.json`))).toMatchObject({ shard: "main", revision: 6 });
    }
  });

  it("refuses a folder that is not empty, and an id that there is not", () => {
    host.ok("take");
    host.write("/full/file", "");
    expect(host.refused("fetch", "latest", host.path("/full"))).toMatch(/\/full is not empty; name another folder/);
    expect(host.refused("fetch", "0badc0de", host.path("/new"))).toMatch(
      /there is no snapshot '0badc0de' of shard main/,
    );
  });

  it.each([
    [
      "a bit is another",
      (all: Buffer) => all.fill(1, 5000, 5001),
      /is broken: its sum is [0-9a-f]{64}, its manifest says/,
    ],
    ["it goes on and on", (all: Buffer) => Buffer.concat([all, all]), /more than the 28672 bytes that it should have/],
  ])("refuses a snapshot when %s, and leaves nothing", (_, change, text) => {
    const { id } = host.ok("take");
    host.write(`/fake/kept/${id}/snapshot.db`, change(database()));
    expect(host.refused("fetch", "latest", host.path("/new"))).toMatch(text);
    expect(readdirSync(host.path("/new"))).toEqual([]);
  });

  it("refuses a manifest that is none, or is of another snapshot", () => {
    const { id } = host.ok("take");
    const path = `/fake/kept/${id}/manifest.json`;
    const manifest = JSON.parse(host.read(path));
    for (const [wrong, text] of [
      ["{", /manifest.json is none: JSONDecodeError/],
      [{ ...manifest, version: 2 }, /manifest.json has version 2, this program reads 1/],
      [{ ...manifest, keys: "2", member: "m 2" }, /cannot be read as a manifest: keys, member/],
      [{ ...manifest, revision: 7 }, /is listed with another revision than its manifest has: it is broken/],
    ] as const) {
      host.write(path, typeof wrong === "string" ? wrong : JSON.stringify(wrong));
      expect(host.refused("fetch", "latest", host.path("/new"))).toMatch(text);
    }
  });

  const database = () => readFileSync(host.path("/fake/db"));
});

describe("list", () => {
  it("has what etcd-backup has kept, the newest last, and nothing else", () => {
    expect(host.ok("list")).toEqual([]);
    host.kept(1, 60);
    const all = JSON.parse(host.read("/fake/snapshots.json"));
    host.write(
      "/fake/snapshots.json",
      JSON.stringify([
        ...all,
        { id: "2".repeat(64), hostname: "m", tags: null },
        { id: "x", hostname: "m", tags: all[0].tags },
      ]),
    );
    expect(host.ok("list").map(({ id }: { id: string }) => id[0])).toEqual(["1", "0"]);
  });
});

describe("the command line", () => {
  it.each([[[]], [["take", "--later"]], [["fetch", "latest"]], [["list", "x"]]])(
    "%j is refused with what there is",
    (words) => {
      const { status, stderr } = host.run(words);
      expect([status, stderr]).toEqual([2, expect.stringContaining("etcd-backup take [--now]")]);
    },
  );

  it("order names who may take one, the best first", () => {
    expect(host.ok("order")).toEqual(["m-2", "m-3"]);
    host.write("/fake/look", lookOf(three, "alone"));
    expect(host.refused("order")).toMatch(/shard main has no quorum/);
  });

  it("settings that are none are named", () => {
    host.write("/etc/etcd/backup/backup.env", "KILONODE_SHARD=../main\n");
    expect(host.refused("list")).toMatch(/KILONODE_SHARD is '\.\.\/main', wants .*`kilonode up` writes them/);
  });

  it("a value in quotes is read as it was meant", () => {
    const text = 'A="say \\"\\$x\\" \\\\"\nB=plain\n# C=no\n';
    expect(python("settings", "variables(given)", text)).toEqual({ A: 'say "$x" \\', B: "plain" });
  });
});
