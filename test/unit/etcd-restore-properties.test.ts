/**
 * Whatever the shard, and wherever the command is killed or a host loses its power, any number of times: no member starts before all are
 * exchanged, none on half of its data (the simulated hosts throw a Violation), and in the end all is restored and the API serves.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RestorePlan } from "../../cli/etcd/restore/hosts";
import { runRestore } from "../../cli/etcd/restore/run";
import { Progress } from "../../components/rollout/gate/progress";
import { Killed, PowerCut, planFor, requestOf, SimulatedRestore } from "./etcd-restore-simulated";

/** More of them: KILONODE_TEST_RUNS=5000. */
const RUNS = Number(process.env.KILONODE_TEST_RUNS ?? 200);
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
const kills = fc.array(fc.record({ call: fc.integer({ min: 1, max: 80 }), after: fc.boolean() }), { maxLength: 8 });
const cuts = fc.array(fc.constantFrom("staged" as const, "aside" as const, "place" as const), { maxLength: 5 });
const progress = () => new Progress("etcd-main", () => undefined);

/** As the command does it: what is under way is known from the hosts, and only without it another restore begins. */
async function once(hosts: SimulatedRestore, plan: RestorePlan, run: number): Promise<void> {
  const states = [...hosts.members.values()];
  const restore = states.find((one) => one.restore)?.restore;
  if (!restore && plan.members.every((name) => hosts.members.get(name)?.last)) return;
  const done = states.find(({ last }) => last)?.last;
  const request = restore ?? requestOf(plan.members, done?.id ?? `r${run}`, plan.request.snapshot);
  await runRestore(hosts, { ...plan, request }, progress());
}

async function untilDone(hosts: SimulatedRestore, plan: RestorePlan, killed: readonly SimulatedRestore["kill"][]) {
  for (const [index, kill] of [...killed, ...hosts.powerCuts.keys(), undefined].entries()) {
    if (typeof kill === "object") hosts.kill = { ...kill, call: hosts.calls + kill.call };
    try {
      await once(hosts, plan, index);
    } catch (error) {
      if (!(error instanceof Killed) && !(error instanceof PowerCut)) throw error;
    }
    hosts.kill = undefined;
  }
}

function expectRestored(hosts: SimulatedRestore, plan: RestorePlan): void {
  for (const name of plan.members) {
    const { data, held, last, phase, restore, up } = hosts.members.get(name)!;
    expect({ data, held, phase, restore, up }).toEqual({
      data: "new",
      held: false,
      phase: "none",
      restore: null,
      up: true,
    });
    expect(last?.id).toBe(hosts.members.get(plan.members[0]!)?.last?.id);
  }
  for (const name of plan.others) expect(hosts.members.get(name)).toMatchObject({ held: false, up: false });
  for (const [, master] of hosts.masters) if (master.answers) expect(master.running).toBe(true);
}

describe("a restore cut short anywhere, any number of times", () => {
  it("ends in the same state", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3, 5, 7),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        fc.boolean(),
        kills,
        cuts,
        async (members, masters, stopsApi, silent, killed, cut) => {
          const plan = planFor(names("m", members), { masters: names("a", masters), stopsApi });
          const hosts = new SimulatedRestore(plan);
          if (silent) hosts.masters.get("a1")!.answers = false;
          for (const [index, phase] of cut.entries()) hosts.powerCuts.set(`m${(index % members) + 1}`, phase);
          await untilDone(hosts, plan, killed);
          expectRestored(hosts, plan);
          const restarted = [...hosts.masters.values()].filter(({ answers }) => answers);
          if (!stopsApi) expect(restarted.every(({ restartedFor }) => restartedFor !== null)).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("of a lost quorum does so too, with the others held until the one serves", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(3, 5, 7),
        fc.integer({ min: 0, max: 2 }),
        kills,
        cuts,
        async (size, left, killed, cut) => {
          const others = names("m", size).slice(1, 1 + left);
          const plan = planFor(["m1"], { others, request: requestOf(["m1"], "r0", "own") });
          const hosts = new SimulatedRestore(plan);
          for (const phase of cut) hosts.powerCuts.set("m1", phase);
          await untilDone(hosts, plan, killed);
          expectRestored(hosts, plan);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
