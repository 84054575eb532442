/** Over a grid and random inputs: more nodes never gives less, every value stays in its range, a zone may be lost. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instanceNamed } from "../../config/instances";
import { kernelProfiles, type Scale, sysctlsFor } from "../../config/scale";
import { goldenSizes, scaleOf } from "./scale-samples";

/** What one buys or sets: none may shrink as the cluster grows. */
const sizes: Readonly<Record<string, (scale: Scale) => number>> = {
  "requests in flight": (s) => s.apiserver.maxRequestsInflight,
  "mutating requests in flight": (s) => s.apiserver.maxMutatingRequestsInflight,
  "delete-collection workers": (s) => s.apiserver.deleteCollectionWorkers,
  "apiserver memory": (s) => s.apiserver.memoryGiB,
  "controller manager requests": (s) => s.controllerManager.qps,
  "deployment workers": (s) => s.controllerManager.workers.deployment ?? 0,
  "scheduler requests": (s) => s.scheduler.qps,
  "scheduler parallelism": (s) => s.scheduler.parallelism,
  masters: (s) => s.masters.count,
  "master vCPU": (s) => s.masters.vcpus,
  "master memory": (s) => s.masters.memoryGiB,
  "etcd hosts": (s) => s.etcd.hosts,
  "etcd vCPU": (s) => s.etcdHost.vcpus,
  "etcd memory": (s) => s.etcdHost.memoryGiB,
  "lease writes": (s) => s.rates.leaseWritesPerSecond,
  "event writes": (s) => s.rates.eventWritesPerSecond,
  "watch traffic": (s) => s.rates.watchEgressGbit,
  "load balancer connections": (s) => s.loadBalancer.maxConnections,
  "neighbours of a node": (s) => s.kernel.neighbours.node,
  "neighbours of a master": (s) => s.kernel.neighbours.master,
  "tracked connections of the load balancer": (s) => s.kernel.conntrack.lb,
};

function expectNotSmaller(small: Scale, large: Scale): void {
  for (const [name, of] of Object.entries(sizes)) {
    expect(
      of(large),
      `${name} at ${large.workload.nodes} nodes against ${small.workload.nodes}`,
    ).toBeGreaterThanOrEqual(of(small));
  }
}

const nodes = fc.integer({ min: 1, max: 15_000 });
const workload = nodes.chain((count) =>
  fc.record({
    nodes: fc.constant(count),
    podsPerNode: fc.integer({ min: 10, max: 250 }),
    pods: fc.integer({ min: 0, max: count * 10 }),
    coresPerNode: fc.integer({ min: 2, max: 192 }),
    services: fc.integer({ min: 0, max: 20_000 }),
    agentsPerNode: fc.integer({ min: 0, max: 10 }),
    churnPodsPerSecond: fc.double({ min: 0, max: 100, noNaN: true }),
  }),
);

describe("monotone", () => {
  test("over every 50 nodes up to 15,000", () => {
    let before = scaleOf({ nodes: 1 });
    for (let count = 50; count <= 15_000; count += 50) {
      const here = scaleOf({ nodes: count });
      expectNotSmaller(before, here);
      before = here;
    }
  });

  test("over the steps of every ladder, one node below and above", () => {
    for (const step of [5, 10, 50, 100, 250, 500, 1000, 3000, 5000])
      expectNotSmaller(scaleOf({ nodes: step }), scaleOf({ nodes: step + 1 }));
  });

  test("for two random sizes of otherwise equal clusters", () => {
    fc.assert(
      fc.property(
        nodes,
        nodes,
        fc.integer({ min: 2, max: 192 }),
        fc.integer({ min: 0, max: 10 }),
        (a, b, coresPerNode, agentsPerNode) => {
          const at = (count: number) => scaleOf({ nodes: count, coresPerNode, agentsPerNode });
          expectNotSmaller(at(Math.min(a, b)), at(Math.max(a, b)));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("databases grow with the nodes while compaction is the same, all shards together", () => {
    const total = (count: number) =>
      Object.values(scaleOf({ nodes: count }).etcd.shards).reduce((sum, shard) => sum + shard.databaseGiB, 0);
    for (const range of [
      [1, 1000],
      [1001, 15_000],
    ] as const) {
      for (let count = range[0]; count + 100 <= range[1]; count += 100)
        expect(total(count + 100)).toBeGreaterThanOrEqual(total(count));
    }
  });
});

describe("safe", () => {
  test("every flag stays in the range that the binary allows", () => {
    fc.assert(
      fc.property(workload, fc.boolean(), (input, loadBalanced) => {
        const s = scaleOf(input, { loadBalanced });
        expect(s.apiserver.goawayChance).toBeLessThanOrEqual(0.02);
        expect(loadBalanced || s.apiserver.goawayChance === 0).toBe(true);
        expect(s.apiserver.totalConcurrency).toBeGreaterThanOrEqual(600);
        expect(s.controllerManager.maxEndpointsPerSlice).toBeLessThanOrEqual(1000);
        expect(s.scheduler.percentageOfNodesToScore).toBe(0);
        expect(s.node.kubeReservedMilliCpu).toBeLessThan(1000 * s.workload.coresPerNode);
        expect(s.etcd.electionMs).toBeGreaterThanOrEqual(5 * s.etcd.heartbeatMs);
        for (const value of Object.values(s.apiserver.levels)) expect(value.shares).toBeGreaterThan(0);
        for (const entry of Object.values(s.derivations)) expect(entry.value, entry.path).not.toBeNaN();
      }),
      { numRuns: 200 },
    );
  });

  test("the shards that the model chooses keep their quorum without any one zone", () => {
    fc.assert(
      fc.property(nodes, (count) => {
        for (const { members } of Object.values(scaleOf({ nodes: count }).etcd.shards)) {
          const quorum = Math.floor(members / 2) + 1;
          expect(members % 2).toBe(1);
          expect(members).toBeLessThanOrEqual(7);
          expect(members - Math.ceil(members / 3)).toBeGreaterThanOrEqual(quorum);
        }
      }),
    );
  });

  test("memory limits fit the host, and the host's needs fit the instance", () => {
    fc.assert(
      fc.property(workload, (input) => {
        const { masters, apiserver, controllerManager, scheduler, etcd, etcdHost } = scaleOf(input);
        const sum = apiserver.goMemoryLimitGiB + controllerManager.goMemoryLimitGiB + scheduler.goMemoryLimitGiB;
        expect(sum).toBeLessThanOrEqual(masters.memoryGiB);
        expect(etcd.goMemoryLimitGiB).toBeLessThan(etcdHost.memoryGiB);
        for (const host of [masters, etcdHost]) {
          const instance = instanceNamed(host.instance);
          if (!instance) continue;
          expect(instance.memoryGiB).toBeGreaterThanOrEqual(host.memoryGiB);
          expect(instance.vcpus).toBeGreaterThanOrEqual(host.vcpus);
          expect(instance.disks.count).toBeGreaterThanOrEqual(host.nvmeDisks);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("every size with a golden table finds an instance for both roles", () => {
    for (const size of goldenSizes) {
      const { masters, etcdHost } = scaleOf(size);
      expect([instanceNamed(masters.instance), instanceNamed(etcdHost.instance)]).not.toContain(undefined);
    }
  });

  test("no kernel setting is below the kernel's own default where it may lower the host's", () => {
    for (const profile of kernelProfiles) {
      for (const [key, { value, floor }] of Object.entries(sysctlsFor(profile, scaleOf({ nodes: 10 })))) {
        expect(value, key).toMatch(/^[0-9][0-9 -]*$/);
        if (/max|mem|backlog|thresh[23]|nr_open/.test(key) && key !== "vm.overcommit_memory")
          expect(floor, key).toBe(true);
      }
    }
  });
});

describe("complete", () => {
  test("every number of the scale has a derivation of the same path and value", () => {
    const leaves = (value: unknown, path: string): [string, unknown][] =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key))
        : [[path, value]];
    for (const size of goldenSizes) {
      const {
        workload: _w,
        versions: _v,
        zones: _z,
        loadBalanced: _l,
        extrapolated: _e,
        flowControl: _f,
        notices: _n,
        derivations,
        ...derived
      } = scaleOf(size);
      for (const [path, value] of leaves(derived, "")) {
        if (path.endsWith(".resources")) continue;
        expect(derivations[path]?.value, path).toEqual(value);
      }
    }
  });

  test("every derivation names a rule and a source", () => {
    for (const entry of Object.values(scaleOf({ nodes: 1300 }).derivations)) {
      expect(entry.formula.length, entry.path).toBeGreaterThan(3);
      expect(entry.source.length, entry.path).toBeGreaterThan(3);
    }
  });
});
