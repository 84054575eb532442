/** Derived: controller manager and scheduler. */
import { type Book, rounded } from "./book";
import type { ControllerManagerScale, MastersScale, SchedulerScale } from "./types";

const reference = "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/";
const presets =
  "kubernetes/test-infra config/jobs/kubernetes/sig-scalability/sig-scalability-presets.yaml (100); kubernetes/kops tests/e2e/scenarios/scalability/run-test.sh (500 at 5,000 nodes, 1,000 for DRA)";
const schedulerConfig = "https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/";

/** Upstream's workers by flag (`--concurrent-<name>-syncs`). */
const upstreamWorkers = {
  deployment: 5,
  replicaset: 5,
  statefulset: 5,
  daemonset: 2,
  job: 5,
  "cron-job": 5,
  endpoint: 5,
  "service-endpoint": 5,
  gc: 20,
  namespace: 10,
  "resource-quota": 5,
  "serviceaccount-token": 5,
  "horizontal-pod-autoscaler": 5,
  "ttl-after-finished": 5,
} as const;

export function deriveControllerManager(book: Book, masters: MastersScale): ControllerManagerScale {
  const { nodes, pods } = book.workload;
  const put = <T extends number>(
    name: string,
    value: T,
    unit: string,
    formula: string,
    inputs: readonly string[],
    source: string,
    knownToNodes?: number,
  ): T =>
    book.derive(`controllerManager.${name}`, {
      value,
      unit,
      formula,
      inputs,
      source,
      ...(knownToNodes === undefined ? {} : { knownToNodes }),
    });
  const qps = put(
    "qps",
    Math.max(100, Math.ceil(nodes / 10)),
    "requests/s",
    "a tenth of the nodes, at least 100 (upstream's 20 is for small clusters; it is a limit, not a load)",
    ["workload.nodes"],
    `${presets}; EKS 180 to 500 by tier`,
    5000,
  );
  const factor = put(
    "workerFactor",
    Math.min(10, Math.max(1, Math.ceil(nodes / 1000))),
    "ratio",
    "1 for each 1,000 nodes begun, 1 to 10",
    ["workload.nodes"],
    "own rule, bounded by the request rate; EKS sets job syncs as high as the rate",
    5000,
  );
  const workers = Object.fromEntries(
    Object.entries(upstreamWorkers).map(([name, upstream]) => [
      name,
      put(
        `workers.${name}`,
        Math.min(qps, upstream * factor),
        "workers",
        `upstream's ${upstream} x the worker factor`,
        ["controllerManager.workerFactor", "controllerManager.qps"],
        reference,
      ),
    ]),
  );
  return {
    qps,
    burst: put("burst", qps, "requests", "the rate, as upstream's scale tests", ["controllerManager.qps"], presets),
    workers,
    nodeMonitorPeriodSeconds: put("nodeMonitorPeriodSeconds", 5, "s", "the default", [], reference),
    nodeMonitorGraceSeconds: put(
      "nodeMonitorGraceSeconds",
      50,
      "s",
      "the default since 1.32 (40 before): a Lease's 40 s and one renewal more",
      [],
      reference,
    ),
    nodeStartupGraceSeconds: put("nodeStartupGraceSeconds", 60, "s", "the default", [], reference),
    nodeEvictionsPerSecond: put(
      "nodeEvictionsPerSecond",
      0.1,
      "nodes/s",
      "the default at every size: a slow eviction is what saves a large cluster from a false alarm",
      [],
      reference,
    ),
    secondaryNodeEvictionsPerSecond: put(
      "secondaryNodeEvictionsPerSecond",
      0.01,
      "nodes/s",
      "the default",
      [],
      reference,
    ),
    unhealthyZoneThreshold: put("unhealthyZoneThreshold", 0.55, "ratio", "the default", [], reference),
    largeClusterNodes: put(
      "largeClusterNodes",
      50,
      "nodes",
      "the default: from here on an unhealthy zone is evicted at the secondary rate, below not at all",
      [],
      reference,
    ),
    maxEndpointsPerSlice: put(
      "maxEndpointsPerSlice",
      100,
      "endpoints",
      "the default: larger slices make every change dearer for every node",
      [],
      "https://github.com/kubernetes/enhancements/blob/master/keps/sig-network/0752-endpointslices/README.md",
    ),
    sliceBatchMs: put(
      "sliceBatchMs",
      nodes > 5000 ? 1000 : nodes > 1000 ? 500 : 0,
      "ms",
      "0 (the default), 500 above 1,000 nodes, 1,000 above 5,000: changes of one Service within it reach the nodes once",
      ["workload.nodes"],
      "own rule: watch traffic grows with changes x nodes; the delay stays within upstream's 20 s for network programming",
      5000,
    ),
    terminatedPodThreshold: put(
      "terminatedPodThreshold",
      Math.max(12_500, Math.ceil(pods / 10)),
      "pods",
      "a tenth of the pods, at least 12,500 (the default)",
      ["workload.pods"],
      reference,
      5000,
    ),
    goMemoryLimitGiB: memoryLimit(book, "controllerManager", masters),
  };
}

function memoryLimit(book: Book, component: string, masters: MastersScale): number {
  const informers = book.entries.get("masters.informerGiB")?.value as number;
  return book.derive(`${component}.goMemoryLimitGiB`, {
    value: rounded(Math.max(0.125, Math.min(informers, masters.memoryGiB / 8)), 2),
    unit: "GiB",
    formula: "its informer caches, at most an eighth of the host",
    inputs: ["masters.informerGiB", "masters.memoryGiB"],
    source: "own rule",
  });
}

export function deriveScheduler(book: Book, masters: MastersScale): SchedulerScale {
  const { nodes } = book.workload;
  const qps = book.derive("scheduler.qps", {
    value: Math.max(100, Math.ceil(nodes / 50)),
    unit: "requests/s",
    formula: "a pod needs one binding: 100 for 90 pods/s up to 5,000 nodes, then a fiftieth of the nodes",
    inputs: ["workload.nodes"],
    source: `${presets}; 500 at 5,000 nodes coincided with missed pod start-up times (https://github.com/kubernetes/kops/pull/17942)`,
    knownToNodes: 5000,
  });
  const percentage = book.derive("scheduler.percentageOfNodesToScore", {
    value: 0,
    unit: "%",
    formula: "0: the scheduler takes 50 % less 1 for each 125 nodes, at least 5 %",
    inputs: [],
    source: schedulerConfig,
  });
  const share = Math.max(5, 50 - Math.floor(nodes / 125));
  return {
    qps,
    burst: book.derive("scheduler.burst", {
      value: qps,
      unit: "requests",
      formula: "the rate",
      inputs: ["scheduler.qps"],
      source: presets,
    }),
    parallelism: book.derive("scheduler.parallelism", {
      value: Math.max(16, Math.floor(masters.vcpus / 2)),
      unit: "goroutines",
      formula: "half the master's vCPU, at least 16 (the default)",
      inputs: ["masters.vcpus"],
      source: schedulerConfig,
    }),
    percentageOfNodesToScore: percentage,
    nodesScored: book.derive("scheduler.nodesScored", {
      value: nodes < 100 ? nodes : Math.max(100, Math.floor((nodes * share) / 100)),
      unit: "nodes",
      formula: "all below 100 nodes, else the share above, at least 100",
      inputs: ["workload.nodes", "scheduler.percentageOfNodesToScore"],
      source: "kubernetes/kubernetes pkg/scheduler/schedule_one.go",
    }),
    goMemoryLimitGiB: memoryLimit(book, "scheduler", masters),
  };
}
