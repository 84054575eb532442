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
  kubelet: 10250,
} as const;
