/**
 * A rollout of the masters: hosts that serve nothing yet all at once, every other one alone, behind a gate. Holders of the
 * controller manager's and scheduler's leases come last, so that leadership moves to masters that are changed already.
 */
import type { Clock, Finding, GateRefused, Run } from "./gate";
import { Fleet, type Hosts, interleaveZones, type Target } from "./hosts";

export interface Backend {
  readonly name: string;
  /** The load balancer's word: UP, DOWN, DRAIN, MAINT ... */
  readonly status: string;
}

export interface Masters extends Hosts, Clock {
  /** Why the host's API server is not ready; undefined when it is. */
  unready(host: string): Promise<string | undefined>;
  /** undefined: there is no load balancer to ask. */
  backends(): Promise<readonly Backend[] | undefined>;
  /** Leader leases that the host holds. */
  leases(host: string): Promise<readonly string[]>;
}

const PAUSE_MS = 500;
/** How long what is just starting is given before the gate is called closed. */
const GRACE_MS = 15_000;

export async function rolloutMasters<T extends Target>(
  masters: Masters,
  targets: readonly T[],
  hostTimeoutMs: number,
  run: Run,
): Promise<Fleet<T>> {
  const fleet = new Fleet(masters, targets, run);
  await fleet.read();
  const gate = new MastersGate(masters, fleet, hostTimeoutMs);
  // What never ran serves nobody: more of them at once take nothing away, at the first creation as when masters are added.
  const fresh = targets.filter(({ name }) => !fleet.status(name).everActivated);
  if (fresh.length > 0) {
    await change(gate, fresh, `starting ${fresh.length} of ${targets.length} masters at once`);
    await gate.ready(fresh);
  }
  for (let rest = work(fleet); rest.length > 0; rest = work(fleet)) {
    const quiet = await withoutRestart(fleet, rest);
    const chosen = quiet.length > 0 ? quiet : [await followersFirst(masters, fleet.targets, rest)];
    if (quiet.length === 0) await fleet.recheck(chosen);
    // Last before the change, so that as little as possible lies in between.
    const sick = await gate.sick(rest);
    const next = sick ? [sick] : chosen;
    const names = next.map(({ name }) => name).join(", ");
    if (sick) await change(gate, next, `repairing ${names}; all others ready and in rotation`);
    else
      await change(
        gate,
        next,
        `all ready and in rotation; changing ${names} ${quiet.length > 0 ? "without" : "with"} a restart`,
      );
    await gate.serving(next);
  }
  await gate.serving(targets);
  run.report(`done: all ${targets.length} masters as planned, ready and in rotation`);
  return fleet;
}

const work = <T extends Target>(fleet: Fleet<T>): T[] => fleet.targets.filter((target) => fleet.needsWork(target));

async function change<T extends Target>(gate: MastersGate<T>, targets: readonly T[], what: string): Promise<void> {
  const { run } = gate.fleet;
  run.stopIfAsked();
  run.report(what);
  gate.begin();
  await gate.fleet.activateTogether(targets);
}

/** What a host said at first may be stale: a unit that runs again is one to be restarted. */
async function withoutRestart<T extends Target>(fleet: Fleet<T>, rest: readonly T[]): Promise<T[]> {
  const quiet = () => rest.filter(({ name }) => fleet.status(name).restarts.length === 0);
  await fleet.recheck(quiet());
  return quiet();
}

/** Asked anew before each restart, because leases move. */
async function followersFirst<T extends Target>(masters: Masters, all: readonly T[], rest: readonly T[]): Promise<T> {
  const order = interleaveZones(all).filter((target) => rest.includes(target));
  // A master that cannot tell is for the gate to judge.
  const leases = order.map(({ name }) => masters.leases(name).catch(() => []));
  const held = (await Promise.all(leases)).map(({ length }, index) => ({ length, target: order[index]! }));
  return held.sort((a, b) => a.length - b.length)[0]!.target;
}

class MastersGate<T extends Target> {
  #deadline = 0;

  constructor(
    readonly masters: Masters,
    readonly fleet: Fleet<T>,
    readonly hostTimeoutMs: number,
  ) {}

  /** A change begins: its hosts have so long to pass the gate after it. */
  begin(): void {
    this.#deadline = this.masters.now() + this.hostTimeoutMs;
  }

  /** Before: all are ready and in rotation, or all but one that is to be changed: gives that one, refuses otherwise. */
  async sick(candidates: readonly T[]): Promise<T | undefined> {
    const found = await this.#until(this.#grace(), () => this.#serving(this.fleet.targets));
    if (found.length === 0) return undefined;
    const one = candidates.find(({ name }) => found.every(({ host }) => host === name));
    if (one && !this.fleet.run.wasChanged(one.name)) return one;
    throw this.#refusal(found);
  }

  /** After: the changed ones are settled, ready and in rotation. */
  async serving(targets: readonly T[]): Promise<void> {
    const deadline = Math.max(this.#deadline, this.#grace());
    this.#refuse(await this.#until(deadline, () => this.#serving(targets)));
  }

  /** After a first start: the load balancer may not know them yet. */
  async ready(targets: readonly T[]): Promise<void> {
    const waiting = [...targets];
    // All of them start at once and need the processor, and all are waited for: so one is asked at a time, and not again.
    const look = async () => {
      for (let first = waiting[0]; first; first = waiting[0]) {
        const found = await this.#unready([first]);
        if (found.length > 0) return found;
        waiting.shift();
      }
      return [];
    };
    const late = await this.#until(this.#deadline, look);
    if (late.length > 0) this.#refuse(await this.#unready(waiting));
  }

  async #unready(targets: readonly T[]): Promise<Finding[]> {
    const found = await Promise.all(
      targets.map(async ({ name }): Promise<Finding[]> => {
        try {
          if (!(await this.masters.settled(name)))
            return [finding(name, "its units are up", "a unit is still starting")];
          const reason = await this.masters.unready(name);
          return reason === undefined ? [] : [finding(name, "its API server is ready (/readyz)", reason)];
        } catch (error) {
          return [finding(name, "the host answers over SSH", (error as Error).message)];
        }
      }),
    );
    return found.flat();
  }

  async #serving(targets: readonly T[]): Promise<Finding[]> {
    const unready = await this.#unready(targets);
    return unready.length > 0 ? unready : this.#outOfRotation(targets);
  }

  /** A master that the load balancer does not list is its configuration's business; a list without any of them is an error. */
  async #outOfRotation(targets: readonly T[]): Promise<Finding[]> {
    const checked = "the load balancer sends it traffic";
    let backends: readonly Backend[] | undefined;
    try {
      backends = await this.masters.backends();
    } catch (error) {
      return [finding("load balancer", "it tells its backends", (error as Error).message)];
    }
    if (!backends) return [];
    const known = this.fleet.targets.filter(({ name }) => backends.some((backend) => backend.name === name));
    if (known.length === 0) return [finding("load balancer", "it lists the masters", "it lists none of them")];
    return targets.flatMap(({ name }) => {
      const backend = backends.find((item) => item.name === name);
      return !backend || /^(UP|no check)/i.test(backend.status)
        ? []
        : [finding(name, checked, `it is ${backend.status}`)];
    });
  }

  #grace(): number {
    return this.masters.now() + Math.min(GRACE_MS, this.hostTimeoutMs);
  }

  async #until(deadline: number, look: () => Promise<Finding[]>): Promise<Finding[]> {
    for (;;) {
      const found = await look();
      if (found.length === 0 || this.masters.now() >= deadline) return found;
      await this.masters.sleep(PAUSE_MS);
    }
  }

  #refuse(found: readonly Finding[]): void {
    if (found.length > 0) throw this.#refusal(found);
  }

  #refusal([first, ...rest]: readonly Finding[]): GateRefused {
    return this.fleet.run.refuse([first!, ...rest]);
  }
}

const finding = (host: string, checked: string, found: string): Finding => ({
  host,
  checked,
  found,
  advice: "Look at `journalctl -u kube-apiserver` on the host and at the load balancer's statistics.",
  lasting: false,
});
