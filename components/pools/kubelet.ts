/** The kubelet of a pool's nodes: configuration, flags, unit. */
import { stringify } from "yaml";
import { evictionOf } from "../../config/eviction";
import { type ConfigObject, kubeletConfiguration } from "../../config/flags";
import { dnsServiceAddress } from "../../config/names";
import type { PoolConfig } from "../../config/pool";
import { hostFiles, lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { componentKubeconfig } from "../pki/kubeconfig";
import { type PlanParts, range } from "../plan/parts";
import type { PoolPlan } from "../plan/types";
import { alwaysOn } from "./always-on";
import { pki } from "./certificates";
import { poolLabel, protectedTaint, runtimeEndpoints } from "./names";
import { overcommittedStatusSeconds } from "./overcommit";
import { poolScale } from "./scale";

const etc = "/etc/kubernetes";

/** The configuration's own, and that of the pool. */
export const labelsOf = (name: string, pool: PoolConfig): PoolPlan["labels"] => ({ [poolLabel]: name, ...pool.labels });

/** The configuration's own, and that of a protected pool. */
export function taintsOf(name: string, pool: PoolConfig): PoolPlan["taints"] {
  return pool.protected ? [...pool.taints, { key: protectedTaint, value: name, effect: "NoSchedule" }] : pool.taints;
}

export function poolKubelet({ scale, spec }: PlanParts, name: string, pool: PoolConfig): ConfigObject {
  const taints = taintsOf(name, pool);
  return {
    ...kubeletConfiguration(poolScale(scale, pool), pki, evictionOf(pool)),
    containerRuntimeEndpoint: runtimeEndpoints[pool.runtime],
    clusterDomain: "cluster.local",
    clusterDNS: [dnsServiceAddress(range(spec.network.services))],
    ...(taints.length > 0 && {
      registerWithTaints: taints.map(({ key, value, effect }) => ({ key, ...(value !== "" && { value }), effect })),
    }),
    ...(pool.cpuOvercommit > 1 && { nodeStatusUpdateFrequency: `${overcommittedStatusSeconds}s` }),
  };
}

/** Everything else is in its file. Its name is its host's: no flag says it, so that one content serves all nodes of a pool. */
export function kubeletFlags(name: string, pool: PoolConfig): string[] {
  const labels = Object.entries(labelsOf(name, pool)).map(([key, value]) => `${key}=${value}`);
  return [
    `--config=${etc}/kubelet.yaml`,
    `--kubeconfig=${etc}/kubelet.kubeconfig`,
    `--node-labels=${labels.join(",")}`,
  ];
}

export function kubelet(parts: PlanParts, name: string, pool: PoolConfig): Pick<Machine, "files" | "services"> {
  const kubeconfig = componentKubeconfig({
    server: parts.api.endpoint,
    authorityPath: `${pki}/kubernetes-ca.crt`,
    certPath: `${pki}/kubelet-client.crt`,
    keyPath: `${pki}/kubelet-client.key`,
    user: "node",
  });
  return {
    files: {
      ...hostFiles("/usr/local/lib/kilonode/run-with-flags", "/usr/local/lib/systemd/system/kubelet.service"),
      [`${etc}/kubelet.yaml`]: textFile(stringify(poolKubelet(parts, name, pool))),
      [`${etc}/kubelet.kubeconfig`]: textFile(kubeconfig),
      [`${etc}/kubelet.flags`]: textFile(lines`${kubeletFlags(name, pool)}`),
    },
    services: {
      // Its certificates, and the authority of its own clients, it reads anew; the API servers' authority once.
      "kubelet.service": alwaysOn([
        `${etc}/kubelet.yaml`,
        `${etc}/kubelet.flags`,
        `${etc}/kubelet.kubeconfig`,
        `${pki}/kubernetes-ca.crt`,
        "/usr/local/bin/kubelet",
      ]),
    },
  };
}
