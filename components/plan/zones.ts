/** An order of hosts over the zones. */
import type { Place } from "../../config/names";

type Zoned = Pick<Place, "name" | "zone">;

/** Round robin over the zones, so that neighbours in the order are in different ones; stable by name. */
export function interleaveZones<T extends Zoned>(targets: readonly T[]): T[] {
  const byName = (a: T, b: T) => (a.name < b.name ? -1 : 1);
  const zones = new Map<string, T[]>();
  for (const target of [...targets].sort(byName)) zones.set(target.zone, [...(zones.get(target.zone) ?? []), target]);
  const queues = [...zones.entries()].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  const longest = queues[0]?.[1].length ?? 0;
  return Array.from({ length: longest }, (_, round) =>
    queues.flatMap(([, queue]) => queue.slice(round, round + 1)),
  ).flat();
}
