import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GateRefused, Run } from "../../components/rollout/gate";
import type { Activation, HostStatus } from "../../components/rollout/hosts";
import { type Backend, type Masters, rolloutMasters } from "../../components/rollout/masters";
import { rolloutTogether } from "../../components/rollout/together";

class Killed extends Error {}

interface Master {
  active: string | null;
  staged: string;
  restarts: boolean;
  refuses: string | undefined;
  /** The old process answers until `goesDown`, the new one from `comesUp` on, and is in rotation a second later. */
  goesDown: number;
  comesUp: number;
  broken: boolean;
  drained: boolean;
}

/** Masters under a virtual clock; leases move to the first ready master when their holder stops. */
class SimulatedMasters implements Masters {
  time = 0;
  readonly masters = new Map<string, Master>();
  readonly log: string[] = [];
  leases_ = new Map<string, string>();
  balancer = true;
  killAt: number | undefined;
  #calls = 0;

  constructor(names: readonly string[], active: string | null, staged: string) {
    for (const name of names) {
      const comesUp = active === null ? Number.POSITIVE_INFINITY : -1e6;
      const goesDown = Number.POSITIVE_INFINITY;
      const master = {
        active,
        staged,
        restarts: true,
        refuses: undefined,
        goesDown,
        comesUp,
        broken: false,
        drained: false,
      };
      this.masters.set(name, master);
    }
  }

  get names(): string[] {
    return [...this.masters.keys()];
  }

  targets() {
    return this.names.map((name, index) => ({
      name,
      zone: `zone-${"abc"[index % 3]}`,
      digest: this.#master(name).staged,
    }));
  }

  serving(): string[] {
    return this.names.filter((name) => this.#ready(name) && this.#rotation(name) === "UP");
  }

  now = () => this.time;
  sleep = async (milliseconds: number) => {
    if (this.#dead()) throw new Killed();
    this.time += milliseconds;
  };

  async status(name: string): Promise<HostStatus> {
    this.#call();
    const { active, staged, restarts, refuses } = this.#master(name);
    const ready = this.#ready(name);
    return {
      staged,
      active,
      everActivated: active !== null,
      restarts: ready && restarts && active !== staged ? ["kube-apiserver.service"] : [],
      pending: [
        ...(refuses ? [`refuse: ${refuses}`] : []),
        ...(active !== null && !ready ? ["start kube-apiserver.service"] : []),
      ],
      services: {},
      degradations: [],
    };
  }

  async activate(name: string): Promise<Activation> {
    this.#call();
    const master = this.#master(name);
    this.log.push(name);
    const first = master.active === null;
    const leaves = !first && master.restarts && this.#ready(name);
    if (leaves && this.serving().length < this.names.filter((n) => this.#master(n).active !== null).length) {
      throw new Error(`${name} was restarted while another master was away: ${this.serving()}`);
    }
    master.active = master.staged;
    if (leaves || !this.#ready(name)) {
      master.goesDown = leaves ? this.time + 400 : this.time;
      master.comesUp = master.broken ? Number.POSITIVE_INFINITY : this.time + 2_000;
    }
    for (const [lease, holder] of this.leases_) {
      if (holder === name && leaves)
        this.leases_.set(lease, this.names.find((n) => n !== name && this.#ready(n)) ?? holder);
    }
    return { digest: master.active, degradations: [] };
  }

  async settled(name: string): Promise<boolean> {
    this.#call();
    const { comesUp, goesDown } = this.#master(name);
    if (goesDown > this.time && goesDown < Number.POSITIVE_INFINITY) return false;
    return comesUp <= this.time || comesUp === Number.POSITIVE_INFINITY;
  }

  async unready(name: string): Promise<string | undefined> {
    this.#call();
    return this.#ready(name) ? undefined : "[-]etcd failed";
  }

  async backends(): Promise<readonly Backend[] | undefined> {
    this.#call();
    return this.balancer ? this.names.map((name) => ({ name, status: this.#rotation(name) })) : undefined;
  }

  async leases(name: string): Promise<readonly string[]> {
    this.#call();
    return [...this.leases_].filter(([, holder]) => holder === name).map(([lease]) => lease);
  }

  #ready(name: string): boolean {
    const { goesDown, comesUp } = this.#master(name);
    return comesUp <= this.time || (goesDown > this.time && goesDown < Number.POSITIVE_INFINITY);
  }

  #rotation(name: string): string {
    const { drained, comesUp, goesDown } = this.#master(name);
    if (drained) return "MAINT";
    return comesUp + 1_000 <= this.time || (goesDown > this.time && goesDown < Number.POSITIVE_INFINITY)
      ? "UP"
      : "DOWN";
  }

  #dead(): boolean {
    return this.killAt !== undefined && this.#calls >= this.killAt;
  }

  #call(): void {
    if (this.#dead()) throw new Killed();
    this.#calls++;
    this.time += 10;
  }

  #master(name: string): Master {
    const master = this.masters.get(name);
    if (!master) throw new Error(`no master ${name}`);
    return master;
  }

  get calls(): number {
    return this.#calls;
  }
}

const FIVE = ["m1", "m2", "m3", "m4", "m5"];
const silent = () => new Run("masters", () => undefined);
const roll = (masters: SimulatedMasters, run = silent()) => rolloutMasters(masters, masters.targets(), 30_000, run);

async function refusal(masters: SimulatedMasters): Promise<GateRefused> {
  const error = await roll(masters).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GateRefused)) throw error ?? new Error("the gate did not refuse");
  return error;
}

describe("a rollout of masters", () => {
  it("starts all at once at first and waits until they serve", async () => {
    const masters = new SimulatedMasters(FIVE, null, "new");
    await roll(masters);
    expect(masters.log).toEqual(FIVE);
    expect(masters.serving()).toEqual(FIVE);
    expect(masters.time).toBeLessThan(6_000);
  });

  it("changes one after the other, in alternating zones, holders of leases last", async () => {
    const masters = new SimulatedMasters(FIVE, "old", "new");
    masters.leases_ = new Map([
      ["kube-controller-manager", "m1"],
      ["kube-scheduler", "m1"],
    ]);
    await roll(masters);
    expect(masters.log).toEqual(["m2", "m3", "m4", "m5", "m1"]);
    expect(masters.serving()).toEqual(FIVE);
  });

  it("changes at once what restarts nothing", async () => {
    const masters = new SimulatedMasters(FIVE, "old", "new");
    for (const master of masters.masters.values()) master.restarts = false;
    await roll(masters);
    expect(masters.log).toEqual(FIVE);
  });

  it("starts added masters before it changes the others", async () => {
    const masters = new SimulatedMasters(FIVE, "old", "new");
    for (const name of ["m4", "m5"])
      Object.assign(masters.masters.get(name) as Master, { active: null, comesUp: Number.POSITIVE_INFINITY });
    await roll(masters);
    expect(masters.log).toEqual(["m4", "m5", "m1", "m2", "m3"]);
  });

  it("refuses, with nothing touched, while another master is out of rotation", async () => {
    const masters = new SimulatedMasters(FIVE, "old", "new");
    (masters.masters.get("m3") as Master).drained = true;
    for (const name of ["m3"]) (masters.masters.get(name) as Master).active = "new";
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m3", found: "it is MAINT", changed: [] });
    expect(masters.log).toEqual([]);
  });

  it("refuses a masked unit with nothing touched", async () => {
    const masters = new SimulatedMasters(FIVE, "old", "new");
    (masters.masters.get("m5") as Master).refuses = "kube-apiserver.service is masked";
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m5", found: "kube-apiserver.service is masked", changed: [] });
    expect(masters.log).toEqual([]);
  });

  it("stops at a master that does not come back; mended, it is repaired first", async () => {
    const masters = new SimulatedMasters(FIVE, "old", "new");
    (masters.masters.get("m2") as Master).broken = true;
    const { refusal: found } = await refusal(masters);
    expect(found).toMatchObject({ host: "m2", changed: ["m1", "m2"] });
    Object.assign(masters.masters.get("m2") as Master, { broken: false });
    await roll(masters);
    expect(masters.log).toEqual(["m1", "m2", "m2", "m3", "m4", "m5"]);
  });

  it("needs no load balancer", async () => {
    const masters = new SimulatedMasters(["m1"], "old", "new");
    masters.balancer = false;
    await roll(masters);
    expect(masters.log).toEqual(["m1"]);
  });

  it("killed anywhere, never has two masters away, and ends as planned", async () => {
    const scenario = fc.record({
      size: fc.integer({ min: 1, max: 7 }),
      fresh: fc.boolean(),
      leader: fc.nat(6),
      kills: fc.array(fc.record({ call: fc.integer({ min: 1, max: 80 }), pause: fc.nat(5_000) }), { maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ size, fresh, leader, kills }) => {
        const names = Array.from({ length: size }, (_, index) => `m${index + 1}`);
        const masters = new SimulatedMasters(names, fresh ? null : "old", "new");
        masters.leases_.set("kube-controller-manager", names[leader % size] as string);
        for (const { call, pause } of kills) {
          masters.killAt = masters.calls + call;
          await roll(masters).catch((error: unknown) => {
            if (!(error instanceof Killed) && !(error instanceof GateRefused)) throw error;
          });
          masters.killAt = undefined;
          masters.time += pause;
        }
        await roll(masters);
        expect(masters.serving()).toEqual(names);
        expect([...masters.masters.values()].every(({ active }) => active === "new")).toBe(true);
      }),
    );
  });
});

describe("hosts without an order", () => {
  it("are changed together, and only those that need it", async () => {
    const hosts = new SimulatedMasters(FIVE, "old", "new");
    (hosts.masters.get("m2") as Master).active = "new";
    await rolloutTogether(hosts, hosts.targets(), 30_000, silent());
    expect(hosts.log).toEqual(["m1", "m3", "m4", "m5"]);
    expect(hosts.serving().length).toBeGreaterThan(0);
  });
});
