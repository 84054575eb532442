/** The ports of a cluster, named once. */
export const ports = {
  ssh: 22,
  apiserver: 6443,
  controllerManager: 10257,
  scheduler: 10259,
  etcdClient: 2379,
  etcdPeer: 2380,
  etcdMetrics: 2381,
  etcdHttp: 2382,
  backupStore: 7070,
  kubelet: 10250,
  /** Of masters: what a load balancer that the platform manages asks. The port that kops' kube-apiserver-healthcheck has. */
  health: 3990,
} as const;
