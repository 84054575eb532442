/** Pools of nodes: one template each, so that any number of nodes is made from it without a plan of its own. */
import type { PoolConfig } from "../../config/pool";
import { modulesFor, sysctlsFor } from "../../config/scale";
import type { Machine } from "../machine/machine";
import type { PlanParts } from "../plan/parts";
import type { NodePlan, PoolPlan } from "../plan/types";
import { kubeletFiles, pki, taintsOf } from "./kubelet";
import { poolLabel } from "./names";
import { poolScale } from "./scale";

const nothing: Machine = {
  users: {},
  directories: {},
  files: {},
  binaries: {},
  modules: [],
  sysctls: {},
  volumes: [],
  services: {},
};

export function poolPlans(parts: PlanParts): PoolPlan[] {
  const { scale, spec } = parts;
  return Object.entries(spec.pools).map(([name, pool]) => ({
    name,
    template: { ...nothing, modules: modulesFor("node", scale), sysctls: sysctlsFor("node", scale) },
    node: nodePlan(parts, name, pool),
    count: pool.count,
    labels: { [poolLabel]: name, ...pool.labels },
    taints: taintsOf(name, pool),
  }));
}

function nodePlan(parts: PlanParts, name: string, pool: PoolConfig): NodePlan {
  const scale = poolScale(parts.scale, pool);
  return {
    machine: {
      ...nothing,
      directories: {
        "/etc/kubernetes": { mode: "0755", owner: "root:root" },
        [pki]: { mode: "0755", owner: "root:root" },
      },
      files: kubeletFiles(parts, name, pool),
      modules: modulesFor("node", scale),
      sysctls: sysctlsFor("node", scale),
    },
  };
}
