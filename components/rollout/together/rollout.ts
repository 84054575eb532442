/** Hosts without an order among them: all at once, each judged by its own services. */
import type { Progress } from "../gate/progress";
import { hostAdvice } from "../hosts/advice";
import { CauseWatch } from "../hosts/causes";
import { Fleet } from "../hosts/fleet";
import type { Clock, Hosts, Target } from "../hosts/hosts";

const PAUSE_MS = 250;

export async function rolloutTogether<T extends Target>(
  hosts: Hosts & Clock,
  targets: readonly T[],
  hostTimeoutMs: number,
  progress: Progress,
): Promise<Fleet<T>> {
  const fleet = new Fleet(hosts, targets, progress);
  await fleet.read();
  const work = targets.filter((target) => fleet.needsWork(target));
  if (work.length === 0) {
    progress.report("nothing to change");
    return fleet;
  }
  progress.stopIfAsked();
  progress.report(`changing ${work.map(({ name }) => name).join(", ")}`);
  const deadline = hosts.now() + hostTimeoutMs;
  await fleet.activateTogether(work);
  const causes = new CauseWatch(hosts, fleet);
  causes.begin();
  for (const { name } of work) {
    while (!(await hosts.settled(name))) {
      if (hosts.now() >= deadline) throw progress.refuse([notUp(name)]);
      await causes.look([name]);
      await hosts.sleep(PAUSE_MS);
    }
  }
  progress.report("done");
  return fleet;
}

function notUp(host: string) {
  return {
    host,
    checked: "its services are up",
    found: "a service is still starting",
    advice: hostAdvice.stillStarting,
    lasting: false,
  };
}
