/** Every binary a host can run: the product whose version it follows, the Go package it is compiled from, its official download. */
import type { Binary } from "./binary";
import { nodeBinaries } from "./node-binaries";

/** etcd publishes one archive with all three programs. */
function etcd(name: string, module: string): Binary {
  return {
    product: "etcd",
    module,
    goPackage: module,
    url: "https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-linux-{arch}.tar.gz",
    member: `etcd-v{version}-linux-{arch}/${name}`,
  };
}

function kubernetes(name: string): Binary {
  return {
    product: "kubernetes",
    module: "k8s.io/kubernetes",
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    url: `https://dl.k8s.io/release/v{version}/bin/linux/{arch}/${name}`,
  };
}

/** In the order they are compiled: what a lab waits for comes first. */
export const binaries = {
  etcd: etcd("etcd", "go.etcd.io/etcd/server/v3"),
  etcdctl: etcd("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
  etcdutl: etcd("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
  "kube-apiserver": kubernetes("kube-apiserver"),
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  kubectl: kubernetes("kubectl"),
  kwok: {
    product: "kwok",
    module: "sigs.k8s.io/kwok",
    goPackage: "sigs.k8s.io/kwok/cmd/kwok",
    url: "https://github.com/kubernetes-sigs/kwok/releases/download/v{version}/kwok-linux-{arch}",
  },
  // Where etcd is backed up: what puts snapshots into the store.
  restic: {
    product: "restic",
    module: "github.com/restic/restic",
    goPackage: "github.com/restic/restic/cmd/restic",
    url: "https://github.com/restic/restic/releases/download/v{version}/restic_{version}_linux_{arch}.bz2",
  },
  // The store of backups on a platform that has none of its own, and the bucket of a rehearsal.
  versitygw: {
    product: "versitygw",
    module: "github.com/versity/versitygw",
    goPackage: "github.com/versity/versitygw/cmd/versitygw",
    url: "https://github.com/versity/versitygw/releases/download/v{version}/versitygw_v{version}_Linux_{machine}.tar.gz",
    member: "versitygw_v{version}_Linux_{machine}/versitygw",
  },
  kubelet: kubernetes("kubelet"),
  "kube-proxy": kubernetes("kube-proxy"),
  kubeadm: kubernetes("kubeadm"),
  ...nodeBinaries,
} as const satisfies Readonly<Record<string, Binary>>;

export type BinaryName = keyof typeof binaries;

/** What a whole cluster runs, simulated nodes included. kubeadm is known but not needed: Kilonode writes the static pods itself. */
export const defaultBinaries = [
  "etcd",
  "etcdctl",
  "etcdutl",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubectl",
  "kwok",
  "kubelet",
  "kube-proxy",
] as const satisfies readonly BinaryName[];

/** What a real node runs. Made only where a plan has one. */
export const realNodeBinaries = [
  "kubelet",
  "kube-proxy",
  "containerd",
  "containerd-shim-runc-v2",
  "runc",
  "cni-bridge",
  "cni-host-local",
  "cni-loopback",
  "cni-portmap",
  "crictl",
] as const satisfies readonly BinaryName[];
