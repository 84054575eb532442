/** The releases between which a cluster is upgraded. */
export const older = { kubernetesVersion: "1.36.3", etcdVersion: "3.6.16" };
export const newer = { kubernetesVersion: "1.37.2", etcdVersion: "3.7.3" };
