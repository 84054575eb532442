/** Turns: the machines of two hosts of a group are never changed at once, and the next one only when the last is back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { turnsOf } from "../../components/plan/turns";
import { isAside, takeAside } from "../../components/rollout/etcd/aside";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { SimulatedShard } from "./rollout-simulated-shard";

const progress = () => new Progress("etcd-main", () => undefined);
const host = (name: string, zone: string) => ({ name, zone });

describe("the order of turns", () => {
  it("has each host of the group that changes once, and no other", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.tuple(fc.string({ minLength: 1 }), fc.constantFrom("a", "b", "c"), fc.boolean(), fc.boolean()),
          { selector: ([name]) => name },
        ),
        (all) => {
          const hosts = all.map(([name, zone]) => host(name, zone));
          const group = { hosts: all.filter(([, , inGroup]) => inGroup).map(([name]) => name) };
          const changing = new Set(all.filter(([, , , changes]) => changes).map(([name]) => name));
          const turns = turnsOf(group, hosts, (name) => changing.has(name)).map(({ name }) => name);
          expect([...turns].sort()).toEqual(group.hosts.filter((name) => changing.has(name)).sort());
        },
      ),
    );
  });

  it("goes over the zones", () => {
    const hosts = [host("m1", "a"), host("m2", "a"), host("m3", "b"), host("m4", "c")];
    const turns = turnsOf({ hosts: ["m1", "m2", "m3", "m4"] }, hosts, () => true);
    expect(turns.map(({ name }) => name)).toEqual(["m1", "m3", "m4", "m2"]);
  });
});

/** The turns of a whole shard, as the program places them: aside, another machine, content, gate. */
async function allTurns(shard: SimulatedShard, names: readonly string[], machine: (name: string) => void) {
  for (const name of turnsOf(
    { hosts: names },
    names.map((one) => host(one, shard.host(one).zone)),
    () => true,
  ).map((one) => one.name)) {
    const plan = shard.plan(names, { established: true });
    await rolloutEtcd(shard, plan, progress());
    await takeAside(shard, plan, name, progress());
    expect(shard.isUp(shard.host(name))).toBe(false);
    machine(name);
  }
  await rolloutEtcd(shard, shard.plan(names, { established: true }), progress());
}

describe("the machines of a shard", () => {
  const names = ["m1", "m2", "m3", "m4", "m5"];

  it("made again with their volumes: no member is removed, no leader lost, leadership moves twice at most", async () => {
    const shard = SimulatedShard.running(names);
    await allTurns(shard, names, (name) => shard.renew(name));
    expect(shard.elections).toBe(0);
    expect(shard.log.filter((line) => /^(add|remove|promote)/.test(line))).toEqual([]);
    expect(shard.log.filter((line) => line.startsWith("move")).length).toBeLessThanOrEqual(2);
    expect(shard.log.filter((line) => line.startsWith("rest"))).toHaveLength(5);
    expect(names.every((name) => shard.isUp(shard.host(name)))).toBe(true);
  });

  it("made again without them: each leaves and joins as a learner before the next one's turn", async () => {
    const shard = SimulatedShard.running(names);
    await allTurns(shard, names, (name) => shard.recreate(name));
    expect(shard.elections).toBe(0);
    expect(shard.log.filter((line) => line.startsWith("promote"))).toHaveLength(5);
    expect(names.every((name) => shard.isUp(shard.host(name)))).toBe(true);
  });

  it("whichever way each of them changes, in shards of any size: at least a quorum stays, and all are back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(3, 5, 7),
        fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
        async (size, kept) => {
          const members = Array.from({ length: size }, (_, index) => `m${index + 1}`);
          const shard = SimulatedShard.running(members);
          await allTurns(shard, members, (name) =>
            kept[members.indexOf(name)] ? shard.renew(name) : shard.recreate(name),
          );
          expect(shard.elections).toBe(0);
          expect(members.every((name) => shard.isUp(shard.host(name)))).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("go on with a member whose turn was cut short when it was aside, as long as all others serve", async () => {
    const shard = SimulatedShard.running(names);
    const plan = shard.plan(names, { established: true });
    const aside = (host: string) => isAside(shard, plan, host, progress());
    expect(await aside("m2")).toBe(false);
    await takeAside(shard, plan, "m2", progress());
    const before = [...shard.log];
    expect(await aside("m2")).toBe(true);
    expect(shard.log).toEqual(before);
    // Another one that is away comes first.
    expect(await aside("m3")).toBe(false);
    shard.stop("m3");
    expect(await aside("m2")).toBe(false);
  });

  it("go on with the only member of a shard, which nobody waits for but its clients", async () => {
    const shard = SimulatedShard.running(["m1"]);
    const plan = shard.plan(["m1"], { established: true });
    await takeAside(shard, plan, "m1", progress());
    expect(await isAside(shard, plan, "m1", progress())).toBe(true);
  });

  it("stop at the first that does not come back", async () => {
    const shard = SimulatedShard.running(names);
    const gone: string[] = [];
    const turns = allTurns(shard, names, (name) => {
      gone.push(name);
      shard.renew(name);
      shard.host(name).broken = true;
    });
    await expect(turns).rejects.toBeInstanceOf(GateRefused);
    expect(gone).toHaveLength(1);
    expect(names.filter((name) => shard.isUp(shard.host(name)))).toHaveLength(4);
  });
});
