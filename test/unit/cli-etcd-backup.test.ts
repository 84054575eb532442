/** What the commands about backups take from hosts, and what they print. */
import { describe, expect, it } from "vitest";
import { drilled, snapshotList } from "../../cli/etcd/backup/answers";
import { takenText } from "../../cli/etcd/backup/backup";
import { backupsText } from "../../cli/etcd/backup/backups";
import { drillText } from "../../cli/etcd/backup/drill";
import { chosen } from "../../cli/etcd/backup/members";
import type { ReachableCluster } from "../../cli/hosts/cluster";
import { plainStyle } from "../../cli/show/style";
import { memberOrder, taken } from "../../components/rollout/etcd/backup";
import { smallPlan } from "./cli-fixture";

const snapshot = {
  id: "0a1b2c3d".padEnd(64, "0"),
  takenAt: "2026-11-23T06:55:00Z",
  revision: 1234,
  hash: "0000beef",
  keys: 56,
  bytes: 2 ** 20,
  member: "prod-etcd-main-2",
  etcdVersion: "3.7.3",
  sha256: "f".repeat(64),
};
const drill = {
  passed: true,
  snapshot,
  ageSeconds: 300,
  seconds: { live: 1, fetch: 1.5, restore: 0.5, start: 2, compare: 1 },
  resources: 3,
  keys: 56,
  differences: [],
  live: { result: "same" as const, why: "", differences: [] },
};

describe("what hosts print", () => {
  it("is taken as it should be", () => {
    expect(snapshotList.parse([snapshot])).toEqual([snapshot]);
    expect(memberOrder.parse(["a-1"])).toEqual(["a-1"]);
    expect(drilled.parse({ ...drill, more: 1 })).toEqual(drill);
    const told = { result: "ok", id: snapshot.id, revision: 1, bytes: 2, addedBytes: 3, seconds: 4.5 };
    expect(taken.parse(told)).toEqual(told);
  });

  it.each([
    ["an id that is none", snapshotList, [{ ...snapshot, id: "../../x" }]],
    ["a moment that is none", snapshotList, [{ ...snapshot, takenAt: "yesterday" }]],
    ["a member's name that is none", memberOrder, ["a; reboot"]],
    ["a revision that is no number", snapshotList, [{ ...snapshot, revision: "1" }]],
    ["a verdict that is none", drilled, { ...drill, passed: "yes" }],
    ["more differences than a drill tells", drilled, { ...drill, differences: Array.from({ length: 101 }, () => "x") }],
    ["a backup that was left to another", taken, { result: "elsewhere" }],
  ])("is refused with %s", (_, wanted, told) => {
    expect(wanted.safeParse(told).success).toBe(false);
  });

  it("moves no cursor", () => {
    expect(drilled.parse({ ...drill, differences: ["\u001b[2Jx"] }).differences).toEqual([" [2Jx"]);
  });
});

describe("what is printed", () => {
  it("of backups is a table a shard, the newest last, and why there is none", () => {
    const shards = [
      {
        shard: "main",
        snapshots: [snapshot, { ...snapshot, id: "f".repeat(64), takenAt: "2026-11-23T07:00:00Z", revision: 99_999 }],
      },
      { shard: "events", snapshots: [] },
      { shard: "leases", snapshots: [], error: "no member of shard leases tells its list" },
    ];
    expect(backupsText(shards, plainStyle)).toEqual([
      "etcd main",
      "  taken                 id        revision  keys  size     of                etcd",
      "  2026-11-23T06:55:00Z  0a1b2c3d      1234    56  1.0 MiB  prod-etcd-main-2  3.7.3",
      "  2026-11-23T07:00:00Z  ffffffff     99999    56  1.0 MiB  prod-etcd-main-2  3.7.3",
      "",
      "etcd events",
      "  no snapshot yet",
      "",
      "etcd leases",
      "  no member of shard leases tells its list",
    ]);
  });

  it("of a backup is what was added, or why there is none", () => {
    const found = {
      result: "ok" as const,
      id: snapshot.id,
      revision: 7,
      bytes: 2 ** 21,
      addedBytes: 2 ** 19,
      seconds: 4.5,
    };
    expect(takenText({ shard: "main", member: "a-2", taken: found })).toBe(
      "etcd main: snapshot 0a1b2c3d at revision 7, 2.0 MiB of a-2, 0.5 MiB added to the store, in 4.5 s",
    );
    expect(takenText({ shard: "main", error: "a-2: no room" })).toBe("etcd main: no backup: a-2: no room");
  });

  it("of a drill is a line a shard, and below it everything that is wrong", () => {
    const shards = [
      { shard: "main", member: "a-2", ...drill },
      {
        shard: "events",
        member: "b-2",
        ...drill,
        live: { result: "not compared" as const, why: "compacted", differences: [] },
      },
      {
        shard: "pods",
        member: "d-2",
        ...drill,
        passed: false,
        differences: ["/registry/pods: the manifest has 2 keys, the restored shard 1"],
      },
      { shard: "leases", passed: false, error: "c-2: drill: snapshot 0a1b2c3d is broken" },
    ];
    expect(drillText(shards, plainStyle)).toEqual([
      "etcd            snapshot      age    restored in  keys  resources  manifest  live shard",
      "main    ok      0a1b2c3d      5m00s  4.0s           56          3  same      same",
      "events  ok      0a1b2c3d      5m00s  4.0s           56          3  same      not compared: compacted",
      "pods    FAILED  0a1b2c3d      5m00s  4.0s           56          3  differs   same",
      "leases  FAILED  not restored",
      "",
      "The drill failed:",
      "  etcd pods: /registry/pods: the manifest has 2 keys, the restored shard 1",
      "  etcd leases: c-2: drill: snapshot 0a1b2c3d is broken",
    ]);
  });
});

describe("the shards that are meant", () => {
  const plan = smallPlan();
  const backup = { everyMinutes: 30, keep: { hourly: 1, daily: 1, weekly: 1 }, repositories: {}, region: "us-east-1" };
  const hosts = plan.hosts.map(({ name }) => ({ name }));
  const cluster = (planned: object) =>
    ({ checked: { plan: { ...plan, ...planned } }, hosts, sshKey: "key" }) as unknown as ReachableCluster;

  it("are all of them, or the one that was named, each with its members' hosts", () => {
    const found = chosen(cluster({ backup }), undefined);
    expect(found.map(({ shard, hosts: members }) => [shard.name, members.length])).toEqual([
      ["main", 3],
      ["events", 1],
      ["leases", 1],
    ]);
    expect(chosen(cluster({ backup }), "events").map(({ shard }) => shard.name)).toEqual(["events"]);
  });

  it("must be there, and have backups", () => {
    expect(() => chosen(cluster({ backup }), "pods")).toThrow(
      'there is no shard "pods"; the shards are: main, events, leases',
    );
    expect(() => chosen(cluster({}), undefined)).toThrow(/^stack lab-small makes no backups: `etcd.backup` is false/);
  });
});
