/** Pools of nodes: one template each, so that any number of nodes is made from it without a plan of its own. */
import { modulesFor, sysctlsFor } from "../../config/scale";
import type { Machine } from "../machine/machine";
import type { PlanParts } from "../plan/parts";
import type { PoolPlan } from "../plan/types";
import { labelsOf, taintsOf } from "./kubelet";
import { nodePlan } from "./node";

export function poolPlans(parts: PlanParts): PoolPlan[] {
  const { scale, spec } = parts;
  const template: Machine = {
    users: {},
    directories: {},
    files: {},
    binaries: {},
    modules: modulesFor("node", scale),
    sysctls: sysctlsFor("node", scale),
    volumes: [],
    services: {},
  };
  return Object.entries(spec.pools).map(([name, pool]) => ({
    name,
    template,
    node: nodePlan(parts, name, pool),
    count: pool.count,
    labels: labelsOf(name, pool),
    taints: taintsOf(name, pool),
  }));
}
