/** The model against what others published: equal where there is a figure, near where there is a measurement. */
import { describe, expect, test } from "vitest";
import { shardOf } from "../../config/scale";
import { scaleOf } from "./scale-samples";

describe("kube-up's ladders", () => {
  test.each([
    [500, 400, 200],
    [501, 1500, 500],
    [1000, 1500, 500],
    [3000, 1500, 500],
    [3001, 3000, 1000],
    [5000, 3000, 1000],
  ])("requests in flight at %i nodes: %i and %i", (nodes, reads, writes) => {
    const { apiserver } = scaleOf({ nodes });
    expect([apiserver.maxRequestsInflight, apiserver.maxMutatingRequestsInflight]).toEqual([reads, writes]);
  });

  test.each([
    [100, 4],
    [101, 8],
    [250, 8],
    [251, 16],
    [500, 16],
    [501, 32],
    [3000, 32],
    [3001, 64],
    [5000, 64],
  ])("master vCPU at %i nodes: %i", (nodes, vcpus) => {
    expect(scaleOf({ nodes }).masters.vcpus).toBe(vcpus);
  });
});

describe("etcd's hardware table", () => {
  test.each([
    [50, 2, 8],
    [250, 4, 16],
    [1000, 8, 32],
    [3000, 16, 64],
  ])("a host for %i nodes has %i vCPU and at least %i GiB", (nodes, vcpus, memoryGiB) => {
    const { host } = shardOf(scaleOf({ nodes }), "main");
    expect(host.vcpus).toBe(vcpus);
    // At least twice the quota, which the table's small rows do not have.
    expect(host.memoryGiB).toBe(Math.max(memoryGiB, 16));
  });
});

describe("a shard's host, by the requests and the data of the table's rows", () => {
  const events = (eventsPerSecond: number) => shardOf(scaleOf({ nodes: 1300, eventsPerSecond }), "events");

  test.each([
    [100, 4, 16, 1.5],
    [138, 4, 16, 1.5],
    [139, 8, 32, 2],
    [277, 8, 32, 2],
    [278, 16, 64, 4],
  ])("%i events a second, each kept for an hour: %i vCPU, %i GiB, %f Gbit/s", (rate, vcpus, memoryGiB, networkGbit) => {
    expect(events(rate).host).toMatchObject({ vcpus, memoryGiB, networkGbit, nvmeDisks: 2, diskGiB: 10 });
  });

  test("production: 260 requests a second for leases, 359 MB of events, both a medium cluster; main a cluster of 1,300 nodes", () => {
    const scale = scaleOf({ nodes: 1300, pods: 100_000 });
    expect(shardOf(scale, "leases")).toMatchObject({ requestsPerSecond: 260, storedMB: 0.65, host: { vcpus: 4 } });
    expect(shardOf(scale, "events")).toMatchObject({ requestsPerSecond: 199.66, storedMB: 359.39, host: { vcpus: 4 } });
    expect(shardOf(scale, "main").host).toMatchObject({ vcpus: 16, memoryGiB: 64 });
  });

  test("main is sized by its own load where that is more than its nodes say", () => {
    expect(shardOf(scaleOf({ nodes: 50, objectsPerPod: 400 }), "main")).toMatchObject({ host: { vcpus: 16 } });
  });

  test("a shard with a resource of which the model has no figures is sized as main", () => {
    const shards = {
      main: { members: 7, resources: [] },
      others: { members: 5, resources: ["/configmaps", "/events"] },
    };
    const scale = scaleOf({ nodes: 1300 }, { shards });
    expect(shardOf(scale, "others").host).toEqual(shardOf(scale, "main").host);
  });

  test("the host's memory is twice the quota at least, its disks hold the quota and 2 GiB", () => {
    const { host } = shardOf(scaleOf({ nodes: 10 }, { quotaGiB: 16 }), "leases");
    expect(host).toMatchObject({ vcpus: 2, memoryGiB: 32, diskGiB: 18 });
  });
});

describe("measurements", () => {
  test("13,000 Lease renewals a second at 130,000 nodes (GKE) is a tenth of the nodes here too", () => {
    expect(scaleOf({ nodes: 13_000 }).rates.leaseWritesPerSecond).toBe(1300);
  });

  test("main's database at 5,000 nodes is what upstream's scale test saw, 5.3 to 6.5 GB", () => {
    expect(scaleOf({ nodes: 5000 }).etcd.shards.main?.databaseGiB).toBeGreaterThan(4.9);
    expect(scaleOf({ nodes: 5000 }).etcd.shards.main?.databaseGiB).toBeLessThan(6.1);
  });

  test("an API server at 5,000 nodes holds the 63 GB of upstream's single one, and at 7,500 OpenAI's 70 GB", () => {
    expect(scaleOf({ nodes: 5000 }).apiserver.memoryGiB).toBeGreaterThan(63);
    expect(scaleOf({ nodes: 7500 }).apiserver.memoryGiB).toBeGreaterThan(70);
  });

  test("controller manager requests: 500 a second at 5,000 nodes (kops, EKS 4XL), 1,000 at 10,000", () => {
    expect(scaleOf({ nodes: 5000 }).controllerManager.qps).toBe(500);
    expect(scaleOf({ nodes: 10_000 }).controllerManager.qps).toBe(1000);
  });

  test("EKS's largest tier gives one server 1,511 and 756: ours are above it where it serves more nodes", () => {
    expect(scaleOf({ nodes: 5000 }).apiserver.maxRequestsInflight).toBeGreaterThan(1511);
  });
});

describe("production", () => {
  test("1,300 nodes and 100,000 pods: 11 masters and 17 etcd hosts as main 7, events 5, leases 5", () => {
    const { masters, etcd } = scaleOf({ nodes: 1300, pods: 100_000 });
    expect(masters.count).toBe(11);
    expect(etcd.hosts).toBe(17);
    expect(Object.entries(etcd.shards).map(([name, { members }]) => [name, members])).toEqual([
      ["main", 7],
      ["events", 5],
      ["leases", 5],
    ]);
  });

  test("15,000 nodes get pods a shard of their own, and the result says that it extrapolates", () => {
    const scale = scaleOf({ nodes: 15_000 });
    expect(scale.etcd.shards.pods?.resources).toEqual(["/pods"]);
    expect(scale.extrapolated).toBe(true);
    expect(scaleOf({ nodes: 3000 }).derivations["apiserver.maxRequestsInflight"]?.extrapolated).toBe(false);
    expect(scale.derivations["apiserver.maxRequestsInflight"]?.extrapolated).toBe(true);
  });

  test("10 nodes get small hosts and upstream's defaults, nothing below them", () => {
    const { masters, apiserver, controllerManager, scheduler, etcd } = scaleOf({ nodes: 10 });
    expect(masters.count).toBe(3);
    expect([apiserver.maxRequestsInflight, apiserver.maxMutatingRequestsInflight]).toEqual([400, 200]);
    expect(apiserver.storageInitializationSeconds).toBe(60);
    expect(controllerManager.workers).toMatchObject({ deployment: 5, gc: 20, namespace: 10 });
    expect(controllerManager.qps).toBeGreaterThanOrEqual(20);
    expect(scheduler.parallelism).toBe(16);
    expect(Object.values(etcd.shards).map(({ members }) => members)).toEqual([3, 3, 3]);
  });
});
