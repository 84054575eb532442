/** A shard out of space: what comes next, and that it takes writes again on a simulated shard. */
import { describe, expect, it } from "vitest";
import type { Database, View } from "../../components/rollout/etcd/shard";
import { makeSpace, nextSpaceStep, type SpaceStep } from "../../components/rollout/etcd/space";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { SimulatedShard } from "./rollout-simulated-shard";

const MIB = 2 ** 20;
const hosts = ["m1", "m2", "m3"];
const plan = { group: "etcd-main", hosts, hostTimeoutMs: 60_000 };
const database = (bytes: number, inUseBytes = bytes): Database => ({
  bytes: bytes * MIB,
  inUseBytes: inUseBytes * MIB,
  quotaBytes: 1000 * MIB,
  revision: 40,
});
const noSpace = { memberId: "a1", type: "NOSPACE" };

function view(databases: readonly Database[], alarms: View["alarms"] = [noSpace], down = ""): View {
  const members = hosts.map((name) => ({
    id: name.replace("m", "a"),
    name,
    peerUrl: `https://${name}:2380`,
    clientUrl: `https://${name}:2379`,
    learner: false,
  }));
  const endpoints = members.flatMap(({ id, name }, index) =>
    name === down ? [] : [[id, { leader: "a1", appliedIndex: 7, database: databases[index]! }] as const],
  );
  return { members, quorum: true, endpoints: new Map(endpoints), alarms };
}

const full = [database(1000), { ...database(1000), revision: 42 }, database(990)];
const fresh = { compacted: false, defragmented: false };
const compacted = { ...fresh, compacted: true };

describe("a shard out of space", () => {
  it.each([
    ["is compacted to the newest revision that a member has", view(full), fresh, { kind: "compact", revision: 42 }],
    [
      "is defragmented where that gives something back",
      view([database(1000, 200), database(1000, 960), database(990, 200)]),
      compacted,
      { kind: "defragment", members: ["m1", "m3"] },
    ],
    [
      "takes writes again when all are below four fifths of their quota",
      view([database(800), database(200), database(200)]),
      { compacted: true, defragmented: true },
      { kind: "disarm" },
    ],
    ["is done without the alarm", view(full, []), fresh, { kind: "done" }],
    [
      "stays as it is when it is full of objects",
      view([database(801), database(200), database(200)]),
      { compacted: true, defragmented: true },
      {
        kind: "blocked",
        findings: [
          {
            host: "m1",
            checked: "its database has less than 80 % of its quota",
            found: "801.0 MiB of 1000.0 MiB, of which 801.0 MiB are in use: it is full of objects",
            lasting: true,
          },
        ],
      },
    ],
    [
      "is not touched while its data differs",
      view(full, [noSpace, { memberId: "a2", type: "CORRUPT" }]),
      fresh,
      { kind: "blocked", findings: [{ host: "m2", found: "alarm CORRUPT", lasting: true }] },
    ],
    [
      "is not touched while a member is away",
      view(full, [noSpace], "m3"),
      fresh,
      { kind: "blocked", findings: [{ host: "m3", lasting: false }] },
    ],
  ])("%s", (_what, seen, done, step) => {
    expect(nextSpaceStep(plan, seen, done)).toMatchObject(step);
  });
});

function fullShard(liveBytes: number): SimulatedShard {
  const shard = SimulatedShard.running(hosts);
  for (const name of hosts) shard.databases.set(name, database(1000));
  shard.alarms = [{ memberId: shard.members[0]?.id as string, type: "NOSPACE" }];
  shard.liveBytes = liveBytes * MIB;
  return shard;
}

describe("a shard that is made to take writes again", () => {
  const quiet = () => new Progress("etcd-main", () => undefined);

  it("asks before each step, and takes the alarm back last", async () => {
    const shard = fullShard(100);
    const asked: SpaceStep["kind"][] = [];
    const given = await makeSpace(shard, plan, quiet(), async ({ kind }) => void asked.push(kind));
    expect(asked).toEqual(["compact", "defragment", "disarm"]);
    expect(shard.log).toEqual([
      "compact 40",
      ...["defragment m2", "defragment m3", "move m1 m2", "defragment m1"],
      "disarm",
    ]);
    expect(given.map(({ beforeBytes, afterBytes }) => [beforeBytes / MIB, afterBytes / MIB])).toEqual([
      [1000, 100],
      [1000, 100],
      [1000, 100],
    ]);
    expect(shard.elections).toBe(0);
  });

  it("keeps the alarm, and deletes nothing, when it is full of objects", async () => {
    const shard = fullShard(900);
    const refused = await makeSpace(shard, plan, quiet(), async () => undefined).catch((error) => error);
    expect(refused).toBeInstanceOf(GateRefused);
    expect(refused.message).toContain("full of objects");
    expect(shard.alarms).toHaveLength(1);
    expect(shard.log).not.toContain("disarm");
  });

  it("does nothing more after a no, and the next run goes on", async () => {
    const shard = fullShard(100);
    const untilDefragment = async ({ kind }: SpaceStep) => {
      if (kind === "defragment") throw new Error("no");
    };
    await expect(makeSpace(shard, plan, quiet(), untilDefragment)).rejects.toThrow("no");
    expect(shard.log).toEqual(["compact 40"]);
    await makeSpace(shard, plan, quiet(), async () => undefined);
    expect(shard.alarms).toEqual([]);
  });

  it("does nothing without an alarm", async () => {
    const shard = SimulatedShard.running(hosts);
    expect(await makeSpace(shard, plan, quiet(), async () => undefined)).toEqual([]);
    expect(shard.log).toEqual([]);
  });
});
