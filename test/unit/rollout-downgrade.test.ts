/** etcd's own way back by one minor version, as a rollout takes it: asked for, agreed on, member by member, killed anywhere, given up. */
import { describe, expect, it } from "vitest";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import type { EtcdPlan } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { SimulatedShard, Violation } from "./rollout-simulated-shard";
import { SimulatedVersions } from "./rollout-simulated-versions";

const THREE = ["m1", "m2", "m3"];
const [old, now] = ["3.6.16", "3.7.3"];

function running(): SimulatedShard {
  const shard = SimulatedShard.running(THREE, now);
  shard.versions = new SimulatedVersions(7, THREE);
  return shard;
}

async function roll(shard: SimulatedShard, more: Partial<EtcdPlan>): Promise<string[]> {
  const lines: string[] = [];
  const progress = new Progress("etcd-main", (line) => lines.push(line));
  await rolloutEtcd(shard, shard.plan(THREE, { established: true, ...more }), progress);
  return lines;
}

async function refused(work: Promise<unknown>): Promise<GateRefused> {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(GateRefused);
  return error as GateRefused;
}

const back = { release: old, downgrade: true };
const ofMembers = (shard: SimulatedShard) => THREE.map((name) => shard.versions?.of(name));
const settled = (server: number) =>
  THREE.map(() => ({ server: `3.${server}.16`, storage: `3.${server}.0`, downgradeTo: "" }));

describe("a shard that goes back to the minor version before", () => {
  it("agrees on it, waits for the data of all members, restarts them with the leader last, and waits for its end", async () => {
    const shard = running();
    shard.stage(THREE, old);
    const lines = await roll(shard, back);
    expect(shard.log).toEqual(["enable 3.6", "activate m2", "activate m3", "move m1 m2", "activate m1"]);
    expect(ofMembers(shard)).toEqual(settled(6));
    expect(lines.join("\n")).toMatch(
      /next: let the cluster go back to etcd 3\.6, which can be taken back .*\n[\s\S]*next: wait for the downgrade to etcd 3\.6\n[\s\S]*restart m2/,
    );
  });

  it("is refused when nobody asked for it, with nothing changed", async () => {
    const shard = running();
    shard.stage(THREE, old);
    const { refusal } = await refused(roll(shard, { release: old }));
    expect(refusal).toMatchObject({
      host: "m1, m2, m3",
      checked: "no member runs a newer minor version than 3.6, which is planned",
      found: "they run 3.7, and the cluster has not agreed to go back",
    });
    expect(refusal.advice).toContain("`etcd.downgradeTo`");
    expect(shard.log).toEqual([]);
  });

  it("does not begin while a member is down, which could not start as the older version", async () => {
    const shard = running();
    shard.stage(THREE, old);
    shard.stop("m3");
    expect((await refused(roll(shard, back))).refusal.host).toBe("m3");
    expect(shard.log).toEqual([]);
  });

  it("does not begin before newcomers join either", async () => {
    const shard = running();
    shard.addHost("m4", old);
    shard.stage(THREE, old);
    const progress = new Progress("etcd-main", () => undefined);
    await rolloutEtcd(shard, shard.plan([...THREE, "m4"], { established: true, ...back }), progress);
    expect(shard.log.slice(0, 2)).toEqual(["enable 3.6", "add m4"]);
  });

  it("goes on where it was killed, at every call", async () => {
    const whole = running();
    whole.stage(THREE, old);
    await roll(whole, back);
    for (let call = 1; call <= whole.calls; call++)
      for (const after of [false, true]) {
        const shard = running();
        shard.stage(THREE, old);
        shard.kill = { call, after };
        await roll(shard, back).catch((error: unknown) => expect(error).not.toBeInstanceOf(Violation));
        shard.kill = undefined;
        await roll(shard, back);
        expect([call, ofMembers(shard)]).toEqual([call, settled(6)]);
        expect(shard.log.filter((line) => line.startsWith("enable"))).toEqual(["enable 3.6"]);
      }
  });

  it("is given up at any moment by the version that it came from", async () => {
    const whole = running();
    whole.stage(THREE, old);
    await roll(whole, back);
    for (let call = 1; call <= whole.calls; call++) {
      const shard = running();
      shard.stage(THREE, old);
      shard.kill = { call, after: true };
      await roll(shard, back).catch((error: unknown) => expect(error).not.toBeInstanceOf(Violation));
      shard.kill = undefined;
      shard.stage(THREE, now);
      await roll(shard, { release: now });
      shard.advance(10_000);
      expect([call, ofMembers(shard)]).toEqual([call, settled(7)]);
    }
  });

  it("is taken back, too, when somebody enabled it by hand and the plan says otherwise", async () => {
    const shard = running();
    shard.versions?.enable("3.6");
    await roll(shard, { release: now });
    shard.advance(10_000);
    expect(shard.log).toEqual(["cancel"]);
    expect(ofMembers(shard)).toEqual(settled(7));
  });
});

describe("an upgrade that stopped half-way", () => {
  it("goes back without a downgrade, as long as one member has the older version", async () => {
    const shard = SimulatedShard.running(THREE, old);
    shard.versions = new SimulatedVersions(6, THREE);
    shard.stage(THREE, now);
    shard.kill = { call: 20, after: true };
    await roll(shard, { release: now }).catch((error: unknown) => expect(error).not.toBeInstanceOf(Violation));
    shard.kill = undefined;
    expect(new Set(shard.versions.servers.values())).toEqual(new Set([6, 7]));
    shard.stage(THREE, old);
    await roll(shard, { release: old });
    expect(shard.log.some((line) => line.startsWith("enable"))).toBe(false);
    expect(ofMembers(shard)).toEqual(settled(6));
  });

  it("does not when all have the newer one already, although no rollout was completed", async () => {
    const shard = running();
    shard.stage(THREE, old);
    expect((await refused(roll(shard, { release: old, established: false }))).refusal.found).toContain("they run 3.7");
  });
});
