/** The look at all gates before the first rollout of a change. */
import { describe, expect, it } from "vitest";
import { checkGates } from "../../components/rollout/check";
import { checkEtcd } from "../../components/rollout/etcd/check";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import type { WaitingSpec } from "../../components/rollout/spec";
import { SimulatedShard } from "./rollout-simulated-shard";

const THREE = ["m1", "m2", "m3"];
const progressOf = (group: string) => new Progress(group, () => undefined);
const group = (name: string): WaitingSpec => ({
  group: name,
  strategy: { kind: "together" },
  hosts: [],
  hostTimeoutSeconds: 5,
});

async function refused(work: Promise<unknown>): Promise<GateRefused> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GateRefused);
  return error as GateRefused;
}

describe("the gates of all groups", () => {
  it("are all looked at", async () => {
    const asked: string[] = [];
    const check = async ({ group: name }: WaitingSpec) => void asked.push(name);
    await checkGates({ groups: [group("etcd-main"), group("masters")] }, "", progressOf, check);
    expect(asked).toEqual(["etcd-main", "masters"]);
  });

  it("refuse together: every finding of every group", async () => {
    const check = async ({ group: name }: WaitingSpec) => {
      const finding = { host: `${name}-1`, checked: "c", found: "f", advice: "a", lasting: true };
      if (name !== "masters") throw progressOf(name).refuse([finding]);
    };
    const spec = { groups: [group("etcd-main"), group("masters"), group("etcd-events")] };
    const { refusal } = await refused(checkGates(spec, "", progressOf, check));
    expect(refusal).toMatchObject({ group: "etcd-main", host: "etcd-main-1", changed: [] });
    expect(refusal.findings.map(({ host }) => host)).toEqual(["etcd-main-1", "etcd-events-1"]);
  });
});

describe("the gate of a shard", () => {
  it("is closed while a restore of it is under way, also where nothing else is wrong", async () => {
    const shard = SimulatedShard.running(THREE);
    const status = shard.status.bind(shard);
    const restoring = { command: "restore", shard: "main", phase: "staged" } as const;
    shard.status = async (host) => ({ ...(await status(host)), restoring: host === "m2" ? restoring : null });
    const { refusal } = await refused(checkEtcd(shard, shard.plan(THREE), progressOf("etcd-main")));
    expect(refusal).toMatchObject({
      host: "m2",
      checked: "no restore of its shard is under way",
      found: 'one is, at "staged" here; `kilonode etcd restore <stack> --shard main` goes on with it',
    });
    expect(shard.log).toEqual([]);
  });

  it("is open for a healthy shard, for one with a change, and for one that was never made", async () => {
    const healthy = SimulatedShard.running(THREE);
    await checkEtcd(healthy, healthy.plan(THREE), progressOf("etcd"));
    const changed = SimulatedShard.running(THREE);
    changed.stage(THREE, "new");
    await checkEtcd(changed, changed.plan(THREE), progressOf("etcd"));
    const fresh = new SimulatedShard();
    for (const name of THREE) fresh.addHost(name, "new");
    await checkEtcd(fresh, fresh.plan(THREE), progressOf("etcd"));
    for (const shard of [healthy, changed, fresh]) expect(shard.log).toEqual([]);
  });

  it("is open when a member is down that the rollout would repair", async () => {
    const shard = SimulatedShard.running(THREE);
    shard.stop("m2");
    await checkEtcd(shard, shard.plan(THREE), progressOf("etcd"));
    expect(shard.log).toEqual([]);
  });

  it("is open when the rollout would bring the quorum back", async () => {
    const shard = SimulatedShard.running(THREE);
    for (const name of THREE) shard.stop(name);
    await checkEtcd(shard, shard.plan(THREE), progressOf("etcd"));
    const expired = SimulatedShard.running(THREE);
    for (const name of THREE) expired.host(name).expired = true;
    expired.stage(THREE, "new", false);
    await checkEtcd(expired, expired.plan(THREE), progressOf("etcd"));
    for (const { log } of [shard, expired]) expect(log).toEqual([]);
  });

  it("is closed without a quorum that the rollout could bring back", async () => {
    const silent = SimulatedShard.running(THREE);
    for (const name of THREE) silent.host(name).expired = true;
    const lost = SimulatedShard.running(THREE);
    for (const name of ["m2", "m3"]) lost.wipe(name);
    for (const shard of [silent, lost]) {
      const { refusal } = await refused(checkEtcd(shard, shard.plan(THREE), progressOf("etcd-main")));
      expect(refusal).toMatchObject({ group: "etcd-main", changed: [] });
      expect(shard.log).toEqual([]);
    }
  });
});
