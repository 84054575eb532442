import { describe, expect, it } from "vitest";
import { leave } from "../../components/rollout/etcd/leave";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import type { EtcdPlan } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused, Interrupted } from "../../components/rollout/gate/refusal";
import { Killed, SimulatedShard } from "./rollout-simulated-shard";

const FIVE = ["m1", "m2", "m3", "m4", "m5"];

async function roll(shard: SimulatedShard, plan: EtcdPlan, stopping = () => false): Promise<string[]> {
  const lines: string[] = [];
  await rolloutEtcd(shard, plan, new Progress(plan.group, (line) => lines.push(line), stopping));
  return lines;
}

async function refusal(shard: SimulatedShard, plan: EtcdPlan): Promise<GateRefused> {
  const error = await roll(shard, plan).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GateRefused)) throw error ?? new Error("the gate did not refuse");
  return error;
}

function expectConverged(shard: SimulatedShard, names: readonly string[]): void {
  expect(shard.members.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(shard.members.filter(({ learner }) => learner)).toEqual([]);
  expect(shard.votersUp().length).toBe(names.length);
  for (const name of names) expect(shard.host(name).active).toBe(shard.host(name).staged);
}

function fresh(names: readonly string[]): SimulatedShard {
  const shard = new SimulatedShard();
  for (const name of names) shard.addHost(name, "new");
  return shard;
}

describe("first creation", () => {
  it("activates all members at once and waits for a healthy shard", async () => {
    const shard = fresh(FIVE);
    const lines = await roll(shard, shard.plan(FIVE));
    expect(shard.log).toEqual(FIVE.map((name) => `activate ${name}`));
    expectConverged(shard, FIVE);
    expect(lines).toEqual(["creating the shard: starting 5 of 5 members at once", "shard healthy (5/5), done"]);
  });

  it.each([1, 2, 3, 4])("goes on when only %i of 5 were started", async (count) => {
    const shard = fresh(FIVE);
    const names = FIVE.slice(0, count);
    const env = {
      ETCD_INITIAL_CLUSTER: FIVE.map((name) => `${name}=https://${name}:2380`).join(","),
      ETCD_INITIAL_CLUSTER_STATE: "new",
    };
    for (const name of names) await shard.activate(name, { env });
    shard.advance(10_000);
    await roll(shard, shard.plan(FIVE));
    expectConverged(shard, FIVE);
    expect(shard.log.filter((line) => line.startsWith("remove"))).toEqual([]);
  });

  it("is refused for a shard that was in service and whose hosts are all new", async () => {
    const shard = fresh(FIVE);
    const { refusal: found } = await refusal(shard, shard.plan(FIVE, { established: true }));
    expect(found.found).toBe("none does: all hosts are new");
    expect(shard.log).toEqual([]);
  });

  it.each([true, false])("is refused beside members that lost their quorum (established: %s)", async (established) => {
    const shard = SimulatedShard.running(FIVE);
    for (const name of ["m1", "m2", "m3"]) shard.recreate(name);
    const { message } = await refusal(shard, shard.plan(FIVE, { established }));
    expect(message).toContain("2 of 5 voters answer, 3 are needed");
    expect(shard.log).toEqual([]);
  });
});

describe("hosts that were made again with the data of an established shard", () => {
  const madeAgain = (lost: readonly string[]) => {
    const shard = SimulatedShard.running(FIVE);
    for (const name of FIVE) {
      const { memberId } = shard.host(name);
      shard.recreate(name);
      if (!lost.includes(name)) Object.assign(shard.host(name), { memberId, everActivated: true });
    }
    return shard;
  };

  it("start together, with nothing but their own data", async () => {
    const shard = madeAgain([]);
    const lines = await roll(shard, shard.plan(FIVE, { established: true }));
    expect(shard.log).toEqual(FIVE.map((name) => `activate ${name}`));
    expect(lines[0]).toBe(
      "no member of the shard answers, next: repair m1, m2, m3, m4, m5: what does not run is started",
    );
    expectConverged(shard, FIVE);
  });

  it("are waited for when they start by themselves, however long that takes", async () => {
    const shard = madeAgain([]);
    for (const name of FIVE) Object.assign(shard.host(name), { active: "old", comesUp: 50_000 });
    const lines = await roll(shard, shard.plan(FIVE, { established: true }));
    expect(lines[0]).toBe("the shard has no quorum; waiting for m1, m2, m3, m4, m5 to start");
    expect(shard.log).toEqual([]);
  });

  it("replace those whose data is lost only once a majority is back", async () => {
    const shard = madeAgain(["m2"]);
    await roll(shard, shard.plan(FIVE, { established: true }));
    expect(shard.log.slice(0, 5)).toEqual([...["m1", "m3", "m4", "m5"].map((name) => `activate ${name}`), "remove m2"]);
    expectConverged(shard, FIVE);
  });

  it("are refused when most of the data is lost, and nothing fresh is started beside the rest", async () => {
    const shard = madeAgain(["m1", "m2", "m3"]);
    const { message } = await refusal(shard, shard.plan(FIVE, { established: true }));
    expect(message).toContain("2 of 5 voters answer, 3 are needed");
    expect(shard.log).toEqual(["activate m4", "activate m5"]);
  });
});

describe("a rolling change", () => {
  it("restarts followers first, in alternating zones, and the leader last after one hand-over", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    const lines = await roll(shard, shard.plan(FIVE));
    expect(shard.log).toEqual([
      "activate m2",
      "activate m3",
      "activate m4",
      "activate m5",
      "move m1 m2",
      "activate m1",
    ]);
    expect(shard.elections).toBe(0);
    expectConverged(shard, FIVE);
    expect(lines[1]).toBe("done: restart m2; shard healthy (5/5), next: restart m3");
    expect(lines.at(-1)).toBe("done: restart m1; shard healthy (5/5), done");
  });

  it("changes at once what restarts nothing", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new", false);
    await roll(shard, shard.plan(FIVE));
    expect(shard.log.sort()).toEqual(FIVE.map((name) => `activate ${name}`));
    expect(shard.elections).toBe(0);
  });

  it("touches nothing when there is nothing to do", async () => {
    const shard = SimulatedShard.running(FIVE);
    expect(await roll(shard, shard.plan(FIVE))).toEqual(["shard healthy (5/5), done"]);
    expect(shard.log).toEqual([]);
  });

  it("restarts a single member without a hand-over", async () => {
    const shard = SimulatedShard.running(["m1"]);
    shard.stage(["m1"], "new");
    await roll(shard, shard.plan(["m1"]));
    expect(shard.log).toEqual(["activate m1"]);
  });

  it("stops between two steps when asked, and a second run does the rest", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    await expect(roll(shard, shard.plan(FIVE), () => shard.log.length >= 2)).rejects.toBeInstanceOf(Interrupted);
    expect(shard.log).toHaveLength(2);
    expect(shard.votersUp()).toHaveLength(5);
    await roll(shard, shard.plan(FIVE));
    expectConverged(shard, FIVE);
  });
});

describe("the gate", () => {
  it("refuses a masked member and touches nothing", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    shard.host("m4").masked = true;
    shard.stop("m4");
    const { message, refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m4", found: "etcd.service is masked", changed: [] });
    expect(message).toContain("Nothing was changed.");
    expect(shard.log).toEqual([]);
  });

  it("refuses at once while alarm CORRUPT is raised", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    shard.alarms.push({ memberId: shard.members[2]?.id ?? "", type: "CORRUPT" });
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m3", found: "alarm CORRUPT", changed: [] });
    expect(shard.log).toEqual([]);
    expect(shard.time).toBeLessThan(1_000);
  });

  it("of a full shard is open for what makes room, a larger quota for instance, and closed for all that comes after the shard", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.alarms.push({ memberId: shard.members[2]?.id ?? "", type: "NOSPACE" });
    const idle = await refusal(shard, shard.plan(FIVE));
    expect(idle.refusal).toMatchObject({ host: "m3", found: "alarm NOSPACE", changed: [] });
    expect(idle.message).toContain("kilonode etcd compact");
    expect(shard.time).toBeLessThan(1_000);
    shard.stage(FIVE, "new");
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m3", found: "alarm NOSPACE", changed: expect.arrayContaining(FIVE) });
    expect(shard.elections).toBe(0);
  });

  it("of a full shard lets a host that was made anew join, so that it can be made room in", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.alarms.push({ memberId: shard.members[2]?.id ?? "", type: "NOSPACE" });
    shard.stop("m4");
    shard.recreate("m4");
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m3", found: "alarm NOSPACE" });
    expect(shard.log).toEqual(["remove m4", "add m4", "activate m4", "promote m4"]);
  });

  it("refuses when a member lags behind", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    shard.host("m3").appliedLag = 6_000;
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m3", found: "6000 entries behind" });
    expect(shard.log).toEqual([]);
  });

  it("refuses when a member that is down does not come up with the new content, and gives it to no other", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    for (const name of ["m4", "m5"]) {
      shard.stop(name);
      shard.host(name).broken = true;
    }
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m4", changed: ["m4"] });
    expect(found.found).toBe("no answer (2 of 5 voters away, the shard survives 2)");
    expect(shard.log).toEqual(["activate m4"]);
  });

  it("refuses when a host cannot be reached", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    shard.host("m2").sshDown = true;
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m2", changed: [] });
    expect(shard.log).toEqual([]);
  });

  it("refuses content that is not the staged one", async () => {
    const shard = SimulatedShard.running(FIVE);
    const plan = shard.plan(FIVE);
    const targets = plan.targets.map((target) => ({ ...target, digest: "planned" }));
    const { refusal: found } = await refusal(shard, { ...plan, targets });
    expect(found).toMatchObject({ host: "m1", found: "staged is old, planned is planned" });
  });

  it("stops at the member that does not come back; when it is mended, the next run repairs it first", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    shard.host("m3").broken = true;
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m3", changed: ["m2", "m3"] });
    expect(shard.log).toEqual(["activate m2", "activate m3"]);
    shard.host("m3").broken = false;
    shard.stage(FIVE, "newer");
    await roll(shard, shard.plan(FIVE));
    expect(shard.log[2]).toBe("activate m3");
    expectConverged(shard, FIVE);
  });

  it("waits for what is only just starting", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    shard.host("m5").comesUp = 4_000;
    await roll(shard, shard.plan(FIVE));
    expectConverged(shard, FIVE);
  });
});

describe("a closed gate does not stop the repair that it waits for", () => {
  it("members that are down are repaired one by one, then the others are changed", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    for (const name of ["m4", "m5"]) shard.stop(name);
    const lines = await roll(shard, shard.plan(FIVE));
    expect(shard.log.slice(0, 3)).toEqual(["activate m4", "activate m5", "activate m2"]);
    expect(lines[0]).toBe("shard serving (3/5), next: repair m4: what does not run is started");
    expectConverged(shard, FIVE);
  });

  it.each([true, false])("a majority that is down is started at once (the rest too: %s)", async (all) => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    for (const name of all ? FIVE : ["m3", "m4", "m5"]) shard.stop(name);
    const lines = await roll(shard, shard.plan(FIVE, { established: true }));
    expect(shard.log.slice(0, 5).sort()).toEqual(FIVE.map((name) => `activate ${name}`));
    expect(lines[0]).toBe(
      all
        ? "no member of the shard answers, next: repair m1, m2, m3, m4, m5: what does not run is started"
        : "shard without a quorum (2/5), next: repair m1, m2, m3, m4, m5: what does not run is started",
    );
    expectConverged(shard, FIVE);
  });

  it.each([true, false])(
    "certificates that have all expired are replaced (with a restart owed: %s)",
    async (restarts) => {
      const shard = SimulatedShard.running(FIVE);
      for (const name of FIVE) shard.host(name).expired = true;
      shard.stage(FIVE, "new", restarts);
      await roll(shard, shard.plan(FIVE, { established: true }));
      expect(shard.log.slice(0, 5).sort()).toEqual(FIVE.map((name) => `activate ${name}`));
      expect(shard.elections).toBe(0);
      expect(shard.log.length).toBe(restarts ? 11 : 5);
      expectConverged(shard, FIVE);
    },
  );

  it("what restarts nothing is changed while a member lags, and the rest waits", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.host("m3").appliedLag = 6_000;
    shard.stage(["m1", "m3"], "new", false);
    shard.stage(["m2"], "new");
    const { refusal: found } = await refusal(shard, shard.plan(FIVE));
    expect(found).toMatchObject({ host: "m3", found: "6000 entries behind" });
    expect(shard.log.sort()).toEqual(["activate m1", "activate m3"]);
    expect(shard.time).toBeLessThan(60_000);
  });

  it("members whose disks are empty are not started in the place of their data", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    for (const name of ["m1", "m2", "m3"]) shard.wipe(name);
    for (const name of ["m4", "m5"]) shard.stop(name);
    await refusal(shard, shard.plan(FIVE, { established: true }));
    expect(shard.log.sort()).toEqual(["activate m4", "activate m5"]);
  });
});

describe("members come and go", () => {
  it("grows from 3 to 5, one learner at a time, and restarts nobody", async () => {
    const shard = SimulatedShard.running(["m1", "m2", "m3"], "new");
    shard.addHost("m4", "new");
    shard.addHost("m5", "new");
    await roll(shard, shard.plan(FIVE));
    expect(shard.log).toEqual(["add m4", "activate m4", "promote m4", "add m5", "activate m5", "promote m5"]);
    expectConverged(shard, FIVE);
    expect(shard.elections).toBe(0);
  });

  it("leaves members alone that are not planned any more: API servers still use them", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(["m2", "m3"], "new");
    const lines = await roll(shard, shard.plan(["m2", "m3"]));
    expect(shard.log).toEqual(["activate m2", "activate m3"]);
    expect(lines.at(-1)).toContain("shard healthy (5/5), done");
    expect(shard.leaderName()).toBe("m1");
  });

  it("says whose clients are not held when leadership moves while members are about to leave", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stage(FIVE, "new");
    const lines = await roll(shard, shard.plan(["m1", "m2", "m3"]));
    expect(lines.filter((line) => line.includes("not held"))).toEqual([
      "clients of m4 are not held: it is leaving the shard",
      "clients of m5 are not held: it is leaving the shard",
    ]);
  });

  it("gets what restarts nothing before anybody joins: a firewall may have to let him in", async () => {
    const shard = SimulatedShard.running(["m1", "m2", "m3"]);
    shard.stage(["m1", "m2", "m3"], "new", false);
    shard.addHost("m4", "new");
    shard.addHost("m5", "new");
    await roll(shard, shard.plan(FIVE));
    expect(shard.log.slice(0, 3).sort()).toEqual(["activate m1", "activate m2", "activate m3"]);
    expect(shard.log.slice(3)).toEqual(["add m4", "activate m4", "promote m4", "add m5", "activate m5", "promote m5"]);
    expectConverged(shard, FIVE);
  });

  it("replaces a member whose data is gone: removed first, then added as learner", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.recreate("m4");
    await roll(shard, shard.plan(FIVE, { established: true }));
    expect(shard.log).toEqual(["remove m4", "add m4", "activate m4", "promote m4"]);
    expectConverged(shard, FIVE);
  });

  it("replaces two members whose data is gone while a quorum lives", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.recreate("m4");
    shard.recreate("m5");
    await roll(shard, shard.plan(FIVE, { established: true }));
    expect(shard.log.slice(0, 2)).toEqual(["remove m4", "remove m5"]);
    expectConverged(shard, FIVE);
  });

  it("does not remove a lost member while another one is ill", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.recreate("m4");
    shard.host("m5").appliedLag = 9_000;
    const { refusal: found } = await refusal(shard, shard.plan(FIVE, { established: true }));
    expect(found.host).toBe("m5");
    expect(shard.log).toEqual([]);
  });

  it("removes a dead member that is not planned any more", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.stop("m5");
    await roll(shard, shard.plan(["m1", "m2", "m3"]));
    expect(shard.log).toEqual(["remove m5"]);
    expectConverged(shard, ["m1", "m2", "m3", "m4"]);
  });

  it("lets a host with the data of a member that was removed join with nothing, and keeps that data", async () => {
    const shard = SimulatedShard.running(FIVE);
    for (const member of ["m5", "m4"]) {
      const plan = { group: "etcd-main", member, hosts: FIVE, hostTimeoutMs: 60_000 };
      await leave(shard, plan, new Progress("etcd-main", () => undefined));
    }
    shard.log.length = 0;
    const lines = await roll(shard, shard.plan(FIVE, { established: true }));
    const joined = (name: string) => [
      `set aside ${name}`,
      `add https://${name}:2380`,
      `activate ${name}`,
      `promote ${name}`,
    ];
    expect(shard.log.map((line) => line.replace(/^add m(\d)$/, "add https://m$1:2380"))).toEqual([
      ...joined("m4"),
      ...joined("m5"),
    ]);
    expect(lines).toContain(
      "m4: old data is kept in /var/lib/etcd-wal/set-aside-of-m4 (docs/data-and-keys.md#data-that-was-put-aside)",
    );
    expectConverged(shard, FIVE);
  });

  it("puts nothing aside while the shard is not healthy", async () => {
    const shard = SimulatedShard.running(FIVE);
    shard.members = shard.members.filter(({ name }) => name !== "m5");
    shard.host("m4").appliedLag = 9_000;
    const { refusal: found } = await refusal(shard, shard.plan(FIVE, { established: true }));
    expect(found.host).toBe("m4");
    expect(shard.log).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6].flatMap((step) => [true, false].map((after) => [step, after] as const)))(
    "goes on when killed at change %i of a growth (after it: %s)",
    async (step, after) => {
      const shard = SimulatedShard.running(["m1", "m2", "m3"], "new");
      shard.addHost("m4", "new");
      shard.addHost("m5", "new");
      let changes = 0;
      shard.beforeCall = (call) => {
        if (/^(add|activate|promote)/.test(call) && ++changes === step) shard.kill = { call: shard.calls, after };
      };
      await expect(roll(shard, shard.plan(FIVE))).rejects.toBeInstanceOf(Killed);
      shard.kill = undefined;
      await roll(shard, shard.plan(FIVE));
      expectConverged(shard, FIVE);
    },
  );
});
