/** What is free in a shard's databases is given back: what comes next, and that it does so on a simulated shard. */
import { describe, expect, it } from "vitest";
import { defaultWorth, defragment, isWorth, nextDefragmentStep } from "../../components/rollout/etcd/defragment";
import type { Database, View } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused, Interrupted } from "../../components/rollout/gate/refusal";
import { SimulatedShard } from "./rollout-simulated-shard";

const MIB = 2 ** 20;
const hosts = ["m1", "m2", "m3"];
const plan = { group: "etcd-main", hosts, hostTimeoutMs: 60_000, worth: defaultWorth };
const database = (bytes: number, inUseBytes: number): Database => ({
  bytes: bytes * MIB,
  inUseBytes: inUseBytes * MIB,
  quotaBytes: 8192 * MIB,
  revision: 7,
});
const loose = database(400, 100);
const dense = database(400, 390);

function view(
  databases: readonly Database[],
  more: { leader?: string; alarms?: View["alarms"]; down?: string } = {},
): View {
  const { alarms = [], down, leader = "m1" } = more;
  const members = hosts.slice(0, databases.length).map((name) => ({
    id: name.replace("m", "a"),
    name,
    peerUrl: `https://${name}:2380`,
    clientUrl: `https://${name}:2379`,
    learner: false,
  }));
  const endpoints = members.flatMap(({ id, name }, index) =>
    name === down
      ? []
      : [[id, { leader: leader.replace("m", "a"), appliedIndex: 7, database: databases[index]! }] as const],
  );
  return { members, quorum: true, endpoints: new Map(endpoints), alarms };
}

const none = new Set<string>();

describe("a defragmentation", () => {
  it.each([
    ["a small database, almost all of it free", 99, 1, false],
    ["one of the least size", 100, 1, false],
    ["one above it, a little less than the share", 1000, 551, false],
    ["one above it, with the share", 1000, 550, true],
    ["one that is full", 1000, 1000, false],
  ])("is worth it for %s: %i MiB with %i in use: %s", (_what, bytes, used, worth) => {
    expect(isWorth(database(bytes, used), defaultWorth)).toBe(worth);
  });

  it.each([
    ["followers first", view([loose, loose, loose]), none, { kind: "defragment", member: { name: "m2" } }],
    ["another one after it", view([loose, dense, loose]), none, { kind: "defragment", member: { name: "m3" } }],
    [
      "the leader last, after it has handed over to the first of the others",
      view([loose, dense, dense]),
      none,
      { kind: "handOver", from: { name: "m1" }, to: { name: "m2" } },
    ],
    [
      "who has handed over",
      view([loose, dense, dense], { leader: "m2" }),
      none,
      { kind: "defragment", member: { name: "m1" } },
    ],
    ["the only member", view([loose]), none, { kind: "defragment", member: { name: "m1" } }],
    ["nobody, where nothing is worth it", view([dense, dense, dense]), none, { kind: "done" }],
    ["nobody twice, whatever came of it", view([dense, loose, dense]), new Set(["m2"]), { kind: "done" }],
    [
      "nobody while one is away",
      view([loose, loose, loose], { down: "m3" }),
      none,
      { kind: "blocked", findings: [{ host: "m3", checked: "the member answers on its client address" }] },
    ],
    [
      "nobody while an alarm is raised",
      view([loose, loose, loose], { alarms: [{ memberId: "a2", type: "NOSPACE" }] }),
      none,
      { kind: "blocked", findings: [{ host: "m2", found: "alarm NOSPACE", lasting: true }] },
    ],
  ])("takes %s", (_what, seen, done, step) => {
    expect(nextDefragmentStep(plan, seen, done)).toMatchObject(step);
  });

  it("does not wait for an alarm that it is to help against", () => {
    const seen = view([loose, loose, loose], { alarms: [{ memberId: "a2", type: "NOSPACE" }] });
    expect(nextDefragmentStep({ ...plan, despite: ["NOSPACE"] }, seen, none)).toMatchObject({ kind: "defragment" });
  });
});

function shardOf(databases: readonly Database[]): SimulatedShard {
  const shard = SimulatedShard.running(hosts);
  for (const [index, one] of databases.entries()) shard.databases.set(hosts[index] as string, one);
  return shard;
}

describe("on a shard", () => {
  it("goes from member to member, the leader last, and tells sizes and how long each was away", async () => {
    const shard = shardOf([loose, loose, dense]);
    const lines: string[] = [];
    const given = await defragment(shard, plan, new Progress("etcd-main", (line) => lines.push(line)));
    expect(shard.log).toEqual(["defragment m2", "move m1 m2", "defragment m1"]);
    expect(shard.elections).toBe(0);
    expect(given).toEqual([
      { member: "m1", beforeBytes: 400 * MIB, afterBytes: 100 * MIB, silentSeconds: 1 },
      { member: "m2", beforeBytes: 400 * MIB, afterBytes: 100 * MIB, silentSeconds: 1 },
      { member: "m3", beforeBytes: 400 * MIB, afterBytes: 400 * MIB, silentSeconds: null },
    ]);
    expect(lines).toEqual([
      "all healthy; m2 restarts and gives back 300.0 of 400.0 MiB",
      "m2 serves again, after 1.0 s",
      "all others are done; handing leadership from m1 to m2",
      "all healthy; m1 restarts and gives back 300.0 of 400.0 MiB",
      "m1 serves again, after 1.0 s",
    ]);
  });

  it("refuses, with nothing touched, while a member is down, and says so after a while", async () => {
    const shard = shardOf([loose, loose, loose]);
    shard.stop("m3");
    const refused = await defragment(shard, plan, new Progress("etcd-main", () => undefined)).catch((error) => error);
    expect(refused).toBeInstanceOf(GateRefused);
    expect(refused.refusal).toMatchObject({ host: "m3", changed: [] });
    expect(shard.log).toEqual([]);
    expect(shard.time).toBeGreaterThanOrEqual(15_000);
  });

  it("refuses before anything ends where there is no room for a second database", async () => {
    const shard = shardOf([loose, loose, loose]);
    shard.tight.add("m3");
    const refused = await defragment(shard, plan, new Progress("etcd-main", () => undefined)).catch((error) => error);
    expect(refused).toBeInstanceOf(GateRefused);
    expect(refused.refusal).toMatchObject({
      host: "m3",
      checked: "its volume has room for a second database, while the old one is there",
      found: `/var/lib/etcd has no ${100 * MIB} bytes free`,
      changed: ["m2"],
    });
  });

  it("stops between two steps, and the next run goes on from what is there", async () => {
    const shard = shardOf([loose, loose, loose]);
    const stopping = () => shard.log.length > 0;
    const stopped = defragment(shard, plan, new Progress("etcd-main", () => undefined, stopping));
    await expect(stopped).rejects.toBeInstanceOf(Interrupted);
    expect(shard.log).toEqual(["defragment m2"]);
    await defragment(shard, plan, new Progress("etcd-main", () => undefined));
    expect(shard.log).toEqual(["defragment m2", "defragment m3", "move m1 m2", "defragment m1"]);
  });
});
