/**
 * A rollout of the masters: hosts that serve nothing yet all at once, every other one alone, behind a gate. Holders of the
 * controller manager's and scheduler's leases come last, so that leadership moves to masters that are changed already.
 *
 * In an upgrade to another minor release all masters get their new API server first, with the restart of everything else held
 * back; then what was held. Which restarts are owed is read from the hosts, so a rollout that was killed goes on from there.
 */
import { interleaveZones } from "../../plan/zones";
import type { Progress } from "../gate/progress";
import type { MachineStatus } from "../hosts/answers";
import { Fleet } from "../hosts/fleet";
import type { Target } from "../hosts/hosts";
import { MastersGate } from "./gate";
import type { Masters, MastersPlan } from "./masters";

/** What one walk over the masters does: which of them are its own, and what it leaves for the next one. */
interface Pass<T extends Target> {
  readonly isIts: (target: T) => boolean;
  readonly held: (target: T) => readonly string[];
  readonly what: string;
}

export async function rolloutMasters<T extends Target>(
  masters: Masters,
  plan: MastersPlan<T>,
  progress: Progress,
): Promise<Fleet<T>> {
  const { targets, hostTimeoutMs, returnMs, first } = plan;
  const fleet = new Fleet(masters, targets, progress);
  await fleet.read();
  const gate = new MastersGate(masters, fleet, hostTimeoutMs, returnMs);
  if (first.length > 0) await walk(gate, servicesFirst(fleet, first));
  // What never ran serves nobody: more of them at once take nothing away, at the first creation as when masters are added.
  // In an upgrade they wait for the API servers, since their controllers are new.
  const fresh = targets.filter(({ name }) => !fleet.status(name).everActivated);
  if (fresh.length > 0) {
    await change(gate, fresh, () => [], `starting ${fresh.length} of ${targets.length} masters at once`);
    await gate.ready(fresh);
  }
  await walk(gate, everything(fleet));
  await gate.passed(targets);
  await gate.led();
  progress.report(`done: all ${targets.length} masters as planned, ready and in rotation`);
  return fleet;
}

function everything<T extends Target>(fleet: Fleet<T>): Pass<T> {
  return { isIts: (target) => fleet.needsWork(target), held: () => [], what: "changing" };
}

/**
 * Masters whose services of that name are not new yet. Everything else there is held back: neither restarted nor started. (Binaries
 * are in place: a held unit that ends by itself in these minutes comes back as the new release.)
 */
function servicesFirst<T extends Target>(fleet: Fleet<T>, first: readonly string[]): Pass<T> {
  return {
    isIts: (target) => {
      const { active, everActivated, restarts } = fleet.status(target.name);
      return everActivated && (active !== target.digest || restarts.some((name) => first.includes(name)));
    },
    held: ({ name }) => Object.keys(fleet.status(name).services).filter((service) => !first.includes(service)),
    what: `upgrading ${first.join(", ")} on`,
  };
}

/**
 * Each master of the pass at most once: what an activation did not bring about, another one would not either. The gate must not stop
 * the repair that it waits for: what restarts and starts nothing needs no gate, and of masters that do not serve one after the other
 * is changed, whatever the others do.
 */
async function walk<T extends Target>(gate: MastersGate<T>, { isIts, held, what }: Pass<T>): Promise<void> {
  const { fleet } = gate;
  const done = new Set<T>();
  const left = () => gate.serving.filter((target) => !done.has(target) && isIts(target));
  const quiet = () => left().filter(({ name }) => isQuiet(fleet.status(name)));
  for (;;) {
    // What a host said before may be stale: a service that runs again is one to be restarted.
    await fleet.recheck(quiet());
    if (left().length === 0) return;
    const unnoticed = quiet();
    if (unnoticed.length > 0) {
      await change(gate, unnoticed, held, `${what} ${namesOf(unnoticed)} without a restart`);
      for (const target of unnoticed) done.add(target);
      continue;
    }
    const down = left().filter(({ name }) => fleet.status(name).restarts.length === 0);
    const chosen = await followersFirst(gate.masters, fleet.targets, down.length > 0 ? down : left());
    await fleet.recheck([chosen]);
    // Last before the change, so that as little as possible lies in between.
    const sick = await gate.sick(gate.serving.filter((target) => fleet.needsWork(target)));
    const next = sick ?? chosen;
    const how = down.length > 0 ? `starting what does not run on ${next.name}` : `${what} ${next.name} with a restart`;
    const line = sick ? `repairing ${next.name}, which does not serve` : `all ready and in rotation; ${how}`;
    await change(gate, [next], held, line);
    done.add(next);
    await gate.passed([next]);
  }
}

/** What it gets is not noticed: nothing restarts, and nothing starts either. */
function isQuiet({ restarts, pending }: MachineStatus): boolean {
  return restarts.length === 0 && !pending.some((line) => line.startsWith("start "));
}

const namesOf = (targets: readonly Target[]) => targets.map(({ name }) => name).join(", ");

async function change<T extends Target>(
  gate: MastersGate<T>,
  targets: readonly T[],
  held: (target: T) => readonly string[],
  line: string,
): Promise<void> {
  const { fleet } = gate;
  fleet.progress.stopIfAsked();
  fleet.progress.report(line);
  gate.begin();
  const hold = [...new Set(targets.flatMap(held))].sort();
  await fleet.activateTogether(targets, () => (hold.length > 0 ? { hold } : {}));
}

/** Asked anew before each restart, because leases move. */
async function followersFirst<T extends Target>(masters: Masters, all: readonly T[], rest: readonly T[]): Promise<T> {
  const order = interleaveZones(all).filter((target) => rest.includes(target));
  // A master that cannot tell is for the gate to judge.
  const leases = order.map(({ name }) => masters.leases(name).catch(() => []));
  const held = (await Promise.all(leases)).map(({ length }, index) => ({ length, target: order[index]! }));
  return held.sort((a, b) => a.length - b.length)[0]!.target;
}
