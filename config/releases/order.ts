/** The order of an upgrade: each stage is done on every host before the next begins. Downgrades would need the reverse; steps.ts refuses them. */
import type { BinaryName } from "./binaries";

export interface Stage {
  readonly binaries: readonly BinaryName[];
  readonly because: string;
  readonly source: string;
}

const skewPolicy = "https://kubernetes.io/releases/version-skew-policy/";

export const upgradeOrder: readonly Stage[] = [
  {
    binaries: ["etcd"],
    because: "an API server may need what only the etcd it was released with has; older ones work with the newer etcd",
    source:
      "https://github.com/kubernetes/kubernetes/blob/v1.37.2/cmd/kubeadm/app/phases/upgrade/staticpods.go: etcd upgrade is done prior to other control plane components",
  },
  {
    binaries: ["kube-apiserver"],
    because: "nothing may be newer than the API servers that it talks to, and these must be within one minor version",
    source: skewPolicy,
  },
  {
    binaries: ["kube-controller-manager", "kube-scheduler"],
    because: "they may be one minor version older than the API servers, and must not be newer",
    source: skewPolicy,
  },
  {
    binaries: ["kubelet", "kube-proxy"],
    because: "they may be three minor versions older than the API servers, and must not be newer",
    source: skewPolicy,
  },
];
