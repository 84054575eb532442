/**
 * Whatever the shard, the change and the moments at which a rollout is killed: the rules hold at every change (the simulated
 * shard throws a Violation: a voter away while another one is, a quorum lost, a leader restarted or removed without a
 * hand-over, a member removed twice, a fresh member in the place of data, a second shard), and in the end all is as planned.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leave } from "../../components/rollout/etcd/leave";
import { rolloutEtcd } from "../../components/rollout/etcd/rollout";
import type { EtcdPlan } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { Killed, SimulatedShard } from "./rollout-simulated-shard";

/** More of them: KILONODE_TEST_RUNS=5000. */
const RUNS = Number(process.env.KILONODE_TEST_RUNS ?? 100);

interface Kill {
  readonly call: number;
  readonly after: boolean;
  /** Until the next run. */
  readonly pauseMs: number;
}

const kills = fc.array(
  fc.record({ call: fc.integer({ min: 1, max: 60 }), after: fc.boolean(), pauseMs: fc.nat(20_000) }),
  {
    maxLength: 6,
  },
);
const sizes = fc.constantFrom(1, 2, 3, 4, 5, 7);
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
const run = (shard: SimulatedShard, plan: EtcdPlan) =>
  rolloutEtcd(shard, plan, new Progress(plan.group, () => undefined));

/** Runs until a run comes to its end; gives how often leadership was handed over. */
async function rollUntilDone(shard: SimulatedShard, plan: EtcdPlan, plannedKills: readonly Kill[]): Promise<number> {
  await untilDone(shard, () => run(shard, plan), plannedKills);
  return shard.log.filter((line) => line.startsWith("move ")).length;
}

async function untilDone(
  shard: SimulatedShard,
  once: () => Promise<unknown>,
  plannedKills: readonly Kill[],
): Promise<void> {
  for (const { call, after, pauseMs } of plannedKills) {
    shard.kill = { call: shard.calls + call, after };
    try {
      await once();
    } catch (error) {
      if (!(error instanceof Killed) && !(error instanceof GateRefused)) throw error;
    }
    shard.kill = undefined;
    shard.advance(pauseMs);
  }
  await once();
}

function expectConverged(shard: SimulatedShard, planned: readonly string[]): void {
  expect(shard.members.map(({ name }) => name).sort()).toEqual([...planned].sort());
  expect(shard.members.every(({ learner }) => !learner)).toBe(true);
  expect(shard.votersUp().length).toBe(planned.length);
  for (const name of planned) expect(shard.host(name).active).toBe(shard.host(name).staged);
}

describe("an etcd rollout killed anywhere, any number of times", () => {
  it("creates a shard once", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, kills, async (size, plannedKills) => {
        const shard = new SimulatedShard();
        for (const name of names("m", size)) shard.addHost(name, "new");
        await rollUntilDone(shard, shard.plan(names("m", size)), plannedKills);
        expectConverged(shard, names("m", size));
        expect(shard.log.filter((line) => line.startsWith("remove"))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it("changes content with at most one hand-over and no election", async () => {
    const kinds = fc.array(fc.constantFrom("restart", "quiet", "same"), { minLength: 7, maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(6), kinds, kills, async (size, leader, kind, plannedKills) => {
        const all = names("m", size);
        const shard = SimulatedShard.running(all);
        shard.leader = shard.members[leader % size]?.id;
        all.forEach((name, index) => {
          if (kind[index] !== "same") shard.stage([name], "new", kind[index] === "restart");
        });
        const handOvers = await rollUntilDone(shard, shard.plan(all), plannedKills);
        expectConverged(shard, all);
        expect(handOvers).toBeLessThanOrEqual(1);
        // Without one of its two members a shard has no quorum.
        if (size > 2) expect(shard.elections).toBe(0);
        const restarts = shard.log.filter((line) => line.startsWith("activate"));
        expect(new Set(restarts).size).toBe(restarts.length);
      }),
      { numRuns: RUNS },
    );
  });

  it("grows, changes, then shrinks, with the tolerance of the smaller size kept", async () => {
    const counts = fc.record({ kept: fc.integer({ min: 1, max: 5 }), leaving: fc.nat(3), joining: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(
        counts,
        fc.nat(8),
        fc.boolean(),
        kills,
        async ({ kept, leaving, joining }, leader, change, plannedKills) => {
          const planned = [...names("m", kept), ...names("n", joining)];
          const before = [...names("m", kept), ...names("x", leaving)];
          const shard = SimulatedShard.running(before, "new");
          shard.leader = shard.members[leader % before.length]?.id;
          for (const name of names("n", joining)) shard.addHost(name, "new");
          if (change) shard.stage(names("m", kept), "newer");
          const least = Math.min(before.length, planned.length);
          shard.beforeCall = () => {
            if (shard.voters().length < least) throw new Error("fewer voters than the smaller of the two sizes");
          };
          const handOvers = await rollUntilDone(shard, shard.plan(planned), plannedKills);
          expect(handOvers).toBeLessThanOrEqual(1);
          const hosts = [...planned, ...names("x", leaving)];
          for (const member of names("x", leaving).reverse()) {
            const plan = { group: "etcd-main", member, hosts, hostTimeoutMs: 60_000 };
            await untilDone(shard, () => leave(shard, plan, new Progress("etcd-main", () => undefined)), plannedKills);
          }
          expectConverged(shard, planned);
          expect(shard.log.filter((line) => line.startsWith("move ")).length).toBeLessThanOrEqual(handOvers + 1);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("replaces lost hosts, or refuses with nothing touched when the quorum is gone", async () => {
    const lost = fc.array(fc.nat(6), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(3, 5, 7),
        lost,
        fc.boolean(),
        kills,
        async (size, which, established, plannedKills) => {
          const all = names("m", size);
          const shard = SimulatedShard.running(all);
          for (const index of new Set(which.map((item) => item % size))) shard.recreate(all[index] as string);
          shard.advance(5_000);
          if (!shard.hasQuorum()) {
            if (shard.votersUp().length === 0 && !established) return; // nothing left that could tell
            await expect(run(shard, shard.plan(all, { established }))).rejects.toBeInstanceOf(GateRefused);
            expect(shard.log).toEqual([]);
            return;
          }
          await rollUntilDone(shard, shard.plan(all, { established }), plannedKills);
          expectConverged(shard, all);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("survives members that fail by themselves: never a violation, and done when they are back", async () => {
    const faults = fc.array(fc.record({ call: fc.nat(80), member: fc.nat(6), backMs: fc.nat(40_000) }), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(3, 5, 7), faults, kills, async (size, plannedFaults, plannedKills) => {
        const all = names("m", size);
        const shard = SimulatedShard.running(all);
        shard.stage(all, "new");
        shard.beforeCall = (what) => {
          // What fails between the last look and the change cannot be seen by anybody.
          if (what.startsWith("activate")) return;
          for (const { member, backMs } of plannedFaults.filter(({ call }) => call === shard.calls)) {
            const host = shard.host(all[member % size] as string);
            if (host.comesUp <= shard.time) Object.assign(host, { comesUp: shard.time + backMs });
          }
        };
        await rollUntilDone(shard, shard.plan(all), plannedKills).catch(async (error: unknown) => {
          if (!(error instanceof GateRefused)) throw error;
          // All are back, and none fails again.
          shard.beforeCall = () => undefined;
          shard.advance(60_000);
          await run(shard, shard.plan(all));
        });
        expectConverged(shard, all);
      }),
      { numRuns: RUNS },
    );
  });

  it("heals what is down and what nobody can talk to any more, whatever else is wrong, and never takes away what is left", async () => {
    const fault = fc.constantFrom("none", "none", "stopped", "expired", "empty", "broken");
    const host = fc.record({ fault, change: fc.constantFrom("restart", "quiet", "same") });
    const hosts = fc.oneof(
      fc.array(host, { minLength: 1, maxLength: 7 }),
      // All of a kind, as when certificates expire or the power fails.
      fc.tuple(host, sizes).map(([one, size]) => Array.from({ length: size }, () => one)),
    );
    await fc.assert(
      fc.asyncProperty(hosts, fc.nat(6), kills, async (states, leader, plannedKills) => {
        const all = names("m", states.length);
        const shard = SimulatedShard.running(all);
        shard.leader = shard.members[leader % all.length]?.id;
        states.forEach(({ fault, change }, index) => {
          const name = all[index] as string;
          // What has expired is renewed.
          if (change !== "same" || fault === "expired") shard.stage([name], "new", change === "restart");
          if (fault === "empty") shard.wipe(name);
          if (fault === "stopped" || fault === "broken") shard.stop(name);
          Object.assign(shard.host(name), { expired: fault === "expired", broken: fault === "broken" });
        });
        shard.advance(5_000);
        const worst = states.some(({ fault }) => fault === "empty" || fault === "broken");
        const before = shard.votersUp().length;
        shard.beforeCall = () => {
          // One at a time is away for its restart, and only from a shard that has them all.
          if (shard.votersUp().length < Math.min(before, all.length - 1)) throw new Error("a member was taken away");
        };
        await rollUntilDone(shard, shard.plan(all, { established: true }), plannedKills).then(
          () => expectConverged(shard, all),
          (error: unknown) => {
            if (!(error instanceof GateRefused) || !worst) throw error;
          },
        );
        for (const [index, { fault }] of states.entries()) {
          if (fault === "empty") expect(shard.log).not.toContain(`activate ${all[index]}`);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
