/** Constants of the model: figures from others, each with its source. "assumption" marks our own, to be replaced by a measurement. */

export interface Constant {
  readonly value: number;
  readonly unit: string;
  readonly meaning: string;
  readonly source: string;
}

const kubeUp = "kubernetes/kubernetes cluster/gce/config-common.sh and cluster/gce/gci/configure-kubeapiserver.sh";
const haTest =
  "https://github.com/kubernetes/test-infra/pull/37662 (5,000 nodes; 1 apiserver 63 GB, 3 apiservers 44 GB each)";
const hardware = "https://etcd.io/docs/v3.6/op-guide/hardware/";
const sizes =
  "https://github.com/kubernetes/community/blob/master/sig-scalability/configs-and-limits/thresholds.md (1.5 GB and 150,000 objects a type: 10 kB each)";

export const constants = {
  leaseRenewSeconds: {
    value: 10,
    unit: "s",
    meaning: "a kubelet renews its Lease at a quarter of nodeLeaseDurationSeconds (40 s)",
    source:
      "kubernetes/kubernetes pkg/kubelet/kubelet.go; 13,000 renewals/s at 130,000 nodes agree: https://cloud.google.com/blog/products/containers-kubernetes/how-we-built-a-130000-node-gke-cluster",
  },
  nodeStatusSeconds: {
    value: 300,
    unit: "s",
    meaning: "a kubelet reports an unchanged status (nodeStatusReportFrequency)",
    source: "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/",
  },
  writesPerPodLife: {
    value: 8,
    unit: "writes",
    meaning: "writes to a pod object from create to delete (create, bind, 4 status changes, delete, final delete)",
    source: "assumption",
  },
  sliceWritesPerPod: {
    value: 2,
    unit: "writes",
    meaning: "EndpointSlice changes for a pod that starts and stops, without batching",
    source: "assumption, the worst case",
  },
  podBytes: { value: 10_000, unit: "bytes", meaning: "stored size of a pod", source: sizes },
  nodeBytes: {
    value: 15_000,
    unit: "bytes",
    meaning: "stored size of a node with its image list",
    source: "assumption",
  },
  objectBytes: { value: 4000, unit: "bytes", meaning: "stored size of another object", source: "assumption" },
  eventBytes: { value: 1000, unit: "bytes", meaning: "stored size of an event", source: "assumption" },
  leaseBytes: { value: 500, unit: "bytes", meaning: "stored size of a Lease", source: "assumption" },
  endpointBytes: {
    value: 200,
    unit: "bytes",
    meaning: "one endpoint in an EndpointSlice, protobuf",
    source: "assumption",
  },
  sliceBytes: { value: 500, unit: "bytes", meaning: "an EndpointSlice without endpoints", source: "assumption" },
  fragmentation: {
    value: 2,
    unit: "ratio",
    meaning: "database file against live bytes and history",
    source:
      "calibrated: the model gives 5.3 GiB at 5,000 nodes, where upstream's test saw 5.3 to 6.5 GB (https://github.com/kubernetes/test-infra/issues/37360)",
  },
  apiserverFixedGiB: {
    value: 34.5,
    unit: "GiB",
    meaning:
      "apiserver memory at 5,000 nodes and 150,000 pods that does not shrink with more masters (watch cache): 63 - 28.5",
    source: haTest,
  },
  apiserverSharedGiB: {
    value: 28.5,
    unit: "GiB",
    meaning: "apiserver memory at 5,000 nodes that divides over the masters (clients): (63 - 44) x 3/2",
    source: haTest,
  },
  memoryHeadroom: {
    value: 1.5,
    unit: "ratio",
    meaning: "memory limit against the steady state: lists, relists after a restart, garbage collection",
    source:
      "assumption; OpenAI saw up to 70 GB at 7,500 nodes with 5 servers, the model gives 62 GB before the headroom (https://openai.com/index/scaling-kubernetes-to-7500-nodes)",
  },
  anchorNodes: {
    value: 5000,
    unit: "nodes",
    meaning: "size of upstream's largest tested cluster",
    source: "https://kubernetes.io/docs/setup/best-practices/cluster-large/",
  },
  anchorPods: {
    value: 150_000,
    unit: "pods",
    meaning: "pods of upstream's largest tested cluster",
    source: "https://kubernetes.io/docs/setup/best-practices/cluster-large/",
  },
  anchorVcpus: { value: 64, unit: "vCPU", meaning: "kube-up's single master at 5,000 nodes", source: kubeUp },
  anchorSeats: {
    value: 4000,
    unit: "seats",
    meaning: "kube-up's concurrency of a single master above 3,000 nodes (3000 + 1000)",
    source: kubeUp,
  },
  networkUse: {
    value: 0.5,
    unit: "ratio",
    meaning: "share of a NIC's bandwidth planned for steady traffic",
    source: "assumption: room for relists and a lost peer",
  },
  heartbeatSeconds: {
    value: 0.05,
    unit: "s",
    meaning: "time that a Lease renewal holds a seat",
    source: "assumption; upstream's objective is p99 below 1 s",
  },
  hoursPerMonth: {
    value: 730,
    unit: "h",
    meaning: "hours of a month, for prices",
    source: "8,760 h of a year / 12, as the AWS Pricing Calculator has it",
  },
  etcdRequestsPerWrite: {
    value: 2,
    unit: "ratio",
    meaning:
      "requests that a shard answers for each write: one read beside it; API servers answer the others from their watch cache",
    source: "assumption; yours: grpc_server_started_total of a member",
  },
  etcdDefaultQuotaGiB: {
    value: 8,
    unit: "GiB",
    meaning: "largest database that etcd suggests; it warns above",
    source: "etcd-io/etcd server/storage/quota.go",
  },
  etcdQuotaUse: {
    value: 0.7,
    unit: "ratio",
    meaning: "share of the quota planned for; the rest is for bursts and a late defragmentation",
    source: "assumption",
  },
  etcdLargeVcpus: {
    value: 16,
    unit: "vCPU",
    meaning: "etcd host for 3,000 nodes, the table's last row",
    source: hardware,
  },
  etcdMaxVcpus: {
    value: 32,
    unit: "vCPU",
    meaning: "largest etcd host planned: writes are applied one after the other, more load means more shards",
    source:
      "https://aws.amazon.com/blogs/containers/under-the-hood-amazon-eks-ultra-scale-clusters/ (partitioned keys)",
  },
  conntrackEntryBytes: {
    value: 320,
    unit: "bytes",
    meaning: "kernel memory of a tracked connection",
    source: "https://www.kernel.org/doc/html/latest/networking/nf_conntrack-sysctl.html (sizes), slab nf_conntrack",
  },
  conntrackMemoryShare: {
    value: 0.02,
    unit: "ratio",
    meaning: "share of a host's memory that tracked connections may take",
    source: "assumption",
  },
  conntrackPerCore: {
    value: 32_768,
    unit: "entries",
    meaning: "kube-proxy's default conntrack.maxPerCore",
    source: "https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/",
  },
  conntrackMin: {
    value: 131_072,
    unit: "entries",
    meaning: "kube-proxy's default conntrack.min",
    source: "https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/",
  },
  connectionsPerPod: {
    value: 2000,
    unit: "connections",
    meaning: "connections tracked for a busy pod",
    source: "assumption",
  },
  sourcePorts: {
    value: 55_296,
    unit: "ports",
    meaning: "source ports from which the load balancer can connect to one master: 10,240 to 65,535",
    source: "https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html (ip_local_port_range)",
  },
  haproxyOwnFiles: {
    value: 1024,
    unit: "files",
    meaning: "descriptors of haproxy beside its connections: listeners, a check for each master, three for each thread",
    source: "measured: 40 with 11 masters and 2 threads (haproxy 2.6); the rest is for more threads",
  },
  haproxyFileBytes: {
    value: 168,
    unit: "bytes",
    meaning: "what haproxy allocates at its start for each descriptor that it may have",
    source: "measured with haproxy 2.6 between 2,000 and 19,000 descriptors",
  },
  haproxyConnectionBytes: {
    value: 34_000,
    unit: "bytes",
    meaning: "a connection of haproxy with both of its buffers at work; an idle one needs neither",
    source: "https://docs.haproxy.org/3.0/configuration.html#3.2-tune.bufsize (16 KiB each way)",
  },
  connectionsPerNode: {
    value: 2,
    unit: "connections",
    meaning: "HTTP/2 connections of kubelet and kube-proxy",
    source: "k8s.io/client-go: one connection a transport",
  },
} as const satisfies Readonly<Record<string, Constant>>;
