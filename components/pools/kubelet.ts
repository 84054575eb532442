/** The kubelet of a pool's nodes: configuration, flags, unit. */
import { stringify } from "yaml";
import { evictionOf } from "../../config/eviction";
import { type ConfigObject, kubeletConfiguration } from "../../config/flags";
import { dnsServiceAddress } from "../../config/names";
import type { PoolConfig } from "../../config/pool";
import { textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { type PlanParts, range } from "../plan/parts";
import type { PoolPlan } from "../plan/types";
import { protectedTaint } from "./names";
import { overcommittedStatusSeconds } from "./overcommit";
import { poolScale } from "./scale";

export const pki = "/etc/kubernetes/pki";
const etc = "/etc/kubernetes";

/** Where the kubelet finds the runtime. */
export const runtimeEndpoints: Readonly<Record<PoolConfig["runtime"], string>> = {
  containerd: "unix:///run/containerd/containerd.sock",
  docker: "unix:///run/cri-dockerd.sock",
};

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

export function kubeletFiles(parts: PlanParts, name: string, pool: PoolConfig): Machine["files"] {
  return { [`${etc}/kubelet.yaml`]: textFile(stringify(poolKubelet(parts, name, pool))) };
}
