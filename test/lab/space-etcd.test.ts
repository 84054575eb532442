/** Real etcd members whose databases are made smaller, and brought out of NOSPACE, through the commands that run on hosts. */
import { afterEach, describe, expect, it } from "vitest";
import { findEtcd, LocalShard, Writer } from "../../bench/lib/local-etcd";
import { defragment } from "../../components/rollout/etcd/defragment";
import { leave } from "../../components/rollout/etcd/leave";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import { makeSpace } from "../../components/rollout/etcd/space";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";

const binaries = await findEtcd();
const title = binaries ? "the space of a shard" : "the space of a shard (SKIPPED: no etcd in the artifact cache)";
const MIB = 2 ** 20;
const names = ["m1", "m2", "m3"];
let network = 120;

describe.skipIf(!binaries)(title, { timeout: 600_000 }, () => {
  let shard: LocalShard;
  afterEach(() => shard.cleanUp());

  const quiet = () => new Progress("etcd-test", () => undefined);
  const call = async (...words: string[]) => {
    const { code, stderr, stdout } = await shard.run("m1", ["/usr/local/lib/kilonode/etcd-call", ...words]);
    return { code, said: `${stdout}${stderr}` };
  };
  const plan = { group: "etcd-test", hosts: names, hostTimeoutMs: 120_000 };

  async function create(flags: readonly string[]): Promise<void> {
    if (!binaries) return;
    shard = new LocalShard(binaries, ++network);
    shard.flags = flags;
    for (const name of names) shard.addHost(name, "old");
    await rolloutEtcd(shard, shard.plan(names), quiet());
    shard.log.length = 0;
  }

  /** Values of a MiB. @returns what etcd said of the first that it did not take */
  async function fill(keys: readonly string[]): Promise<string | undefined> {
    const { address } = shard.host("m1");
    for (const key of keys) {
      const body = { key: base64(key), value: base64("x".repeat(MIB)) };
      const answer = await fetch(`http://${address}:2379/v3/kv/put`, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) return answer.text();
    }
    return undefined;
  }

  const sizes = async () => {
    const { endpoints, members } = await shard.look("m1");
    return members.map(({ id, name }) => ({ name, ...endpoints.get(id)?.database }));
  };

  it("is given back while clients write, the leader last, with nothing lost", async () => {
    await create([]);
    const keys = Array.from({ length: 150 }, (_, index) => `/registry/configmaps/a/${index}`);
    expect(await fill(keys)).toBeUndefined();
    await call("del", "--prefix", "/registry/configmaps/");
    const [first] = await sizes();
    await shard.compact("m1", first?.revision as number);
    await shard.sleep(2_000);
    const writer = new Writer(() => shard.clientUrls());
    writer.start();
    const before = await sizes();
    const leader = (await shard.look("m1")).endpoints;
    const [leads] = [...leader.values()].map((one) => one.leader);
    const name = (await shard.look("m1")).members.find(({ id }) => id === leads)?.name;
    const given = await defragment(shard, { ...plan, worth: { freeShare: 0.45, bytes: 100 * MIB } }, quiet());
    expect(await writer.lost()).toEqual([]);
    expect(shard.log.filter((line) => !line.startsWith("move")).sort()).toEqual(
      names.map((one) => `defragment ${one}`),
    );
    expect(shard.log.at(-1)).toBe(`defragment ${name}`);
    expect(shard.log.at(-2)).toMatch(new RegExp(`^move ${name} `));
    for (const { beforeBytes, afterBytes } of given) {
      expect(beforeBytes).toBeGreaterThan(150 * MIB);
      expect(afterBytes).toBeLessThan(20 * MIB);
    }
    console.log(
      before.map(({ bytes = 0 }) => `${(bytes / MIB).toFixed(0)} MiB`).join(", "),
      given.map(
        ({ member, afterBytes, silentSeconds }) =>
          `${member} ${(afterBytes / MIB).toFixed(1)} MiB after ${silentSeconds} s`,
      ),
      `${writer.acknowledged.length} writes acknowledged, longest gap ${writer.longestGapMs.toFixed(0)} ms`,
    );
    // Nothing is worth it any more.
    shard.log.length = 0;
    await defragment(shard, { ...plan, worth: { freeShare: 0.45, bytes: 100 * MIB } }, quiet());
    expect(shard.log).toEqual([]);
  });

  it("is out: old revisions go, the databases shrink, writes are taken again", async () => {
    await create([`--quota-backend-bytes=${64 * MIB}`]);
    const keys = Array.from({ length: 100 }, (_, index) => `/registry/pods/default/${index % 3}`);
    expect(await fill(keys)).toContain("database space exceeded");
    expect((await shard.look("m2")).alarms.map(({ type }) => type)).toContain("NOSPACE");
    expect(await shard.countKeys("m1")).toEqual([{ prefix: "/registry/pods/", keys: 3 }]);
    const asked: string[] = [];
    await makeSpace(shard, plan, quiet(), async ({ kind }) => void asked.push(kind));
    expect(asked).toEqual(["compact", "defragment", "disarm"]);
    expect((await shard.look("m2")).alarms).toEqual([]);
    for (const { bytes } of await sizes()) expect(bytes).toBeLessThan(20 * MIB);
    expect(await fill(["/registry/pods/default/0"])).toBeUndefined();
  });

  it("is out for good: the alarm stays when it is full of objects, until some are deleted", async () => {
    await create([`--quota-backend-bytes=${64 * MIB}`]);
    // A database that grew fast has free pages, which are given back: it is full once only objects are left.
    let refused: unknown;
    for (let round = 0; round < 5 && !(refused instanceof GateRefused); round++) {
      const keys = Array.from({ length: 100 }, (_, index) => `/registry/example.com/widgets/${round}/${index}`);
      expect(await fill(keys)).toContain("database space exceeded");
      refused = await makeSpace(shard, plan, quiet(), async () => undefined).catch((error: unknown) => error);
    }
    if (!(refused instanceof GateRefused)) throw new Error(`not refused: ${JSON.stringify(refused)}`);
    expect(refused.refusal.found).toContain("it is full of objects");
    expect((await shard.look("m2")).alarms.map(({ type }) => type)).toContain("NOSPACE");
    const [counted] = await shard.countKeys("m1");
    expect(counted?.prefix).toBe("/registry/example.com/widgets/");
    expect((await call("del", "--prefix", "/registry/example.com/")).code).toBe(0);
    await makeSpace(shard, plan, quiet(), async () => undefined);
    expect((await shard.look("m2")).alarms).toEqual([]);
    expect(await fill(["/registry/pods/default/0"])).toBeUndefined();
  });

  it("is out and a member lost: its host is made anew first, then there is room again, and a larger quota helps as well", async () => {
    await create([`--quota-backend-bytes=${64 * MIB}`]);
    const keys = Array.from({ length: 100 }, (_, index) => `/registry/pods/default/${index % 3}`);
    expect(await fill(keys)).toContain("database space exceeded");
    await shard.recreate("m3");
    const asked: string[] = [];
    const space = () =>
      makeSpace(shard, { ...plan, hostTimeoutMs: 2_000 }, quiet(), async ({ kind }) => void asked.push(kind));
    // With another member away for its restart the shard would have no quorum.
    expect((await space().catch((error) => error)).message).toMatch(/m3.*`kilonode replace`/);
    expect(asked).toEqual([]);
    await leave(shard, { ...plan, member: "m3", inUse: true }, quiet());
    const refused = await rolloutEtcd(shard, shard.plan(names, { established: true }), quiet()).catch((error) => error);
    expect(refused).toBeInstanceOf(GateRefused);
    expect(refused.refusal).toMatchObject({ found: "alarm NOSPACE", findings: [expect.anything()] });
    const joined = await shard.look("m1");
    expect(joined.members.map(({ learner, name }) => [name, learner]).sort()).toEqual(
      names.map((name) => [name, false]),
    );
    // The stack's file says more: each member restarts with it, and the alarm stays until it is taken back.
    shard.flags = [`--quota-backend-bytes=${512 * MIB}`];
    shard.stage("larger");
    const larger = await rolloutEtcd(shard, shard.plan(names, { established: true }), quiet()).catch((error) => error);
    expect(larger.refusal).toMatchObject({ found: "alarm NOSPACE", changed: expect.arrayContaining(names) });
    await space();
    expect(asked).toEqual(["disarm"]);
    await rolloutEtcd(shard, shard.plan(names, { established: true }), quiet());
    expect(await fill(["/registry/pods/default/0"])).toBeUndefined();
  });
});

const base64 = (text: string) => Buffer.from(text).toString("base64");
