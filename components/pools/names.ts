/** Names that the nodes of pools are told apart by. */

/** Each node's label with the name of its pool. */
export const poolLabel = "kilonode.io/pool";

/** The taint of nodes of a protected pool, with the pool's name as its value. */
export const protectedTaint = "kilonode.io/protected";

/** Where the kubelet finds the runtime. */
export const runtimeEndpoints = {
  containerd: "unix:///run/containerd/containerd.sock",
  docker: "unix:///run/cri-dockerd.sock",
} as const;
