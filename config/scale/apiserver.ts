/** Derived: the API server's concurrency and its other settings. */
import { type Book, ladder, rounded } from "./book";
import { constants as c } from "./constants";
import { deriveLevels } from "./levels";
import type { ApiserverScale, MastersScale, Rates } from "./types";

const kubeUp = "kubernetes/kubernetes cluster/gce/gci/configure-kubeapiserver.sh; kubemark start-kubemark-master.sh";
const presets = "kubernetes/test-infra config/jobs/kubernetes/sig-scalability/sig-scalability-presets.yaml";
const reference = "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/";

export function deriveApiserver(
  book: Book,
  rates: Rates,
  masters: MastersScale,
  loadBalanced: boolean,
  drainSeconds: number,
): ApiserverScale {
  const { nodes } = book.workload;
  const limits = concurrency(book, masters);
  return {
    ...limits,
    goawayChance: book.derive("apiserver.goawayChance", {
      value: loadBalanced ? 0.001 : 0,
      unit: "share of requests",
      formula: "0.001 behind a load balancer, 0 for a single server (the flag's maximum is 0.02)",
      inputs: ["options.loadBalanced"],
      source: reference,
    }),
    compactionIntervalSeconds: book.derive("apiserver.compactionIntervalSeconds", {
      value: nodes > 1000 ? 150 : 300,
      unit: "s",
      formula: "150 above 1,000 nodes, 300 (the default) below: less history, a smaller database",
      inputs: ["workload.nodes"],
      source: presets,
    }),
    deleteCollectionWorkers: book.derive("apiserver.deleteCollectionWorkers", {
      value: nodes > 1000 ? 16 : nodes > 100 ? 4 : 1,
      unit: "workers",
      formula: "1 (the default), 4 above 100 nodes, 16 above 1,000",
      inputs: ["workload.nodes"],
      source: presets,
    }),
    eventTtlMinutes: book.derive("apiserver.eventTtlMinutes", {
      value: 60,
      unit: "min",
      formula: "the default at every size: events have their own shard",
      inputs: [],
      source: reference,
    }),
    shutdownDelaySeconds: book.derive("apiserver.shutdownDelaySeconds", {
      value: loadBalanced ? drainSeconds : 0,
      unit: "s",
      formula:
        "10 behind a load balancer: two failed health checks; what the platform says of a load balancer of its own",
      inputs: ["options.loadBalanced", "options.drainSeconds"],
      source: reference,
    }),
    shutdownWatchGraceSeconds: book.derive("apiserver.shutdownWatchGraceSeconds", {
      value: loadBalanced
        ? ladder(masters.nodesPerMaster, [
            { above: 0, use: 5 },
            { above: 100, use: 10 },
            { above: 500, use: 20 },
            { above: 2000, use: 30 },
          ])
        : 0,
      unit: "s",
      formula: "watches end spread over 5 s, 10 above 100 nodes a master, 20 above 500, 30 above 2,000",
      inputs: ["masters.nodesPerMaster", "options.loadBalanced"],
      source: `${reference}; spread chosen by us`,
    }),
    storageInitializationSeconds: book.derive("apiserver.storageInitializationSeconds", {
      value: ladder(nodes, [
        { above: 0, use: 60 },
        { above: 1000, use: 120 },
        { above: 5000, use: 300 },
      ]),
      unit: "s",
      formula: "60 (the default), 120 above 1,000 nodes, 300 above 5,000: filling the watch cache takes longer",
      inputs: ["workload.nodes"],
      source: `${reference}; steps chosen by us`,
      knownToNodes: 5000,
    }),
    tolerationSeconds: book.derive("apiserver.tolerationSeconds", {
      value: 300,
      unit: "s",
      formula:
        "the default: pods leave a lost node after 5 min, as --pod-eviction-timeout=5m said before it was removed",
      inputs: [],
      source: reference,
    }),
    memoryGiB: book.entries.get("apiserver.memoryGiB")?.value as number,
    goMemoryLimitGiB: book.derive("apiserver.goMemoryLimitGiB", {
      value: apiserverMemoryLimit(book, masters),
      unit: "GiB",
      formula: "90 % of what the host has after the controller manager, the scheduler and 2 GiB",
      inputs: ["masters.memoryGiB", "masters.informerGiB"],
      source: "https://go.dev/doc/gc-guide#Memory_limit (leave 5-10 % for what Go does not count)",
    }),
    levels: deriveLevels(book, rates, masters, limits.totalConcurrency),
  };
}

function apiserverMemoryLimit(book: Book, masters: MastersScale): number {
  const informers = book.entries.get("masters.informerGiB")?.value as number;
  return rounded(
    Math.max(
      0.25,
      0.9 * (masters.memoryGiB - Math.min(2, masters.memoryGiB / 4) - Math.min(2 * informers, masters.memoryGiB / 4)),
    ),
    2,
  );
}

/**
 * kube-up set limits for one server that carries everything, so they hold for each of several. Above its last step the
 * demand grows with the nodes, and the masters left after a zone's loss share it.
 */
function concurrency(book: Book, masters: MastersScale) {
  const { nodes } = book.workload;
  const reads = ladder(nodes, [
    { above: 0, use: 400 },
    { above: 500, use: 1500 },
    { above: 3000, use: 3000 },
  ]);
  const writes = ladder(nodes, [
    { above: 0, use: 200 },
    { above: 500, use: 500 },
    { above: 3000, use: 1000 },
  ]);
  const demand =
    (c.anchorSeats.value * Math.max(0, nodes - c.anchorNodes.value)) / c.anchorNodes.value + c.anchorSeats.value;
  const share = nodes > c.anchorNodes.value ? Math.ceil(demand / masters.survivors / 100) * 100 : 0;
  const inputs = ["workload.nodes", "masters.survivors", "constants.anchorSeats", "constants.anchorNodes"];
  const tail =
    "; above 5,000 also at least this server's share of 4,000 seats x nodes / 5,000 over the masters left without a zone";
  const maxRequestsInflight = book.derive("apiserver.maxRequestsInflight", {
    value: Math.max(reads, (share * 3) / 4),
    unit: "requests",
    formula: `400 (the default), 1,500 above 500 nodes, 3,000 above 3,000, for each server${tail} (3 of 4 for reads)`,
    inputs,
    source: kubeUp,
    knownToNodes: 5000,
  });
  const maxMutatingRequestsInflight = book.derive("apiserver.maxMutatingRequestsInflight", {
    value: Math.max(writes, share / 4),
    unit: "requests",
    formula: `200 (the default), 500 above 500 nodes, 1,000 above 3,000, for each server${tail} (1 of 4 for writes)`,
    inputs,
    source: kubeUp,
    knownToNodes: 5000,
  });
  const totalConcurrency = book.derive("apiserver.totalConcurrency", {
    value: maxRequestsInflight + maxMutatingRequestsInflight,
    unit: "seats",
    formula: "both limits together: priority and fairness shares out their sum",
    inputs: ["apiserver.maxRequestsInflight", "apiserver.maxMutatingRequestsInflight"],
    source: reference,
  });
  return { maxRequestsInflight, maxMutatingRequestsInflight, totalConcurrency };
}
