/** Upstream's thresholds, shard and host rules: what is said, and how loudly. */
import { describe, expect, test } from "vitest";
import { explain, explainable, type Workload } from "../../config/scale";
import { scaleOf } from "./scale-samples";

const levelAt = (path: string, workload: Workload, options = {}) =>
  scaleOf(workload, options).notices.find((notice) => notice.path === path)?.level;

describe("upstream's thresholds: silent at the limit, a warning with its source above", () => {
  const base = { nodes: 5000, pods: 150_000, services: 10_000 };
  test.each([
    ["workload.nodes", { nodes: 5000 }, { nodes: 5001, pods: 1000 }],
    ["workload.pods", base, { ...base, pods: 150_001 }],
    ["workload.podsPerNode", { nodes: 10, podsPerNode: 110 }, { nodes: 10, podsPerNode: 111 }],
    ["workload.services", base, { ...base, services: 10_001 }],
    ["workload.servicesPerNamespace", { ...base, servicesPerNamespace: 5000 }, { ...base, servicesPerNamespace: 5001 }],
    ["workload.podsPerNamespace", { ...base, podsPerNamespace: 3000 }, { ...base, podsPerNamespace: 3001 }],
    ["workload.namespaces", { ...base, namespaces: 10_000 }, { ...base, namespaces: 10_001 }],
    ["workload.endpointsPerService", { ...base, endpointsPerService: 250 }, { ...base, endpointsPerService: 251 }],
    ["workload.churnPodsPerSecond", { ...base, churnPodsPerSecond: 20 }, { ...base, churnPodsPerSecond: 21 }],
  ])("%s", (path, at, above) => {
    expect(levelAt(path, at)).toBeUndefined();
    expect(levelAt(path, above)).toBe("warning");
    expect(scaleOf(above).notices.find((notice) => notice.path === path)?.source).toMatch(/^https:\/\//);
  });

  test("10 pods a core", () => {
    expect(levelAt("workload.podsPerNode", { nodes: 10, podsPerNode: 100, coresPerNode: 10 })).toBeUndefined();
    expect(levelAt("workload.podsPerNode", { nodes: 10, podsPerNode: 101, coresPerNode: 10 })).toBe("warning");
  });
});

describe("etcd", () => {
  const one = (members: number) => ({ shards: { main: { members, resources: [] } } });

  test("even members are an error, more than seven a warning, a zone's quorum a warning", () => {
    expect(levelAt("etcd.shards.main.members", { nodes: 10 }, one(4))).toBe("error");
    expect(levelAt("etcd.shards.main.members", { nodes: 10 }, one(9))).toBe("warning");
    expect(levelAt("etcd.shards.main.members", { nodes: 10 }, one(7))).toBeUndefined();
    expect(levelAt("etcd.shards.main.members", { nodes: 10 }, { ...one(3), zones: 2 })).toBe("warning");
  });

  test("a database that does not fit its quota is an error, a tight one a warning", () => {
    expect(levelAt("etcd.shards.main.databaseGiB", { nodes: 15_000 }, one(7))).toBe("error");
    expect(levelAt("etcd.shards.main.databaseGiB", { nodes: 5000 }, one(7))).toBe("warning");
    expect(levelAt("etcd.shards.main.quotaGiB", { nodes: 5000 }, { ...one(7), quotaGiB: 16 })).toBe("warning");
  });

  test("everything that no other shard holds counts to main", () => {
    const apart = scaleOf({ nodes: 1300 }).etcd.shards;
    const together = scaleOf({ nodes: 1300 }, one(7)).etcd.shards;
    const sum = Object.values(apart).reduce((total, { writesPerSecond }) => total + writesPerSecond, 0);
    expect(together.main?.writesPerSecond).toBeCloseTo(sum, 0);
  });
});

describe("hosts", () => {
  test("fewer masters than the load needs after the loss of a zone", () => {
    expect(levelAt("masters.count", { nodes: 5000 }, { masters: 1 })).toBe("warning");
    expect(levelAt("masters.count", { nodes: 5000 }, { masters: 11 })).toBeUndefined();
  });

  test("an instance that is too small, and one that fits", () => {
    expect(levelAt("masterInstance", { nodes: 5000 }, { masterInstance: "m7i.large" })).toBe("error");
    expect(levelAt("etcdInstance", { nodes: 1300 }, { etcdInstance: "i4i.4xlarge" })).toBe("error");
    expect(levelAt("etcdInstance", { nodes: 1300 }, { etcdInstance: "i4i.8xlarge" })).toBeUndefined();
    // Without local disks, only where the disks are volumes.
    expect(levelAt("etcdInstance", { nodes: 1300 }, { etcdInstance: "m7i.4xlarge" })).toBe("error");
    expect(
      levelAt("etcdInstance", { nodes: 1300 }, { etcdInstance: "m7i.4xlarge", etcdVolumes: true }),
    ).toBeUndefined();
  });

  test("one instance for all shards is checked against each, an unknown one is named once", () => {
    const at = (etcdInstance: string) =>
      scaleOf({ nodes: 1300, eventsPerSecond: 2000 }, { etcdInstance })
        .notices.filter(({ path }) => path === "etcdInstance")
        .map(({ message }) => message);
    expect(at("i7ie.2xlarge")).toEqual([
      "i7ie.2xlarge is too small for shard main: 8 vCPU, needs 16",
      "i7ie.2xlarge is too small for shard events: 8 vCPU, needs 16",
    ]);
    expect(at("t3.nano")).toEqual(["t3.nano is not in the catalogue"]);
  });

  test("a need that nothing in the catalogue has", () => {
    const huge = { nodes: 15_000, pods: 1_500_000, podsPerNode: 110, objectsPerPod: 100 };
    expect(levelAt("masters.instance", huge)).toBe("error");
  });
});

describe("priority and fairness", () => {
  test("lists over all namespaces by anybody but the system land in a small level that takes no other's seats", () => {
    const { flowControl, apiserver } = scaleOf({ nodes: 1300 });
    const level = flowControl.priorityLevels.find(({ metadata }) => metadata.name === "kilonode-cluster-lists");
    const schema = flowControl.flowSchemas.find(({ metadata }) => metadata.name === "kilonode-cluster-lists");
    expect(level?.spec.limited).toMatchObject({ lendablePercent: 0, borrowingLimitPercent: 100 });
    expect(apiserver.levels["kilonode-cluster-lists"]?.seats).toBeLessThan(apiserver.totalConcurrency / 40);
    // After the system's own schemas (at most 900), before all service accounts (9000).
    expect(schema?.spec.matchingPrecedence).toBeGreaterThan(900);
    expect(schema?.spec.matchingPrecedence).toBeLessThan(9000);
    for (const { verbs, clusterScope, namespaces } of schema?.spec.rules[0]?.resourceRules ?? []) {
      expect(verbs).toEqual(["list"]);
      expect(clusterScope).toBe(true);
      expect(namespaces).toBeUndefined();
    }
  });

  test("clients known to list without limit get a level of their own, by name", () => {
    const listers = [
      { kind: "ServiceAccount" as const, namespace: "monitoring", name: "scraper" },
      { kind: "User" as const, name: "nightly-report" },
    ];
    const { flowControl } = scaleOf({ nodes: 1300, bulkListerSubjects: listers });
    const schema = flowControl.flowSchemas.find(({ metadata }) => metadata.name === "kilonode-known-bulk-lists");
    expect(schema?.spec.rules[0]?.subjects).toEqual([
      { kind: "ServiceAccount", serviceAccount: { namespace: "monitoring", name: "scraper" } },
      { kind: "User", user: { name: "nightly-report" } },
    ]);
    expect(scaleOf({ nodes: 1300 }).flowControl.flowSchemas).toHaveLength(1);
    expect(() => scaleOf({ nodes: 10, bulkListerSubjects: [{ kind: "ServiceAccount", name: "x" }] })).toThrow(
      "needs its namespace",
    );
  });

  test("leader election, heartbeats and the system keep upstream's shares, and have the seats they need", () => {
    for (const nodes of [10, 1300, 15_000]) {
      const { levels } = scaleOf({ nodes }).apiserver;
      expect([levels["leader-election"]?.shares, levels["node-high"]?.shares, levels.system?.shares]).toEqual([
        10, 40, 30,
      ]);
      for (const level of Object.values(levels)) expect(level.seats).toBeGreaterThanOrEqual(level.neededSeats);
    }
  });

  test("a level that needs more than upstream's share gets it, and the object says that it is ours", () => {
    const { flowControl, apiserver } = scaleOf({ nodes: 100, churnPodsPerSecond: 5000, pods: 1000 });
    const raised = flowControl.priorityLevels.find(({ metadata }) => metadata.name === "system");
    expect(apiserver.levels.system?.shares).toBeGreaterThan(30);
    expect(raised?.metadata.annotations).toEqual({ "apf.kubernetes.io/autoupdate-spec": "false" });
  });
});

describe("explanations", () => {
  test("every derived value can be explained", () => {
    const scale = scaleOf({ nodes: 15_000 });
    for (const path of explainable(scale)) expect(explain(scale, path)).toMatch(/ {2}rule: .+\n {2}source: .+/);
  });

  test("an extrapolated value says so", () => {
    expect(explain(scaleOf({ nodes: 10_000 }), "masters.memoryGiB")).toContain(
      "(extrapolated: no published figure covers this size)",
    );
    expect(explain(scaleOf({ nodes: 3000 }), "masters.memoryGiB")).not.toContain("extrapolated");
  });
});
