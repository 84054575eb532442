/** Derived: how often the cluster writes, and how many bytes it sends to watchers. */
import { type Book, rounded } from "./book";
import { constants as c } from "./constants";
import type { Rates } from "./types";

const slos = "https://github.com/kubernetes/community/blob/master/sig-scalability/slos/slos.md";

export function deriveRates(book: Book): Rates {
  const w = book.workload;
  const rate = (name: string, value: number, formula: string, inputs: readonly string[], source: string) =>
    book.derive(`rates.${name}`, { value: rounded(value), unit: "writes/s", formula, inputs, source });
  return {
    leaseWritesPerSecond: rate(
      "leaseWritesPerSecond",
      w.nodes / c.leaseRenewSeconds.value,
      "each node renews its Lease every 10 s",
      ["workload.nodes", "constants.leaseRenewSeconds"],
      c.leaseRenewSeconds.source,
    ),
    nodeStatusWritesPerSecond: rate(
      "nodeStatusWritesPerSecond",
      w.nodes / c.nodeStatusSeconds.value,
      "each node reports its status every 5 min",
      ["workload.nodes", "constants.nodeStatusSeconds"],
      c.nodeStatusSeconds.source,
    ),
    podWritesPerSecond: rate(
      "podWritesPerSecond",
      w.churnPodsPerSecond * c.writesPerPodLife.value,
      "pods created per second x writes in a pod's life",
      ["workload.churnPodsPerSecond", "constants.writesPerPodLife"],
      slos,
    ),
    sliceWritesPerSecond: rate(
      "sliceWritesPerSecond",
      w.services === 0 ? 0 : w.churnPodsPerSecond * c.sliceWritesPerPod.value,
      "pods created per second x 2 EndpointSlice changes (start, stop); none without services",
      ["workload.churnPodsPerSecond", "workload.services", "constants.sliceWritesPerPod"],
      c.sliceWritesPerPod.source,
    ),
    eventWritesPerSecond: rate(
      "eventWritesPerSecond",
      w.eventsPerSecond,
      "the workload's events",
      ["workload.eventsPerSecond"],
      "assumption eventsPerSecond",
    ),
    otherWritesPerSecond: rate(
      "otherWritesPerSecond",
      w.churnPodsPerSecond * w.objectsPerPod,
      "pods created per second x other objects of a pod",
      ["workload.churnPodsPerSecond", "workload.objectsPerPod"],
      "assumption objectsPerPod",
    ),
    watchEgressGbit: watchEgress(book),
    connections: book.derive("rates.connections", {
      value: w.nodes * (c.connectionsPerNode.value + w.agentsPerNode) + w.bulkListers,
      unit: "connections",
      formula: "nodes x (kubelet, kube-proxy and the agents) + bulk listers",
      inputs: ["workload.nodes", "workload.agentsPerNode", "workload.bulkListers", "constants.connectionsPerNode"],
      source: c.connectionsPerNode.source,
    }),
  };
}

/** Every change of an EndpointSlice goes to the kube-proxy of every node: the largest stream of a big cluster. */
function watchEgress(book: Book): number {
  const w = book.workload;
  const sliceBytes = c.sliceBytes.value + Math.min(100, w.endpointsPerService) * c.endpointBytes.value;
  const slices = w.services === 0 ? 0 : w.churnPodsPerSecond * c.sliceWritesPerPod.value * sliceBytes * w.nodes;
  const pods = w.churnPodsPerSecond * c.writesPerPodLife.value * c.podBytes.value * 4;
  return book.derive("rates.watchEgressGbit", {
    value: rounded(((slices + pods) * 8) / 1e9, 5),
    unit: "Gbit/s",
    formula:
      "EndpointSlice changes x size of a slice (at most 100 endpoints) x nodes, and pod changes to 4 watchers of all pods",
    inputs: [
      "rates.sliceWritesPerSecond",
      "workload.endpointsPerService",
      "workload.nodes",
      "constants.endpointBytes",
      "constants.sliceBytes",
      "constants.podBytes",
      "rates.podWritesPerSecond",
    ],
    source: "https://github.com/kubernetes/enhancements/blob/master/keps/sig-network/0752-endpointslices/README.md",
    knownToNodes: 5000,
  });
}
