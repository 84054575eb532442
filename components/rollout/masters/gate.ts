/** The masters' gate: every one that serves is settled, ready and in the load balancer's rotation; in the end somebody leads. */
import type { GateFinding } from "../gate/refusal";
import { CauseWatch } from "../hosts/causes";
import type { Fleet } from "../hosts/fleet";
import type { Target } from "../hosts/hosts";
import { mastersAdvice } from "./advice";
import { type Backend, leaderLeases, type Masters } from "./masters";

const PAUSE_MS = 500;
/** How long what is just starting is given before the gate is called closed. */
const GRACE_MS = 15_000;

export class MastersGate<T extends Target> {
  readonly #causes: CauseWatch<T>;
  #deadline = 0;

  constructor(
    readonly masters: Masters,
    readonly fleet: Fleet<T>,
    readonly hostTimeoutMs: number,
    readonly returnMs: number,
  ) {
    this.#causes = new CauseWatch(masters, fleet);
  }

  /** Masters that have run: a new one that this rollout has not started yet takes nothing away. */
  get serving(): readonly T[] {
    return this.fleet.targets.filter(({ name }) => this.fleet.status(name).everActivated);
  }

  /** A change begins: its hosts have so long to pass the gate after it. */
  begin(): void {
    this.#deadline = this.masters.now() + this.hostTimeoutMs;
  }

  /** Before: all are ready and in rotation; else gives one of `candidates` that is not, which loses nothing; refuses when there is none. */
  async sick(candidates: readonly T[]): Promise<T | undefined> {
    const found = await this.#until(this.#grace(), () => this.#unfit(this.serving));
    const [first, ...more] = found;
    if (!first) return undefined;
    const one = candidates.find(
      ({ name }) => found.some(({ host }) => host === name) && !this.fleet.progress.wasChanged(name),
    );
    if (one) return one;
    throw this.fleet.progress.refuse([first, ...more]);
  }

  /** After: the changed ones are settled, ready and in rotation. */
  async passed(targets: readonly T[]): Promise<void> {
    const deadline = Math.max(this.#deadline, this.#grace());
    this.fleet.progress.refuseAny(await this.#until(deadline, () => this.#unfit(targets)));
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
    if (late.length > 0) this.fleet.progress.refuseAny(await this.#unready(waiting));
  }

  /** At the end: somebody leads. A lease whose holder has gone is taken over only when it has run out, so this takes its time. */
  async led(): Promise<void> {
    const { masters, fleet } = this;
    const look = async () => {
      const held = await Promise.all(fleet.targets.map(({ name }) => masters.leases(name).catch(() => [])));
      const free = leaderLeases.filter((lease) => !held.flat().includes(lease));
      return free.map((lease) =>
        finding("all masters", `one of them holds the lease ${lease}`, "none does", mastersAdvice.leaderless),
      );
    };
    fleet.progress.refuseAny(await this.#until(masters.now() + this.hostTimeoutMs, look));
  }

  async #unfit(targets: readonly T[]): Promise<GateFinding[]> {
    const unready = await this.#unready(targets);
    return unready.length > 0 ? unready : this.#outOfRotation(targets);
  }

  async #unready(targets: readonly T[]): Promise<GateFinding[]> {
    const found = await Promise.all(
      targets.map(async ({ name }): Promise<GateFinding[]> => {
        try {
          if (!(await this.masters.settled(name)))
            return [finding(name, "its services are up", "a service is still starting", mastersAdvice.starting)];
          const reason = await this.masters.unready(name);
          if (reason === undefined) return [];
          return [finding(name, "its API server is ready (/readyz)", reason, mastersAdvice.unready)];
        } catch (error) {
          return [finding(name, "the host answers over SSH", (error as Error).message, mastersAdvice.unreachable)];
        }
      }),
    );
    return found.flat();
  }

  /** A master that the load balancer does not list is its configuration's business; a list without any of them is an error. */
  async #outOfRotation(targets: readonly T[]): Promise<GateFinding[]> {
    const balancer = (checked: string, found: string) => [
      finding("load balancer", checked, found, mastersAdvice.outOfRotation),
    ];
    let backends: readonly Backend[] | undefined;
    try {
      backends = await this.masters.backends(targets.map(({ name }) => name));
    } catch (error) {
      return balancer("it says which backends it has", (error as Error).message);
    }
    if (!backends) return [];
    const known = this.fleet.targets.filter(({ name }) => backends.some((backend) => backend.name === name));
    if (known.length === 0) return balancer("it lists the masters", "it lists none of them");
    return targets.flatMap(({ name }) => {
      const backend = backends.find((item) => item.name === name);
      if (!backend || /^(UP|no check)/i.test(backend.status)) return [];
      const found = `it is ${backend.status}`;
      return [finding(name, "the load balancer sends it traffic", found, mastersAdvice.outOfRotation)];
    });
  }

  #grace(): number {
    return this.masters.now() + Math.min(GRACE_MS + this.returnMs, this.hostTimeoutMs);
  }

  async #until(deadline: number, look: () => Promise<GateFinding[]>): Promise<GateFinding[]> {
    this.#causes.begin();
    for (;;) {
      const found = await look();
      if (found.length === 0) this.#causes.end();
      if (found.length === 0 || this.masters.now() >= deadline) return found;
      await this.#causes.look(found.map(({ host }) => host));
      await this.masters.sleep(PAUSE_MS);
    }
  }
}

const finding = (host: string, checked: string, found: string, advice: string): GateFinding => ({
  host,
  checked,
  found,
  advice,
  lasting: false,
});
