/** Hosts without an order among them: all at once, each judged by its own units. */
import type { Clock, Run } from "./gate";
import { Fleet, type Hosts, type Target } from "./hosts";

const PAUSE_MS = 250;

export async function rolloutTogether<T extends Target>(
  hosts: Hosts & Clock,
  targets: readonly T[],
  hostTimeoutMs: number,
  run: Run,
): Promise<Fleet<T>> {
  const fleet = new Fleet(hosts, targets, run);
  await fleet.read();
  const work = targets.filter((target) => fleet.needsWork(target));
  if (work.length === 0) {
    run.report("nothing to change");
    return fleet;
  }
  run.stopIfAsked();
  run.report(`changing ${work.map(({ name }) => name).join(", ")}`);
  const deadline = hosts.now() + hostTimeoutMs;
  await fleet.activateTogether(work);
  for (const { name } of work) {
    while (!(await hosts.settled(name))) {
      if (hosts.now() >= deadline) throw run.refuse([notUp(name)]);
      await hosts.sleep(PAUSE_MS);
    }
  }
  run.report("done");
  return fleet;
}

function notUp(host: string) {
  return {
    host,
    checked: "its units are up",
    found: "a unit is still starting",
    advice: "Look at `systemctl list-jobs` and the unit's journal on the host.",
    lasting: false,
  };
}
