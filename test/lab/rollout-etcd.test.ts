/** The etcd strategy on real etcd members, with a writer at work: no acknowledged write is lost, and no leader without a hand-over. */
import { afterEach, describe, expect, it } from "vitest";
import { findEtcd, LocalShard, Writer } from "../../bench/lib/local-etcd";
import { bootstrapEnv, ownDataEnv } from "../../components/rollout/etcd/bootstrap";
import { leave } from "../../components/rollout/etcd/leave";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import type { EtcdPlan } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";

const binaries = await findEtcd();
const title = binaries ? "on real etcd" : "on real etcd (SKIPPED: no etcd in the artifact cache)";
const names = (count: number) => Array.from({ length: count }, (_, index) => `m${index + 1}`);

let network = process.pid % 200;
let shard: LocalShard;

async function roll(plan: EtcdPlan): Promise<string[]> {
  const lines: string[] = [];
  await rolloutEtcd(shard, plan, new Progress(plan.group, (line) => void lines.push(line)));
  return lines;
}

async function create(count: number): Promise<void> {
  if (!binaries) throw new Error("no etcd");
  shard = new LocalShard(binaries, ++network);
  for (const name of names(count)) shard.addHost(name, "old");
  await roll(shard.plan(names(count)));
  shard.log.length = 0;
}

async function leader(): Promise<{ name: string | undefined; members: string[]; up: number }> {
  const { members, endpoints } = await shard.look("m1").catch(() => shard.look("m2"));
  const ids = new Set([...endpoints.values()].map((endpoint) => endpoint.leader));
  const name = ids.size === 1 ? members.find(({ id }) => ids.has(id))?.name : undefined;
  const voters = members.filter(({ learner }) => !learner).map((member) => member.name);
  return { name, members: voters.sort(), up: endpoints.size };
}

describe.skipIf(!binaries)(title, () => {
  afterEach(() => shard.cleanUp());

  it.each([1, 3, 5])("changes %i members one by one, the leader last", async (count) => {
    await create(count);
    const first = (await leader()).name;
    const writer = new Writer(() => shard.clientUrls());
    writer.start();
    shard.stage("new");
    await roll(shard.plan(names(count)));
    expect(await writer.lost()).toEqual([]);
    const activations = shard.log.filter((line) => line.startsWith("activate"));
    expect(activations.length).toBe(count);
    expect(activations.at(-1)).toBe(`activate ${first}`);
    expect(shard.log.filter((line) => line.startsWith("move")).length).toBe(count > 1 ? 1 : 0);
    expect(await leader()).toMatchObject({ members: names(count), up: count });
    console.log(
      `${count} members: ${writer.acknowledged.length} writes acknowledged, longest gap ${writer.longestGapMs.toFixed(0)} ms`,
    );
  });

  it("grows from 3 to 5 by learners and shrinks back to 3 others", async () => {
    await create(3);
    const writer = new Writer(() => shard.clientUrls().slice(0, 3));
    writer.start();
    for (const name of ["m4", "m5"]) shard.addHost(name, "old");
    await roll(shard.plan(names(5)));
    expect(shard.log).toEqual(["activate m4", "activate m5"]);
    expect(await leader()).toMatchObject({ members: names(5), up: 5 });
    const old = (await leader()).name as string;
    const staying = names(5)
      .filter((name) => name !== old)
      .slice(-3);
    await roll(shard.plan(staying));
    const hosts = [...staying, ...names(5).filter((name) => !staying.includes(name))];
    for (const member of hosts.slice(3)) {
      const { group, hostTimeoutMs } = shard.plan(staying);
      await leave(shard, { group, member, hosts, hostTimeoutMs }, new Progress(group, () => undefined));
    }
    expect(shard.log.filter((line) => line.startsWith("move"))).toEqual([`move ${old} ${staying[0]}`]);
    const via = await shard.look(staying[0] as string);
    expect(via.members.map(({ name }) => name).sort()).toEqual([...staying].sort());
    expect(via.endpoints.size).toBe(3);
    // The rest of the writer's members may be gone: look for its keys at one that stayed.
    const there = new Writer(() => [`http://${shard.host(staying[0] as string).address}:2379`]);
    there.acknowledged.push(...writer.acknowledged);
    expect(await there.lost()).toEqual([]);
    await writer.lost();
  });

  it("goes on with a first creation that was cut short, before and after its quorum", async () => {
    if (!binaries) return;
    for (const started of [1, 2, 3]) {
      shard = new LocalShard(binaries, ++network);
      for (const name of names(5)) shard.addHost(name, "old");
      const plan = shard.plan(names(5));
      for (const name of names(started)) await shard.activate(name, { env: bootstrapEnv(plan.targets, plan.token) });
      await shard.sleep(started >= 3 ? 8_000 : 1_000);
      await roll(plan);
      expect(await leader()).toMatchObject({ members: names(5), up: 5 });
      if (started < 3) await shard.cleanUp();
    }
  });

  it("replaces a member whose host was made again, empty", async () => {
    await create(3);
    const writer = new Writer(() => shard.clientUrls());
    writer.start();
    await shard.recreate("m2");
    await roll(shard.plan(names(3), { established: true }));
    expect(await writer.lost()).toEqual([]);
    expect(await leader()).toMatchObject({ members: names(3), up: 3 });
  });

  it("brings most members back at once, and then restarts the one that kept running", async () => {
    await create(3);
    const writer = new Writer(() => shard.clientUrls());
    writer.start();
    await shard.sleep(500);
    for (const name of names(2)) await shard.kill(name);
    shard.stage("new");
    await roll(shard.plan(names(3), { established: true }));
    expect(await writer.lost()).toEqual([]);
    expect([...shard.log.slice(0, 3)].sort()).toEqual(names(3).map((name) => `activate ${name}`));
    expect(shard.log.filter((line) => line.startsWith("activate"))).toHaveLength(4);
    expect(await leader()).toMatchObject({ members: names(3), up: 3 });
  });

  it("goes on from the data of one member, by the steps of docs/operations.md, when the quorum is lost for good", async () => {
    await create(3);
    const writer = new Writer(() => shard.clientUrls().slice(0, 1));
    writer.start();
    await shard.sleep(500);
    for (const name of ["m2", "m3"]) await shard.recreate(name);
    const restart = async (staged: string, env: Readonly<Record<string, string>>) => {
      shard.host("m1").staged = staged;
      await shard.activate("m1", { env });
      while (!(await shard.settled("m1"))) await shard.sleep(100);
    };
    await restart("forced", { ETCD_FORCE_NEW_CLUSTER: "true" });
    await restart("old", { ETCD_FORCE_NEW_CLUSTER: "false" });
    await roll(shard.plan(names(3), { established: true }));
    expect(await writer.lost()).toEqual([]);
    expect(await leader()).toMatchObject({ members: names(3), up: 3 });
  });

  it("takes back a member that the shard had removed, without its old data, which is kept", async () => {
    await create(5);
    const writer = new Writer(() => shard.clientUrls().slice(0, 1));
    writer.start();
    const { group, hostTimeoutMs } = shard.plan(names(5));
    for (const member of ["m5", "m4"]) {
      await leave(shard, { group, member, hosts: names(5), hostTimeoutMs }, new Progress(group, () => undefined));
      await shard.leave(member);
    }
    shard.log.length = 0;
    const lines = await roll(shard.plan(names(5), { established: true }));
    expect(shard.log.filter((line) => !line.startsWith("move"))).toEqual([
      ...["set aside m4", "activate m4"],
      ...["set aside m5", "activate m5"],
    ]);
    expect(lines.filter((line) => line.includes("old data is kept in"))).toHaveLength(2);
    expect(await writer.lost()).toEqual([]);
    expect(await leader()).toMatchObject({ members: names(5), up: 5 });
  });

  it("brings back hosts that were made again with their data, and none that has lost it under its old id", async () => {
    await create(3);
    const writer = new Writer(() => shard.clientUrls().slice(0, 1));
    writer.start();
    await shard.sleep(500);
    expect(await writer.lost()).toEqual([]);
    for (const name of names(3)) await shard.leave(name);
    await roll(shard.plan(names(3), { established: true }));
    expect(await writer.lost()).toEqual([]);
    expect(writer.acknowledged.length).toBeGreaterThan(0);
    expect(await leader()).toMatchObject({ members: names(3), up: 3 });
    await shard.recreate("m2");
    await shard.activate("m2", { env: ownDataEnv });
    while (!(await shard.settled("m2"))) await shard.sleep(100);
    await expect(shard.look("m2")).rejects.toThrow();
    expect(await leader()).toMatchObject({ members: names(3), up: 2 });
  });

  it("refuses, touching nothing, when the quorum is lost", async () => {
    await create(3);
    await shard.recreate("m1");
    await shard.recreate("m2");
    await shard.sleep(6_000);
    for (const established of [true, false]) {
      const plan = shard.plan(names(3), { established, hostTimeoutMs: 20_000 });
      const error = await roll(plan).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(GateRefused);
      expect((error as GateRefused).refusal).toMatchObject({
        changed: [],
        found: "1 of 3 voters answer, 2 are needed",
      });
    }
    expect(shard.log).toEqual([]);
  });
});
