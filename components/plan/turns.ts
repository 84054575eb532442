/**
 * Whose machine is changed after whose. A host whose machine changes is away, and may not come back: so the hosts of a group have their
 * turns one after the other, whatever it is that changes. How a turn is taken: rollout/turn.ts.
 */
import type { Place } from "../../config/names";
import type { GroupPlan } from "./groups";
import { interleaveZones } from "./zones";

/** @param changes true of a host that runs, and whose machine changes */
export function turnsOf<H extends Pick<Place, "name" | "zone">>(
  group: Pick<GroupPlan, "hosts">,
  hosts: readonly H[],
  changes: (host: string) => boolean,
): H[] {
  return interleaveZones(hosts.filter(({ name }) => group.hosts.includes(name) && changes(name)));
}
