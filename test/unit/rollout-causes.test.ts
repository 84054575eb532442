/** A gate that waits asks the hosts why: it names the cause, and does not wait for what waiting does not mend. */
import { describe, expect, it } from "vitest";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { type CauseKind, type DownService, readDiagnosis } from "../../components/rollout/hosts/answers";
import { rolloutMasters } from "../../components/rollout/masters/rollout";
import { rolloutTogether } from "../../components/rollout/together/rollout";
import { SimulatedMasters } from "./rollout-simulated-masters";
import { SimulatedShard } from "./rollout-simulated-shard";

const THREE = ["m1", "m2", "m3"];
/** Far longer than a cause needs to be known. */
const hostTimeoutMs = 600_000;
const LASTING: readonly CauseKind[] = [
  "masked",
  "full",
  "bad-data",
  "missing",
  "not-executable",
  "not-mounted",
  "swapped",
  "refused",
];

const service = (cause: CauseKind | null, text = `is ${cause}`): DownService => ({
  service: "etcd.service",
  state: "activating (auto-restart)",
  cause,
  text,
  log: [],
});

async function refused(rollout: (progress: Progress) => Promise<unknown>) {
  const lines: string[] = [];
  const error = await rollout(new Progress("group", (line) => lines.push(line))).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GateRefused)) throw error ?? new Error("the gate did not refuse");
  return { ...error.refusal, lines };
}

/** A member does not come up again after it was changed. */
function hurtShard(down: readonly DownService[]): SimulatedShard {
  const shard = SimulatedShard.running(THREE);
  shard.stage(["m2"], "new");
  Object.assign(shard.host("m2"), { broken: true, down });
  return shard;
}

const rollShard = (shard: SimulatedShard) => (progress: Progress) =>
  rolloutEtcd(shard, shard.plan(THREE, { hostTimeoutMs }), progress);

const content = (digest: string) => ({ digest, release: "1.37.1", restarts: ["kube-apiserver" as const] });

function hurtMasters(down: readonly DownService[]): SimulatedMasters {
  const masters = new SimulatedMasters(THREE, "unit", content("old"), content("old"));
  Object.assign(masters.master("m2"), { staged: content("new"), broken: true, down });
  return masters;
}

const rollMasters = (masters: SimulatedMasters) => (progress: Progress) =>
  rolloutMasters(masters, { targets: masters.targets(), hostTimeoutMs, returnMs: 0, first: [] }, progress);

describe.each([
  ["of etcd", (down: readonly DownService[]) => ({ world: hurtShard(down), roll: rollShard })],
  ["of the masters", (down: readonly DownService[]) => ({ world: hurtMasters(down), roll: rollMasters })],
] as const)("a gate %s", (_which, hurt) => {
  const run = async (down: readonly DownService[]) => {
    const { world, roll } = hurt(down);
    const result = await refused((roll as (one: unknown) => (progress: Progress) => Promise<unknown>)(world));
    return { ...result, seconds: world.now() / 1000 };
  };

  it.each(LASTING)("refuses within seconds when a changed host's service is down for good: %s", async (cause) => {
    const { host, checked, found, advice, lines, seconds } = await run([service("ends"), service(cause)]);
    expect({ host, checked, found }).toEqual({
      host: "m2",
      checked: "etcd.service is up",
      found: `etcd.service: is ${cause}`,
    });
    expect(advice).toMatch(/docs\/operations\.md#/);
    expect(lines).toContain(`m2: etcd.service: is ${cause}`);
    expect(seconds).toBeLessThan(20);
  });

  it.each(["ends", "stopped"] as const)("waits on for what may come by itself, and tells it: %s", async (cause) => {
    const { found, lines, seconds } = await run([service(cause)]);
    expect(found).toBe(`etcd.service: is ${cause}`);
    expect(lines.filter((line) => line === `m2: etcd.service: is ${cause}`)).toHaveLength(1);
    expect(seconds).toBeGreaterThan(500);
  });

  it("waits as ever when the host sees no cause", async () => {
    const { lines, seconds } = await run([service(null, "")]);
    expect(lines.filter((line) => line.startsWith("m2: "))).toEqual([]);
    expect(seconds).toBeGreaterThan(500);
  });
});

describe("a member that is down, with new content for it", () => {
  const stopped = (cause: CauseKind) => {
    const shard = SimulatedShard.running(THREE);
    shard.stage(["m2"], "new");
    shard.stop("m2");
    Object.assign(shard.host("m2"), { down: [service(cause)] });
    return shard;
  };

  it.each(["missing", "not-executable", "not-mounted", "refused", "ends", "stopped"] as const)(
    "is repaired by it when it mends the cause: %s",
    async (cause) => {
      const shard = stopped(cause);
      await rollShard(shard)(new Progress("group", () => undefined));
      expect(shard.votersUp()).toHaveLength(3);
    },
  );

  it.each(["masked", "full", "bad-data"] as const)("is left alone when it does not: %s", async (cause) => {
    const shard = stopped(cause);
    const { host, found, changed } = await refused(rollShard(shard));
    expect({ host, found, changed }).toEqual({ host: "m2", found: `etcd.service: is ${cause}`, changed: [] });
    expect(shard.log).toEqual([]);
  });
});

describe("a shard without a quorum", () => {
  it("is refused with the causes of all its silent members, before anything is touched", async () => {
    const shard = SimulatedShard.running(THREE);
    for (const name of ["m1", "m3"]) {
      shard.stop(name);
      Object.assign(shard.host(name), { down: [service("full", `no room on ${name}`)] });
    }
    const { findings, changed } = await refused(rollShard(shard));
    expect(changed).toEqual([]);
    expect(findings.map(({ host, found }) => [host, found])).toEqual(
      expect.arrayContaining([
        ["m1", "etcd.service: no room on m1"],
        ["m3", "etcd.service: no room on m3"],
      ]),
    );
  });
});

it("hosts without an order are asked too", async () => {
  const masters = hurtMasters([service("refused")]);
  masters.settled = async () => false;
  const { host, found } = await refused((progress) =>
    rolloutTogether(masters, masters.targets(), hostTimeoutMs, progress),
  );
  expect([host, found]).toEqual(["m2", "etcd.service: is refused"]);
  expect(masters.now()).toBeLessThan(20_000);
});

it("a host that does not tell why stops nothing", async () => {
  const shard = hurtShard([]);
  shard.diagnose = () => Promise.reject(new Error("machine-apply: got diagnose, wants one of: stage"));
  const { found } = await refused(rollShard(shard));
  expect(found).toContain("no answer");
  expect(shard.now()).toBeGreaterThan(500_000);
});

describe("what a host tells", () => {
  const printed = (change: object) => JSON.stringify({ down: [{ ...service("full"), ...change }] });

  it("is taken without what moves a cursor", () => {
    expect(readDiagnosis("m1", printed({ text: "a\u001b[2Jb\nc" }))[0]?.text).toBe("a [2Jb c");
  });

  it.each([
    { cause: "made up" },
    { text: "x".repeat(2_000) },
    { log: Array(100).fill("x") },
    { service: "a; rm -rf /" },
  ])("is refused when it is none of what it may be: %j", (change) =>
    expect(() => readDiagnosis("m1", printed(change))).toThrow(/machine-apply diagnose/),
  );
});
