/**
 * CPUs that are promised more than once (docs/decisions/0025). A kubelet says what the machine has and can be told nothing else, but it
 * admits pods by what the API says of its node. So the API servers say more, each time that a node of the pool reports.
 */
import type { PoolConfig } from "../../config/pool";
import type { PlanParts } from "../plan/parts";
import type { ObjectPlan } from "../plan/types";
import { mutatingPolicy } from "./mutating-policy";
import { poolLabel } from "./names";
import { poolScale } from "./scale";

/**
 * With a number of its own in the API a kubelet finds its status changed each time that it looks, and writes it: once a minute in place of
 * every 10 s, so that a node costs 5 times the writes of one that nothing happens to, and not 30.
 */
export const overcommittedStatusSeconds = 60;

export function overcommitObjects({ scale, spec }: PlanParts): ObjectPlan[] {
  return Object.entries(spec.pools).flatMap(([name, pool]) =>
    pool.cpuOvercommit > 1 ? policy(name, pool, poolScale(scale, pool).node.kubeReservedMilliCpu) : [],
  );
}

function policy(pool: string, { cpuOvercommit }: PoolConfig, reservedMilliCpu: number): ObjectPlan[] {
  // From the capacity, which stays what the kubelet says: so it is the same however often it is computed.
  const milliCpu = `int(quantity(object.status.capacity.cpu).asApproximateFloat() * 1000.0 * double(${cpuOvercommit})) - ${reservedMilliCpu}`;
  // A node that reports while this fails says what it has: fewer CPUs for a while, and no pod ends.
  return mutatingPolicy({
    name: `kilonode-cpu-overcommit-${pool}`,
    labels: { [poolLabel]: pool },
    writes: [
      { operation: "CREATE", resource: "nodes" },
      { operation: "UPDATE", resource: "nodes/status" },
    ],
    condition: {
      name: "says-its-cpus",
      expression:
        "has(object.status.capacity) && 'cpu' in object.status.capacity && has(object.status.allocatable) && 'cpu' in object.status.allocatable",
    },
    patch: `[JSONPatch{op: "replace", path: "/status/allocatable/cpu", value: string(${milliCpu}) + "m"}]`,
  });
}
