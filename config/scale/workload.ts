/**
 * Assumptions: what the cluster has to carry. Only `nodes` is usually given; each other figure has a default that follows
 * from it, with its reason. The model derives everything else.
 */
import { z } from "zod";

/** A client known to list everything without a limit: it lands in the priority level of bulk lists by name. */
const BulkLister = z.strictObject({
  /** What kind of identity the API server sees. */
  kind: z.enum(["ServiceAccount", "User", "Group"]),
  name: z.string().min(1),
  /** Namespace of a service account. */
  namespace: z.string().min(1).optional(),
});

export const Workload = z
  .strictObject({
    /** Worker nodes. Default 1,300: the size of the production clusters this project was made for. */
    nodes: z.int().min(1).max(15_000).default(1300),
    /** Pods in the cluster. Default: see {@link assumptions}. */
    pods: z.int().min(0).optional(),
    /** Most pods that one node runs (kubelet's maxPods). Default 110. */
    podsPerNode: z.int().min(1).max(1024).default(110),
    /** Logical CPUs of one node. */
    coresPerNode: z.int().min(1).max(1024).optional(),
    /** Memory of one node, GiB. */
    memoryPerNodeGiB: z.int().min(1).max(32_768).optional(),
    services: z.int().min(0).optional(),
    endpointsPerService: z.int().min(0).optional(),
    namespaces: z.int().min(1).optional(),
    /** Services in the fullest namespace. */
    servicesPerNamespace: z.int().min(0).optional(),
    /** Pods in the fullest namespace. */
    podsPerNamespace: z.int().min(0).optional(),
    /** Pods created per second, sustained; as many are deleted. */
    churnPodsPerSecond: z.number().min(0).max(10_000).optional(),
    /** Events written per second, sustained. */
    eventsPerSecond: z.number().min(0).max(1_000_000).optional(),
    /** Other objects kept for each pod (ConfigMaps, Secrets, custom resources, ReplicaSets). */
    objectsPerPod: z.number().min(0).max(1000).optional(),
    /** Agents on each node that hold connections of their own to the API (CNI, log shipper, monitoring). */
    agentsPerNode: z.int().min(0).max(100).optional(),
    /** Clients that list a whole resource at once, each about once a minute. */
    bulkListers: z.int().min(0).max(10_000).optional(),
    /** Those of them that are known by name. */
    bulkListerSubjects: z.array(BulkLister).default([]),
  })
  .superRefine((workload, context) => {
    for (const [path, message] of contradictions(workload)) context.addIssue({ code: "custom", path: [path], message });
  });

export type Workload = z.input<typeof Workload>;
type Parsed = z.output<typeof Workload>;
export type BulkLister = z.output<typeof BulkLister>;

function contradictions(w: Parsed): [string, string][] {
  const found: [string, string][] = [];
  const room = w.nodes * w.podsPerNode;
  if (w.pods !== undefined && w.pods > room) {
    found.push([
      "pods",
      `${w.pods} pods do not fit ${w.nodes} nodes of ${w.podsPerNode} pods each (${room}); take fewer pods, or raise nodes or podsPerNode`,
    ]);
  }
  if (w.servicesPerNamespace !== undefined && w.services !== undefined && w.servicesPerNamespace > w.services) {
    found.push([
      "servicesPerNamespace",
      `${w.servicesPerNamespace} is more than the ${w.services} services of the cluster`,
    ]);
  }
  if (w.podsPerNamespace !== undefined && w.pods !== undefined && w.podsPerNamespace > w.pods) {
    found.push(["podsPerNamespace", `${w.podsPerNamespace} is more than the ${w.pods} pods of the cluster`]);
  }
  for (const [index, subject] of w.bulkListerSubjects.entries()) {
    if (subject.kind === "ServiceAccount" && !subject.namespace)
      found.push(["bulkListerSubjects", `item ${index}: a service account needs its namespace`]);
  }
  return found;
}

/** The figures of a workload, all of them filled in. */
export const figures = [
  "nodes",
  "pods",
  "podsPerNode",
  "coresPerNode",
  "memoryPerNodeGiB",
  "services",
  "endpointsPerService",
  "namespaces",
  "servicesPerNamespace",
  "podsPerNamespace",
  "churnPodsPerSecond",
  "eventsPerSecond",
  "objectsPerPod",
  "agentsPerNode",
  "bulkListers",
] as const;
export type Figure = (typeof figures)[number];
export type ResolvedWorkload = Readonly<Record<Figure, number>> & {
  readonly bulkListerSubjects: readonly BulkLister[];
};

export interface Assumption {
  readonly meaning: string;
  readonly unit: string;
  /** The default in words. */
  readonly fallback: string;
  readonly reason: string;
  readonly value: (known: Readonly<Record<Figure, number>>) => number;
}

const thresholds =
  "https://github.com/kubernetes/community/blob/master/sig-scalability/configs-and-limits/thresholds.md";
const loadTest = "https://github.com/kubernetes/perf-tests/blob/master/clusterloader2/testing/load/config.yaml";

/** Defaults in the order they are filled in: each may use those before it. */
export const assumptions: Readonly<Record<Figure, Assumption>> = {
  nodes: {
    meaning: "worker nodes",
    unit: "nodes",
    fallback: "1300",
    reason: "the size of the production clusters this project was made for",
    value: () => 1300,
  },
  podsPerNode: {
    meaning: "most pods on one node",
    unit: "pods",
    fallback: "110",
    reason: `upstream's tested limit, ${thresholds}`,
    value: () => 110,
  },
  pods: {
    meaning: "pods in the cluster",
    unit: "pods",
    fallback: "30 a node up to 5,000 nodes, 10 more for each node above, at most what the nodes hold",
    reason: `30 a node is upstream's load test (${loadTest}) and gives its tested 150,000 at 5,000; 200,000 at 10,000 is Alibaba's published cluster (https://www.alibabacloud.com/blog/595469)`,
    value: (k) => Math.min(k.nodes * k.podsPerNode, 30 * Math.min(k.nodes, 5000) + 10 * Math.max(0, k.nodes - 5000)),
  },
  coresPerNode: {
    meaning: "logical CPUs of a node",
    unit: "CPUs",
    fallback: "16",
    reason: "enough for 110 pods by upstream's limit of 10 pods a core",
    value: () => 16,
  },
  memoryPerNodeGiB: {
    meaning: "memory of a node",
    unit: "GiB",
    fallback: "4 for each core",
    reason: "the ratio of general-purpose instances",
    value: (k) => 4 * k.coresPerNode,
  },
  services: {
    meaning: "Services",
    unit: "services",
    fallback: "one for 20 pods, at least 10",
    reason: `7,500 at the 150,000 pods of upstream's limit, below its 10,000 services (${thresholds})`,
    value: (k) => Math.max(10, Math.ceil(k.pods / 20)),
  },
  endpointsPerService: {
    meaning: "endpoints of an average Service",
    unit: "endpoints",
    fallback: "pods / services",
    reason: "every pod serves in one Service",
    value: (k) => (k.services === 0 ? 0 : Math.ceil(k.pods / k.services)),
  },
  namespaces: {
    meaning: "namespaces",
    unit: "namespaces",
    fallback: "one for 1,000 pods, at least 4",
    reason: `a third of upstream's 3,000 pods a namespace (${thresholds})`,
    value: (k) => Math.max(4, Math.ceil(k.pods / 1000)),
  },
  servicesPerNamespace: {
    meaning: "Services in the fullest namespace",
    unit: "services",
    fallback: "2 x services / namespaces",
    reason: "uneven tenants: twice the mean",
    value: (k) => Math.min(k.services, Math.ceil((2 * k.services) / k.namespaces)),
  },
  podsPerNamespace: {
    meaning: "pods in the fullest namespace",
    unit: "pods",
    fallback: "2 x pods / namespaces",
    reason: "uneven tenants: twice the mean",
    value: (k) => Math.min(k.pods, Math.ceil((2 * k.pods) / k.namespaces)),
  },
  churnPodsPerSecond: {
    meaning: "pods created per second, sustained",
    unit: "pods/s",
    fallback: "pods / 7,500 s, at most 20",
    reason:
      "20 a second is the most for which upstream states its objectives, reached at its 150,000 pods (https://github.com/kubernetes/community/blob/master/sig-scalability/slos/slos.md)",
    value: (k) => Math.min(20, k.pods / 7500),
  },
  eventsPerSecond: {
    meaning: "events written per second, sustained",
    unit: "events/s",
    fallback: "7 for each pod created, and one a node every 200 s",
    reason:
      "a pod's life writes about 7 (Scheduled, Pulling, Pulled, Created, Started, Killing, one of its owner); the rest is probes and node events (assumption)",
    value: (k) => 7 * k.churnPodsPerSecond + k.nodes / 200,
  },
  objectsPerPod: {
    meaning: "other objects kept for each pod",
    unit: "objects",
    fallback: "1",
    reason:
      "ReplicaSets, ConfigMaps, Secrets and custom resources together (assumption; count yours with apiserver_storage_objects)",
    value: () => 1,
  },
  agentsPerNode: {
    meaning: "agents on a node with connections of their own to the API",
    unit: "agents",
    fallback: "3",
    reason: "CNI, monitoring, log shipper (assumption)",
    value: () => 3,
  },
  bulkListers: {
    meaning: "clients that list a whole resource at once, about once a minute",
    unit: "clients",
    fallback: "10",
    reason: "scripts and old controllers (assumption); find yours in the audit log",
    value: () => 10,
  },
};

/** Fills in what the workload leaves open. @throws ZodError with every problem at once. */
export function resolveWorkload(input: Workload): ResolvedWorkload {
  const given = Workload.parse(input);
  const known = {} as Record<Figure, number>;
  for (const figure of Object.keys(assumptions) as Figure[])
    known[figure] = given[figure] ?? assumptions[figure].value(known);
  return { ...known, bulkListerSubjects: given.bulkListerSubjects };
}
