/** The split of a move: its steps, what stops it, and that it can be killed anywhere. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences } from "../../cli/etcd/move/apart";
import type { SplitPlan } from "../../cli/etcd/move/hosts";
import { nextSplitStep } from "../../cli/etcd/move/next";
import { split, splitRequest } from "../../cli/etcd/move/split";
import { notSplit, splitOff } from "../../components/rollout/etcd/apart";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { machineStatus } from "../../components/rollout/hosts/answers";
import { SimulatedSplit } from "./etcd-move-simulated";
import { Killed } from "./etcd-restore-simulated";

/** More of them: KILONODE_TEST_RUNS=5000. */
const RUNS = Number(process.env.KILONODE_TEST_RUNS ?? 200);
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
const planFor = (own: number, guests: number): SplitPlan => ({
  group: "etcd-main",
  shard: "pods",
  own: names("m", own),
  guests: names("g", guests),
  hostTimeoutMs: 60_000,
});
const progress = (said: string[] = []) => new Progress("etcd-main", (line) => said.push(line));
let made = 0;
const request =
  ({ guests }: SplitPlan) =>
  () =>
    splitRequest(
      `r${++made}`,
      "t",
      guests.map((name) => `${name}=https://${name}:2380`),
    );
const run = (hosts: SimulatedSplit, said?: string[]) => split(hosts, hosts.plan, request(hosts.plan), progress(said));

function expectApart(hosts: SimulatedSplit): void {
  expect(hosts.members).toEqual(hosts.plan.own);
  const [first] = hosts.plan.guests.map((name) => hosts.of(name));
  for (const name of hosts.plan.guests) {
    const { closed, cluster, data, held, last, phase, up } = hosts.of(name);
    expect({ closed, cluster, held, phase, up }).toEqual({
      closed: false,
      cluster: "new",
      held: false,
      phase: "none",
      up: true,
    });
    expect(data).toEqual(first?.data);
    expect(last?.id).toBe(first?.last?.id);
  }
  expect(first?.data.moving).toBe(hosts.written.moving);
  expect(hosts.of(hosts.plan.own[0]!).data.rest).toBe(hosts.written.rest);
}

describe("a split", () => {
  it("sends the clients of one guest after the other away, cuts, and lets them in again", async () => {
    const hosts = new SimulatedSplit(planFor(3, 3), "g2");
    const report = await run(hosts);
    expectApart(hosts);
    expect(hosts.log.filter((call) => !/^(hold|stage|swap|start|finish|shut) /.test(call))).toEqual([
      "handOver",
      "drain g1",
      "drain g2",
      "drain g3",
      "keepNote",
      "cut",
    ]);
    expect(report.steps.map(({ what }) => what)).toEqual([
      "handOver",
      "close",
      "drain",
      "drain",
      "drain",
      "cut",
      "stage",
      "swap",
      "start",
      "finish",
    ]);
  });

  it("that was done is done", async () => {
    const hosts = new SimulatedSplit(planFor(5, 3));
    await run(hosts);
    const before = hosts.log.length;
    expect((await run(hosts)).steps).toEqual([]);
    expect(hosts.log.length).toBe(before);
  });

  it("does not begin while a member is down", async () => {
    const hosts = new SimulatedSplit(planFor(5, 3));
    hosts.of("m4").up = false;
    await expect(run(hosts)).rejects.toThrow(GateRefused);
    expect(hosts.log).toEqual([]);
  });

  it("stops when not all could be taken out at once, and changes nothing more", async () => {
    const hosts = new SimulatedSplit(planFor(5, 3));
    hosts.cutsOnly = 2;
    await expect(run(hosts)).rejects.toThrow(/all members of the new shard left main at the same moment.*--abandon/s);
    expect(hosts.log.at(-1)).toBe("cut");
    expect(hosts.members).toEqual([...hosts.plan.own, "g3"]);
  });

  it("does not go on with guests that nobody has taken out", async () => {
    const hosts = new SimulatedSplit(planFor(5, 3));
    hosts.members = [...hosts.plan.own];
    for (const name of hosts.plan.guests) Object.assign(hosts.of(name), { removed: true, up: false });
    await expect(run(hosts)).rejects.toThrow(/or a split has taken them out of it; found: neither/);
    expect(hosts.log).toEqual([]);
  });

  it("refuses guests whose data differs", async () => {
    const hosts = new SimulatedSplit(planFor(5, 3));
    const cut = hosts.cut.bind(hosts);
    hosts.cut = async (members) => {
      const answer = await cut(members);
      hosts.of("g2").data.rest--;
      return answer;
    };
    await expect(run(hosts)).rejects.toThrow(/all members have made the same.*--abandon/s);
    expect(hosts.log.some((call) => call.startsWith("swap"))).toBe(false);
  });

  it("waits for no view of a main without a quorum", () => {
    const hosts = new SimulatedSplit(planFor(3, 1));
    const seen = { view: undefined, states: new Map(), doors: new Map(), noted: true };
    expect(nextSplitStep(hosts.plan, seen)).toMatchObject({ kind: "blocked", findings: [{ lasting: false }] });
  });

  it("ends in the same state, killed anywhere, any number of times, with hosts that lose their power", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<[number, number]>([3, 1], [3, 3], [5, 3], [7, 3], [7, 5]),
        fc.boolean(),
        fc.array(fc.record({ call: fc.integer({ min: 1, max: 90 }), after: fc.boolean(), cut: fc.boolean() }), {
          maxLength: 8,
        }),
        async ([own, guests], guestLeads, kills) => {
          const hosts = new SimulatedSplit(planFor(own, guests), guestLeads ? "g1" : "m1");
          for (const { call, after, cut } of kills) {
            hosts.kill = { call: hosts.calls + call, after };
            try {
              await run(hosts);
            } catch (error) {
              if (!(error instanceof Killed)) throw error;
            }
            hosts.kill = undefined;
            if (cut) hosts.powerCut(hosts.plan.guests[call % guests]!);
            await hosts.sleep(1_000);
          }
          await run(hosts);
          await hosts.sleep(1_000);
          expectApart(hosts);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe("gates know a split", () => {
  const member = (name: string) => ({ id: name, name, peerUrl: "", learner: false });
  const status = (more: object = {}) =>
    machineStatus.parse({
      staged: "d",
      active: "d",
      everActivated: true,
      restarts: [],
      pending: [],
      services: {},
      degradations: [],
      ...more,
    });

  it("that has not been made", () => {
    const view = { quorum: true, members: ["m1", "g1"].map(member), endpoints: new Map(), alarms: [] };
    expect(notSplit(view, ["e1"])).toEqual([]);
    expect(notSplit(view, ["g1", "e1"])).toMatchObject([{ host: "g1", lasting: true }]);
  });

  it("that has been made", () => {
    const statuses = new Map([
      ["m1", status()],
      ["g1", status({ dataOf: "pods" })],
    ]);
    expect(splitOff("etcd-pods", statuses)).toEqual([]);
    expect(splitOff("etcd-main", statuses)).toMatchObject([{ host: "g1", lasting: true }]);
  });
});

describe("what both have", () => {
  const one = (keys: number, hash = "a") => ({ keys, hash: hash.repeat(64) });

  it("is compared by number and sum of each prefix", () => {
    const here = { "/registry/pods/": one(3), "/registry/nodes/": one(0) };
    expect(differences(here, { ...here }, "pods")).toEqual([]);
    expect(differences(here, { ...here, "/registry/pods/": one(4) }, "pods")).toHaveLength(1);
    expect(differences(here, { ...here, "/registry/pods/": one(3, "b") }, "pods")).toHaveLength(1);
    expect(differences(here, {}, "pods")).toHaveLength(2);
  });
});
