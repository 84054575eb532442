/** etcd's own way back, on real members of both minor versions, by the very steps of a rollout, while a writer is at work. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalShard, Writer } from "../../bench/lib/local-etcd";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import type { EtcdPlan, Versions } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused, Interrupted } from "../../components/rollout/gate/refusal";
import { byVersion } from "./support/versions";

const [older, newer] = ["3.6.16", "3.7.3"] as const;
const names = ["m1", "m2", "m3"];
const [old, now] = [byVersion("etcd", older), byVersion("etcd", newer)];
const missing = [old, now].find((one) => typeof one === "string");
let shard: LocalShard;

/** @param until ends it, between two steps, as soon as such a line was told */
async function roll(release: string, more: Partial<EtcdPlan> = {}, until?: RegExp): Promise<string> {
  shard.stage(release);
  const lines: string[] = [];
  const asked = () => until !== undefined && lines.some((line) => until.test(line));
  const progress = new Progress("etcd-test", (line) => void lines.push(line), asked);
  const plan = shard.plan(names, { established: true, release, ...more });
  await rolloutEtcd(shard, plan, progress).catch((error: unknown) => {
    if (!(error instanceof Interrupted && until)) throw error;
  });
  return lines.join("\n");
}

async function versions(): Promise<(Versions | undefined)[]> {
  const { endpoints } = await shard.look("m1");
  return [...endpoints.values()].map((endpoint) => endpoint.versions);
}

const all = (server: string, storage: string) => names.map(() => ({ server, storage, downgradeTo: "" }));
const back = { downgrade: true };

describe("a shard of real members that goes back", () => {
  beforeAll(async () => {
    if (typeof old === "string" || typeof now === "string") return;
    shard = new LocalShard({ etcd: now.path("etcd"), etcdctl: now.path("etcdctl") }, 63);
    shard.programOf = (content) => (content === older ? old : now).path("etcd");
    for (const name of names) shard.addHost(name, newer);
    await roll(newer, { established: false });
  }, 120_000);
  afterAll(async () => shard?.cleanUp());

  test("is refused when nobody asked for it, and with a member down", { timeout: 120_000 }, async ({ skip }) => {
    if (missing) return skip(missing as string);
    await expect.poll(versions, { timeout: 30_000 }).toEqual(all(newer, "3.7.0"));
    shard.log.length = 0;
    const error = await roll(older).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GateRefused);
    expect((error as GateRefused).refusal.found).toBe("they run 3.7, and the cluster has not agreed to go back");
    expect(shard.log).toEqual([]);
    await shard.kill("m3");
    const down = await roll(older, back).catch((reason: unknown) => reason);
    expect((down as GateRefused).refusal).toMatchObject({ host: "m3", changed: [] });
    expect(shard.log).toEqual([]);
    await roll(newer);
    shard.log.length = 0;
  });

  test("is given up half-way, by the version that it came from", { timeout: 240_000 }, async ({ skip }) => {
    if (missing) return skip(missing as string);
    await roll(older, back, /done: restart/);
    const half = await versions();
    expect(half.map((one) => one?.downgradeTo)).toEqual(names.map(() => "3.6.0"));
    expect(new Set(half.map((one) => one?.server))).toEqual(new Set([older, newer]));
    const lines = await roll(newer);
    expect(lines).toMatch(/take the downgrade to etcd 3\.6 back/);
    await expect.poll(versions, { timeout: 30_000 }).toEqual(all(newer, "3.7.0"));
  });

  test("loses no write, ends by itself, and can be upgraded again", { timeout: 240_000 }, async ({ skip }) => {
    if (missing) return skip(missing as string);
    shard.log.length = 0;
    const writer = new Writer(() => shard.clientUrls());
    writer.start();
    const lines = await roll(older, back);
    expect(await writer.lost()).toEqual([]);
    expect(writer.acknowledged.length).toBeGreaterThan(100);
    expect(lines).toMatch(/let the cluster go back to etcd 3\.6[\s\S]*wait for the downgrade[\s\S]*restart m\d/);
    expect(shard.log.filter((line) => line.startsWith("activate")).length).toBe(3);
    // The cluster is of the older version: its data is, and nothing is enabled any more.
    expect(await versions()).toEqual(all(older, "3.6.0"));
    await roll(newer);
    await expect.poll(versions, { timeout: 30_000 }).toEqual(all(newer, "3.7.0"));
    console.log(`${writer.acknowledged.length} writes acknowledged, longest gap ${writer.longestGapMs.toFixed(0)} ms`);
  });
});
