import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { goFirst, leaderLeases } from "../../components/rollout/masters/masters";
import { rolloutMasters } from "../../components/rollout/masters/rollout";
import { rolloutTogether } from "../../components/rollout/together/rollout";
import { COMPONENTS, type Content, Killed, SimulatedMasters, Violation } from "./rollout-simulated-masters";

const FIVE = ["m1", "m2", "m3", "m4", "m5"];
const KINDS = ["unit", "static-pod"] as const;
const old: Content = { digest: "old", release: "1.37.1", restarts: [] };
const changed: Content = { digest: "new", release: "1.37.1", restarts: ["kube-apiserver"] };
const quiet: Content = { digest: "new", release: "1.37.1", restarts: [] };
const upgrade: Content = { digest: "new", release: "1.38.0", restarts: [...COMPONENTS] };

const silent = () => new Progress("masters", () => undefined);

function roll(masters: SimulatedMasters, progress = silent(), previous = "1.37.1") {
  const release = masters.master("m1").staged.release;
  const first = goFirst({ completed: true, release: previous }, release, [masters.apiService]);
  return rolloutMasters(
    masters,
    { targets: masters.targets(), hostTimeoutMs: 30_000 + masters.returnMs, returnMs: masters.returnMs, first },
    progress,
  );
}

async function refusal(masters: SimulatedMasters): Promise<GateRefused> {
  const error = await roll(masters).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GateRefused)) throw error ?? new Error("the gate did not refuse");
  return error;
}

describe.each(KINDS)("a rollout of masters whose services are of kind %s", (kind) => {
  it("starts all at once at first and waits until they serve", async () => {
    const masters = new SimulatedMasters(FIVE, kind, null, changed);
    await roll(masters);
    expect(masters.activations).toEqual(FIVE);
    expect(masters.serving()).toEqual(FIVE);
  });

  it("ends when masters lead: at the first creation, and when the holder of the leases was restarted last", async () => {
    const masters = new SimulatedMasters(FIVE, kind, null, upgrade);
    await roll(masters, silent(), "1.38.0");
    expect([...masters.leasesHeld.keys()].sort()).toEqual([...leaderLeases]);
    for (const name of FIVE) masters.master(name).staged = { ...upgrade, digest: "newer" };
    await roll(masters, silent(), "1.38.0");
    expect([...masters.leasesHeld.keys()].sort()).toEqual([...leaderLeases]);
  });

  it("refuses to end while nobody takes a lease, and names it", async () => {
    const masters = new SimulatedMasters(FIVE, kind, null, changed);
    masters.untaken.add("kube-scheduler");
    const { refusal: found } = await refusal(masters);
    expect(found.findings).toHaveLength(1);
    expect(found).toMatchObject({ checked: "one of them holds the lease kube-scheduler", changed: FIVE });
    masters.untaken.clear();
    await roll(masters);
    expect(masters.activations).toEqual(FIVE);
  });

  it("restarts one after the other, in alternating zones, holders of leases last, never with two away", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    masters.leasesHeld.set("kube-controller-manager", "m1").set("kube-scheduler", "m1");
    const lines: string[] = [];
    await roll(masters, new Progress("masters", (line) => lines.push(line)));
    const order = ["m2", "m3", "m4", "m5", "m1"];
    expect(masters.activations).toEqual(order);
    expect(masters.starts).toEqual(order.map((name) => `${name} kube-apiserver 1.37.1`));
    expect(masters.mostAway).toBe(1);
    expect(masters.serving()).toEqual(FIVE);
    expect(lines).toEqual([
      ...order.map((name) => `all ready and in rotation; changing ${name} with a restart`),
      "done: all 5 masters as planned, ready and in rotation",
    ]);
  });

  it("takes no other master while a slow load balancer has not the last one back, killed meanwhile or not", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    // Longer than what is only starting is given.
    masters.returnMs = 25_000;
    masters.killAt = 400;
    await expect(roll(masters)).rejects.toThrow(Killed);
    masters.killAt = undefined;
    await roll(masters);
    expect([...masters.activations].sort()).toEqual(FIVE);
    expect(masters.mostAway).toBe(1);
    expect(masters.time).toBeGreaterThan(5 * masters.returnMs);
  });

  it("changes at once what restarts nothing", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, quiet);
    await roll(masters);
    expect(masters.activations).toEqual(FIVE);
    expect(masters.starts).toEqual([]);
    expect(masters.mostAway).toBe(0);
  });

  it("starts added masters before it changes the others", async () => {
    const masters = new SimulatedMasters(["m1", "m2", "m3"], kind, old, changed);
    for (const name of ["m4", "m5"]) masters.add(name, null, changed);
    await roll(masters);
    expect(masters.activations).toEqual(["m4", "m5", "m1", "m2", "m3"]);
    expect(masters.mostAway).toBe(1);
  });

  it.each(["MAINT", "NOLB"])("refuses, with nothing touched, while another master is %s", async (away) => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    Object.assign(masters.master("m3"), { away, active: changed });
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m3", found: `it is ${away}`, changed: [] });
    expect(masters.activations).toEqual([]);
  });

  it("refuses a masked unit with nothing touched", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    masters.master("m5").refuses = "kube-apiserver.service is masked";
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m5", found: "kube-apiserver.service is masked", changed: [] });
    expect(masters.activations).toEqual([]);
  });

  it("stops at a master that does not come back; mended, it is repaired first", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    masters.master("m2").broken = true;
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m2", changed: ["m1", "m2"] });
    masters.master("m2").broken = false;
    await roll(masters);
    expect(masters.activations).toEqual(["m1", "m2", "m2", "m3", "m4", "m5"]);
    expect(masters.mostAway).toBe(1);
  });

  it("repairs masters that do not serve one by one, when none does", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    for (const name of FIVE) masters.stop(name, "kube-apiserver");
    const lines: string[] = [];
    await roll(masters, new Progress("masters", (line) => lines.push(line)));
    expect(masters.activations).toEqual(FIVE);
    expect(masters.serving()).toEqual(FIVE);
    if (kind === "unit") expect(lines).toContain("repairing m1, which does not serve");
  });

  it("repairs what does not serve, and restarts nothing that does while the gate is closed", async () => {
    const masters = new SimulatedMasters(FIVE, kind, old, changed);
    Object.assign(masters.master("m1"), { away: "MAINT", active: changed });
    masters.stop("m2", "kube-apiserver");
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m1", found: "it is MAINT", changed: ["m2"] });
    expect(masters.activations).toEqual(["m2"]);
  });

  it("replaces certificates that have all expired, with a restart or without", async () => {
    for (const content of [quiet, changed]) {
      const masters = new SimulatedMasters(FIVE, kind, old, content);
      for (const name of FIVE) masters.master(name).expired = true;
      await roll(masters);
      expect([...masters.activations].sort()).toEqual(FIVE);
      expect(masters.starts).toHaveLength(content.restarts.length * FIVE.length);
      expect(masters.serving()).toEqual(FIVE);
    }
  });

  it("needs no load balancer", async () => {
    const masters = new SimulatedMasters(["m1"], kind, old, changed);
    masters.balancer = false;
    await roll(masters);
    expect(masters.starts).toEqual(["m1 kube-apiserver 1.37.1"]);
  });

  it("killed anywhere, never has two masters away, and ends as planned", async () => {
    const scenario = fc.record({
      size: fc.integer({ min: 1, max: 7 }),
      fresh: fc.boolean(),
      content: fc.constantFrom(changed, upgrade),
      leader: fc.nat(6),
      kills: fc.array(fc.record({ call: fc.integer({ min: 1, max: 80 }), pause: fc.nat(12_000) }), { maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ size, fresh, content, leader, kills }) => {
        const names = Array.from({ length: size }, (_, index) => `m${index + 1}`);
        const masters = new SimulatedMasters(names, kind, fresh ? null : old, content);
        masters.leasesHeld.set("kube-controller-manager", names[leader % size] as string);
        const once = () => roll(masters, silent(), fresh ? content.release : "1.37.1");
        for (const { call, pause } of kills) {
          masters.killAt = masters.calls + call;
          await once().catch((error: unknown) => {
            if (!(error instanceof Killed) && !(error instanceof GateRefused)) throw error;
          });
          masters.killAt = undefined;
          masters.advance(pause);
        }
        await once();
        expect(masters.serving()).toEqual(names);
        if (!fresh) expect(masters.mostAway).toBe(1);
        for (const { active, owed, services } of masters.masters.values()) {
          expect(active).toEqual(content);
          expect([...owed]).toEqual([]);
          for (const component of content.restarts) expect(services[component].release).toBe(content.release);
        }
        // Nothing is restarted twice, however often the rollout was killed.
        expect(masters.starts.length).toBe(size * (fresh ? COMPONENTS.length : content.restarts.length));
      }),
    );
  });
});

describe.each(KINDS)("an upgrade to another minor release, services of kind %s", (kind) => {
  const service = (component: string) => (kind === "unit" ? `${component}.service` : component);
  const held = (name: string) => `${name} holding ${service("kube-controller-manager")} ${service("kube-scheduler")}`;

  it("changes the API servers of all masters first, then what was held back, holders of leases last", async () => {
    const masters = new SimulatedMasters(["m1", "m2", "m3"], kind, old, upgrade);
    for (const lease of leaderLeases) masters.leasesHeld.set(lease, "m2");
    await roll(masters);
    expect(masters.activations).toEqual([held("m1"), held("m3"), held("m2"), "m1", "m3", "m2"]);
    expect(masters.starts).toEqual([
      ...["m1", "m3", "m2"].map((name) => `${name} kube-apiserver 1.38.0`),
      ...["m1", "m3", "m2"].flatMap((name) => [
        `${name} kube-controller-manager 1.38.0`,
        `${name} kube-scheduler 1.38.0`,
      ]),
    ]);
    expect(masters.mostAway).toBe(1);
  });

  it("starts added masters after the API servers", async () => {
    const masters = new SimulatedMasters(["m1", "m2"], kind, old, upgrade);
    masters.add("m3", null, upgrade);
    await roll(masters);
    expect(masters.activations).toEqual([held("m1"), held("m2"), "m3", "m1", "m2"]);
  });

  it("repairs a master whose services are down without starting new controllers too early", async () => {
    const masters = new SimulatedMasters(["m1", "m2", "m3"], kind, old, upgrade);
    for (const component of COMPONENTS) masters.stop("m2", component);
    await roll(masters);
    expect(masters.activations).toEqual([held("m2"), held("m1"), held("m3"), "m2", "m1", "m3"]);
    expect(masters.serving()).toEqual(["m1", "m2", "m3"]);
  });

  it("would break the rule in one pass: the simulation sees it", async () => {
    const masters = new SimulatedMasters(["m1", "m2", "m3"], kind, old, upgrade);
    await expect(roll(masters, silent(), "1.38.0")).rejects.toThrow(Violation);
  });
});

describe("an upgrade", () => {
  it.each([
    [{ completed: true, release: "1.36.4" }, "1.37.2", ["kube-apiserver.service"]],
    [{ completed: true, release: "1.37.1" }, "1.37.2", []],
    [{ completed: true, release: "1.37.2" }, "1.37.2", []],
    [{ completed: true }, "1.37.2", ["kube-apiserver.service"]],
    [{ completed: false }, "1.37.2", []],
  ])("from %j to %s: goes first %j", (previous, release, first) => {
    expect(goFirst(previous, release, ["kube-apiserver.service"])).toEqual(first);
  });
});

describe("static pods", () => {
  it("would all be away at once if hosts did not say that they restart: the simulation sees it", async () => {
    const masters = new SimulatedMasters(FIVE, "static-pod", old, changed);
    masters.hidesStaticPods = true;
    await roll(masters).catch(() => undefined);
    masters.advance(20_000);
    expect(masters.mostAway).toBe(5);
  });
});

describe("hosts without an order", () => {
  it("are changed together, and only those that need it", async () => {
    const hosts = new SimulatedMasters(FIVE, "unit", old, changed);
    hosts.master("m2").active = changed;
    await rolloutTogether(hosts, hosts.targets(), 30_000, silent());
    expect(hosts.activations).toEqual(["m1", "m3", "m4", "m5"]);
    expect(hosts.starts).toEqual(["m1", "m3", "m4", "m5"].map((name) => `${name} kube-apiserver 1.37.1`));
  });
});
