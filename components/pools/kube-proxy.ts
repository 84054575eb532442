/** kube-proxy of a pool's nodes: configuration, flags, unit. */
import { stringify } from "yaml";
import { type ConfigObject, kubeProxyConfiguration } from "../../config/flags";
import type { PoolConfig } from "../../config/pool";
import { hostFiles, hostServices, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { componentKubeconfig } from "../pki/kubeconfig";
import type { PlanParts } from "../plan/parts";
import { alwaysOn } from "./always-on";
import { pki } from "./certificates";
import { poolScale } from "./scale";

const etc = "/etc/kubernetes";

export function poolProxy({ scale, spec }: PlanParts, pool: PoolConfig): ConfigObject {
  return {
    ...kubeProxyConfiguration(poolScale(scale, pool), `${etc}/kube-proxy.kubeconfig`),
    // What comes to a Service from elsewhere than a pod is given the node's address, so that the answer comes back through it.
    clusterCIDR: spec.network.pods,
    detectLocalMode: "ClusterCIDR",
    // Health is asked by load balancers; metrics by whoever is on the node.
    healthzBindAddress: "0.0.0.0:10256",
    metricsBindAddress: "127.0.0.1:10249",
  };
}

export function kubeProxy(parts: PlanParts, pool: PoolConfig): Pick<Machine, "files" | "services"> {
  const kubeconfig = componentKubeconfig({
    server: parts.api.endpoint,
    authorityPath: `${pki}/kubernetes-ca.crt`,
    certPath: `${pki}/kube-proxy.crt`,
    keyPath: `${pki}/kube-proxy.key`,
    user: "system:kube-proxy",
  });
  return {
    files: {
      ...hostServices("kube-proxy.service"),
      ...hostFiles("/usr/local/lib/systemd/system/kube-proxy.service.d/tunables.conf"),
      [`${etc}/kube-proxy.yaml`]: textFile(stringify(poolProxy(parts, pool))),
      [`${etc}/kube-proxy.kubeconfig`]: textFile(kubeconfig),
      [`${etc}/kube-proxy.flags`]: textFile(`--config=${etc}/kube-proxy.yaml`),
    },
    services: {
      // Sessions are in the kernel: they outlive a restart. A client, so it reads its authority once.
      "kube-proxy.service": alwaysOn([
        `${etc}/kube-proxy.yaml`,
        `${etc}/kube-proxy.flags`,
        `${etc}/kube-proxy.kubeconfig`,
        `${pki}/kubernetes-ca.crt`,
        "/usr/local/bin/kube-proxy",
      ]),
    },
  };
}
