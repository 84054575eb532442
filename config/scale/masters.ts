/** Derived: how many masters, and how large each is. */
import { instanceNamed } from "../instances";
import { type Book, ladder, rounded } from "./book";
import { constants as c } from "./constants";
import { deriveInstance } from "./host";
import type { MastersScale, Rates, ScaleOptions } from "./types";

const kubeUp = "kubernetes/kubernetes cluster/gce/config-common.sh";

/** kube-up's single master: vCPU by nodes. Its smallest sizes (1 for 5 nodes) are too small for three components and TLS: 2 at least. */
const vcpuLadder = [
  { above: 0, use: 2 },
  { above: 10, use: 4 },
  { above: 100, use: 8 },
  { above: 250, use: 16 },
  { above: 500, use: 32 },
  { above: 3000, use: 64 },
];

/** Left after the loss of the zone that holds most of them. */
export const survivorsOf = (count: number, zones: number): number => count - Math.ceil(count / zones);

export function deriveMasters(
  book: Book,
  rates: Rates,
  options: ScaleOptions & { readonly zones: number },
): MastersScale {
  const w = book.workload;
  const vcpus = book.derive("masters.vcpus", {
    value: ladder(w.nodes, vcpuLadder),
    unit: "vCPU",
    formula: "kube-up's ladder by nodes: 4 above 10, 8 above 100, 16 above 250, 32 above 500, 64 above 3,000; 2 below",
    inputs: ["workload.nodes"],
    source: kubeUp,
    knownToNodes: 5000,
  });
  const needed = neededMasters(book, rates, options.zones, vcpus);
  const count = book.derive("masters.count", {
    value:
      options.masters ??
      Math.max(
        needed,
        ladder(w.nodes, [
          { above: 0, use: 3 },
          { above: 100, use: 5 },
          { above: 1000, use: 11 },
        ]),
      ),
    unit: "masters",
    formula:
      options.masters === undefined
        ? "3, 5 above 100 nodes, 11 above 1,000 (the practice this project comes from), never fewer than needed"
        : "as configured",
    inputs: ["workload.nodes", "masters.needed"],
    source:
      "the large-cluster article's 11 masters for 1,300 nodes; capacity alone needs fewer. More masters shorten reads (https://github.com/kubernetes/test-infra/pull/37662) and lose fewer clients with each",
    knownToNodes: 5000,
  });
  const survivors = book.derive("masters.survivors", {
    value: Math.max(1, survivorsOf(count, options.zones)),
    unit: "masters",
    formula: "masters less the fullest zone's, ceil(masters / zones)",
    inputs: ["masters.count", "options.zones"],
    source: "own rule: the loss of one zone is planned for",
  });
  const nodesPerMaster = book.derive("masters.nodesPerMaster", {
    value: Math.ceil(w.nodes / count),
    unit: "nodes",
    formula: "nodes / masters: the clients that move when one master goes",
    inputs: ["workload.nodes", "masters.count"],
    source: "own rule",
  });
  const apiserver = apiserverMemory(book, survivors);
  const memoryGiB = book.derive("masters.memoryGiB", {
    value: rounded(apiserver + 2 * informerMemory(book) + 2, 1),
    unit: "GiB",
    formula: "API server + controller manager + scheduler + 2 GiB for the host",
    inputs: ["apiserver.memoryGiB", "masters.informerGiB"],
    source: "own sum; replaces --target-ram-mb (kube-up: 60 MB a node), which no longer exists",
  });
  const networkGbit = book.derive("masters.networkGbit", {
    value: rounded(rates.watchEgressGbit / survivors / c.networkUse.value),
    unit: "Gbit/s",
    formula: "watch traffic / masters left without a zone / planned share of the NIC",
    inputs: ["rates.watchEgressGbit", "masters.survivors", "constants.networkUse"],
    source: c.networkUse.source,
  });
  const none = (name: string, unit: string) =>
    book.derive(`masters.${name}`, {
      value: 0,
      unit,
      formula: "none: masters keep no state",
      inputs: [],
      source: "own rule",
    });
  const need = {
    vcpus,
    memoryGiB,
    networkGbit,
    nvmeDisks: none("nvmeDisks", "disks"),
    diskGiB: none("diskGiB", "GiB"),
  };
  const chosen = deriveInstance(book, "masters", need, options.masterInstance);
  return { count, needed, survivors, nodesPerMaster, ...need, ...chosen };
}

/** Fewest masters whose rest, after the loss of a zone, has the CPU and the bandwidth. At least one a zone, three at least. */
function neededMasters(book: Book, rates: Rates, zones: number, vcpus: number): number {
  const w = book.workload;
  const load = c.anchorVcpus.value * Math.max(w.nodes / c.anchorNodes.value, w.pods / c.anchorPods.value);
  const nic =
    instanceNamed(`m7i.${vcpus >= 64 ? "16xlarge" : vcpus >= 32 ? "8xlarge" : "4xlarge"}`)?.networkGbit ?? 12.5;
  const short = (left: number) => left * vcpus < load || left * nic * c.networkUse.value < rates.watchEgressGbit;
  let count = Math.max(3, zones);
  while (count < 1000 && zones > 1 && short(survivorsOf(count, zones))) count++;
  return book.derive("masters.needed", {
    value: count,
    unit: "masters",
    formula:
      "fewest, one a zone and 3 at least, whose rest after the loss of a zone has 64 vCPU x the larger of nodes / 5,000 and pods / 150,000, and the watch traffic at half its NIC",
    inputs: [
      "workload.nodes",
      "workload.pods",
      "masters.vcpus",
      "rates.watchEgressGbit",
      "options.zones",
      "constants.anchorVcpus",
      "constants.anchorNodes",
      "constants.anchorPods",
      "constants.networkUse",
    ],
    source: `${kubeUp}; https://kubernetes.io/docs/setup/best-practices/cluster-large/ (one or two a zone, grow vertically first)`,
    knownToNodes: 5000,
  });
}

/** Memory of one API server, with headroom. */
function apiserverMemory(book: Book, survivors: number): number {
  const w = book.workload;
  const objects = Math.max(w.nodes / c.anchorNodes.value, w.pods / c.anchorPods.value);
  const clients = w.nodes / c.anchorNodes.value / Math.min(2, survivors);
  const steady = 0.5 + c.apiserverFixedGiB.value * objects + c.apiserverSharedGiB.value * clients;
  return book.derive("apiserver.memoryGiB", {
    value: rounded(steady * c.memoryHeadroom.value, 1),
    unit: "GiB",
    formula:
      "(0.5 + 34.5 x the larger of nodes / 5,000 and pods / 150,000 + 28.5 x nodes / 5,000 / 2) x headroom: two masters alone keep serving",
    inputs: [
      "workload.nodes",
      "workload.pods",
      "masters.survivors",
      "constants.apiserverFixedGiB",
      "constants.apiserverSharedGiB",
      "constants.memoryHeadroom",
    ],
    source: c.apiserverFixedGiB.source,
    knownToNodes: 5000,
  });
}

/** Informer caches of the controller manager, and of the scheduler: three times the stored bytes, decoded. */
function informerMemory(book: Book): number {
  const w = book.workload;
  const bytes = w.pods * (c.podBytes.value + w.objectsPerPod * c.objectBytes.value) + w.nodes * c.nodeBytes.value;
  return book.derive("masters.informerGiB", {
    value: rounded(0.5 + (3 * bytes) / 2 ** 30, 1),
    unit: "GiB",
    formula: "0.5 + 3 x the bytes of pods, their objects and nodes",
    inputs: [
      "workload.pods",
      "workload.objectsPerPod",
      "workload.nodes",
      "constants.podBytes",
      "constants.objectBytes",
      "constants.nodeBytes",
    ],
    source: "assumption: decoded objects and indexes take about three times the stored size",
    knownToNodes: 5000,
  });
}
