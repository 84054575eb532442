/** Pools that several tests look at, on a platform that makes nodes. */
import { checkedCluster } from "../../components/check";
import type { ClusterPlan, PoolPlan } from "../../components/plan/types";
import { lab } from "../../components/platform/lab";
import { ConfigurationError, type RawConfiguration } from "../../config/read";
import type { Workload } from "../../config/scale";

/** One with nothing said, one with much said, one for what must not be disturbed. */
export const samplePools = {
  workers: { count: 1000 },
  batch: {
    count: 200,
    runtime: "docker",
    maxPods: 60,
    cpuOvercommit: 1.25,
    proxyMode: "nftables",
    labels: { disk: "fast" },
    taints: [{ key: "batch", effect: "NoSchedule" }],
    eviction: { hard: { "memory.available": "2Gi" }, soft: { "nodefs.available": "25%" } },
    imageMirrors: { "docker.io": ["https://mirror.example:5000"] },
  },
  special: {
    count: 10,
    protected: true,
    imageMirrors: {
      "docker.io": ["https://mirror-1.example", "https://mirror-2.example/hub"],
      "registry.example:5000": ["https://mirror-1.example"],
    },
    preload: {
      base: ["registry.example:5000/base/jdk:21"],
      environment: ["registry.example:5000/env/shop:stable", "docker.io/library/redis:8"],
      everyMinutes: 120,
    },
  },
};

/** The lab, if it made nodes. */
const able = {
  ...lab,
  facts: (spec: Parameters<typeof lab.facts>[0]) => ({ ...lab.facts(spec), placesPools: true }),
};

/** The pods of 15,000 nodes fit no quota beside everything else. */
const podsApart = {
  shards: {
    main: { members: 7 },
    events: { members: 5, resources: ["/events"] },
    leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
    pods: { members: 5, resources: ["/pods"], slot: 3 },
  },
};

export function planWithPools(
  pools: Readonly<Record<string, object>> = samplePools,
  workload: Workload = { nodes: 1300 },
  more: RawConfiguration = {},
): ClusterPlan {
  const etcd = (workload.nodes ?? 0) > 10_000 ? { etcd: podsApart } : {};
  return checkedCluster("pools", { platform: "lab", workload, ...etcd, pools, ...more }, { lab: able }).plan;
}

export function poolOf(plan: ClusterPlan, name: string): PoolPlan {
  const pool = plan.pools.find((one) => one.name === name);
  if (!pool) throw new Error(`the plan has no pool ${name}`);
  return pool;
}

/** Everything that is wrong with one pool, without the path of the pool in front. */
export function poolProblems(pool: object, more: RawConfiguration = {}): string[] {
  try {
    planWithPools({ p: { count: 1, ...pool } }, { nodes: 100 }, more);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map((line) => line.replace("pools.p.", ""));
    throw error;
  }
  return [];
}
