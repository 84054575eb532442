/** What a real node runs beside kubelet and kube-proxy, and what images are made with. None of it is part of a control plane. */
import type { Binary } from "./binary";

function containerd(name: string, tags: readonly string[] = []): Binary {
  const module = "github.com/containerd/containerd/v2";
  return {
    product: "containerd",
    module,
    goPackage: `${module}/cmd/${name}`,
    tags,
    url: "https://github.com/containerd/containerd/releases/download/v{version}/containerd-static-{version}-linux-{arch}.tar.gz",
    member: `bin/${name}`,
  };
}

/** A plugin is found by the name of its file, which the plan gives it: /opt/cni/bin/bridge is the binary `cni-bridge`. */
function cni(folder: string, name: string): Binary {
  const module = "github.com/containernetworking/plugins";
  return {
    product: "cni-plugins",
    module,
    goPackage: `${module}/plugins/${folder}/${name}`,
    url: `https://github.com/containernetworking/plugins/releases/download/v{version}/cni-plugins-linux-{arch}-v{version}.tgz`,
    member: `./${name}`,
  };
}

/** In the order they are compiled. */
export const nodeBinaries = {
  containerd: containerd("containerd"),
  // As upstream builds it: without gRPC, which its own protocol (ttrpc) replaces. There is a shim for every pod.
  "containerd-shim-runc-v2": containerd("containerd-shim-runc-v2", ["no_grpc"]),
  // The command with which images are imported and looked at where no kubelet runs.
  ctr: containerd("ctr"),
  // The part that enters namespaces before Go starts is C; seccomp profiles need libseccomp.
  runc: {
    product: "runc",
    module: "github.com/opencontainers/runc",
    goPackage: "github.com/opencontainers/runc",
    c: { libraries: ["libc", "libseccomp"] },
    url: "https://github.com/opencontainers/runc/releases/download/v{version}/runc.{arch}",
  },
  "cni-bridge": cni("main", "bridge"),
  "cni-host-local": cni("ipam", "host-local"),
  "cni-loopback": cni("main", "loopback"),
  "cni-portmap": cni("meta", "portmap"),
  crictl: {
    product: "cri-tools",
    module: "sigs.k8s.io/cri-tools",
    goPackage: "sigs.k8s.io/cri-tools/cmd/crictl",
    url: "https://github.com/kubernetes-sigs/cri-tools/releases/download/v{version}/crictl-v{version}-linux-{arch}.tar.gz",
    member: "crictl",
  },
  // Holds the namespaces of a pod: 0.7 MB in C, where a Go runtime for each pod would be 2 MB of memory. Upstream publishes it as an image only.
  pause: {
    product: "kubernetes",
    module: "k8s.io/kubernetes",
    goPackage: "k8s.io/kubernetes/build/pause/linux",
    c: { libraries: ["libc"], file: "pause.c" },
  },
  // Makes images out of these binaries, and pushes them: toolchain/images.
  crane: {
    product: "crane",
    module: "github.com/google/go-containerregistry",
    goPackage: "github.com/google/go-containerregistry/cmd/crane",
    url: "https://github.com/google/go-containerregistry/releases/download/v{version}/go-containerregistry_Linux_{machine}.tar.gz",
    member: "crane",
  },
} as const satisfies Readonly<Record<string, Binary>>;
