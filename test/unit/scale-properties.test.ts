/** Over a grid and random inputs: more nodes never gives less, every value stays in its range, a zone may be lost. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instanceNamed, shortfalls } from "../../config/instances";
import { kernelProfiles, type Scale, shardOf, sysctlsFor } from "../../config/scale";
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
  "etcd vCPU": (s) => shardOf(s, "main").host.vcpus,
  "etcd memory": (s) => shardOf(s, "main").host.memoryGiB,
  "cost a month": (s) => s.cost.total,
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
        const { masters, apiserver, controllerManager, scheduler, etcd } = scaleOf(input);
        const shards = Object.values(etcd.shards);
        const sum = apiserver.goMemoryLimitGiB + controllerManager.goMemoryLimitGiB + scheduler.goMemoryLimitGiB;
        expect(sum).toBeLessThanOrEqual(masters.memoryGiB);
        for (const { goMemoryLimitGiB, host } of shards) expect(goMemoryLimitGiB).toBeLessThan(host.memoryGiB);
        for (const host of [masters, ...shards.map((shard) => shard.host)]) {
          const instance = instanceNamed(host.instance);
          if (instance) expect(shortfalls(instance, host)).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("every size with a golden table finds an instance for every role", () => {
    for (const size of goldenSizes) {
      for (const etcdVolumes of [false, true]) {
        const { masters, etcd } = scaleOf(size, { etcdVolumes });
        const hosts = [masters, ...Object.values(etcd.shards).map(({ host }) => host)];
        expect(hosts.map(({ instance }) => instanceNamed(instance))).not.toContain(undefined);
      }
    }
  });

  test("a host of another shard never costs more than one of main", () => {
    fc.assert(
      fc.property(nodes, fc.boolean(), (count, etcdVolumes) => {
        const scale = scaleOf({ nodes: count }, { etcdVolumes });
        for (const { host } of Object.values(scale.etcd.shards))
          expect(host.usdPerHour).toBeLessThanOrEqual(shardOf(scale, "main").host.usdPerHour);
      }),
    );
  });

  test("more events, more nodes or more pods never make a shard's host smaller", () => {
    const load = fc.record({
      nodes: fc.integer({ min: 10, max: 5000 }),
      pods: fc.integer({ min: 0, max: 10_000 }),
      eventsPerSecond: fc.integer({ min: 0, max: 20_000 }),
    });
    const shards = {
      main: { members: 7, resources: [] },
      events: { members: 5, resources: ["/events"] },
      leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
    };
    fc.assert(
      fc.property(load, load, (a, b) => {
        const of = (pick: (...values: number[]) => number) =>
          scaleOf(
            {
              nodes: pick(a.nodes, b.nodes),
              pods: pick(a.pods, b.pods),
              podsPerNode: 1024,
              churnPodsPerSecond: 5,
              eventsPerSecond: pick(a.eventsPerSecond, b.eventsPerSecond),
            },
            { shards },
          ).etcd.shards;
        const [small, large] = [of(Math.min), of(Math.max)];
        for (const [name, { host }] of Object.entries(small))
          for (const figure of ["vcpus", "memoryGiB", "networkGbit", "usdPerHour"] as const)
            expect(large[name]?.host[figure], `${figure} of ${name}`).toBeGreaterThanOrEqual(host[figure]);
      }),
      { numRuns: 200 },
    );
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
