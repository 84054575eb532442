/** Files that hosts are asked for. */
import type { HostPlan } from "../../../components/plan/types";

/** Where other ways to make a cluster keep what must not be lying about here. */
export const adminKubeconfigs = ["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"];
export const cniFolder = "/etc/cni/net.d";
export const manifestFolder = "/etc/kubernetes/manifests";
/** Where a kubelet's and a kube-proxy's files usually are; the first that is there counts. */
export const kubeletFiles = {
  unit: ["/etc/systemd/system/kubelet.service", "/usr/lib/systemd/system/kubelet.service"],
  kubeconfig: ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeconfig"],
  configuration: ["/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.yaml"],
  authority: ["/etc/kubernetes/pki/kubernetes-ca.crt", "/etc/kubernetes/pki/ca.crt"],
  proxyKubeconfig: ["/var/lib/kube-proxy/kubeconfig", "/etc/kubernetes/kube-proxy.conf"],
};

/** Asked of a host: what its plan puts there, and what only others would have put there. */
export function judgedPaths({ machine }: HostPlan): string[] {
  const units = Object.keys(machine.files).filter((path) => path.endsWith(".service"));
  const foreign = [...adminKubeconfigs, cniFolder, manifestFolder, ...Object.values(kubeletFiles).flat()];
  const volumes = machine.volumes.map(({ mount }) => mount);
  return [...new Set([...Object.keys(machine.directories), ...volumes, ...units, ...foreign])];
}
