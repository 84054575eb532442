/** Derived: kubelet and kube-proxy. */
import type { Book } from "./book";
import { constants as c } from "./constants";
import type { KernelScale, NodeScale, Scale } from "./types";

const kubelet = "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/";
const proxy = "https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/";
const reserved = "awslabs/amazon-eks-ami nodeadm/internal/kubelet/config.go";

/** CPU for the node's own programs: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. */
const reservedMilliCpu = (cores: number): number =>
  Math.ceil(60 + (cores > 1 ? 10 : 0) + 5 * Math.max(0, Math.min(cores, 4) - 2) + 2.5 * Math.max(0, cores - 4));

/** Memory for the node's own programs, MiB: they keep something for each pod. */
const reservedMiB = (pods: number): number => 255 + 11 * pods;

/** The same node with fewer pods, or another mode of kube-proxy. */
export function nodeWith(scale: Scale, own: Pick<NodeScale, "maxPods" | "proxyMode">): Scale {
  return { ...scale, node: { ...scale.node, ...own, kubeReservedMiB: reservedMiB(own.maxPods) } };
}

export function deriveNode(book: Book, kernel: KernelScale, proxyMode: string): NodeScale {
  const w = book.workload;
  const put = book.below("node");
  const backends = w.services * w.endpointsPerService;
  return {
    maxPods: put("maxPods", w.podsPerNode, "pods", "the workload's pods a node", kubelet, ["workload.podsPerNode"]),
    kubeReservedMilliCpu: put(
      "kubeReservedMilliCpu",
      reservedMilliCpu(w.coresPerNode),
      "milli-CPU",
      "6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest",
      reserved,
      ["workload.coresPerNode"],
    ),
    kubeReservedMiB: put("kubeReservedMiB", reservedMiB(w.podsPerNode), "MiB", "255 + 11 for each pod", reserved, [
      "workload.podsPerNode",
    ]),
    parallelImagePulls: put(
      "parallelImagePulls",
      10,
      "pulls",
      "10, as the runtime's max-concurrent-downloads; serializeImagePulls is off",
      "https://openai.com/index/scaling-kubernetes-to-2500-nodes",
    ),
    apiQps: put("apiQps", 50, "requests/s", "the default (burst 100)", kubelet),
    statusUpdateSeconds: put("statusUpdateSeconds", 10, "s", "the default", kubelet),
    statusReportSeconds: put(
      "statusReportSeconds",
      c.nodeStatusSeconds.value,
      "s",
      "the default. Always written: once statusUpdate is set, the kubelet takes it for the report too, which is 30 times the writes",
      "kubernetes/kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go",
      ["constants.nodeStatusSeconds"],
    ),
    podPids: put(
      "podPids",
      4096,
      "processes",
      "4,096 in a pod: thousands of threads of a large program, a tenth of a percent of what a node has (kernel.pid_max 4,194,304)",
      "https://kubernetes.io/docs/concepts/policy/pid-limiting/; own choice",
    ),
    leaseSeconds: put("leaseSeconds", 40, "s", "the default: renewed every 10 s", kubelet),
    proxyMode: put(
      "proxyMode",
      proxyMode,
      "",
      "as configured; ipvs by default (deprecated since Kubernetes 1.35, nftables follows it)",
      "https://github.com/kubernetes/enhancements/issues/5495",
      ["options.proxyMode"],
    ),
    proxyMinSyncSeconds: put(
      "proxyMinSyncSeconds",
      Math.min(10, Math.max(1, Math.ceil(backends / 30_000))),
      "s",
      "1 for each 30,000 endpoints begun, 1 to 10: a node rewrites its rules at most this often",
      `${proxy}; steps chosen by us`,
      ["workload.services", "workload.endpointsPerService"],
    ),
    conntrackPerCore: put(
      "conntrackPerCore",
      Math.floor(kernel.conntrack.node / w.coresPerNode),
      "entries",
      "the node's table / cores, so that kube-proxy sets what the kernel settings say",
      proxy,
      ["kernel.conntrack.node", "workload.coresPerNode"],
    ),
    conntrackMin: put("conntrackMin", kernel.conntrack.node, "entries", "the node's table", proxy, [
      "kernel.conntrack.node",
    ]),
  };
}
