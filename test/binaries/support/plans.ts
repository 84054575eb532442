/** Plans of the production layout at every size, on addresses that a test may use. */

import { components } from "../../../components/control-plane/flags";
import type { ManagedApi } from "../../../components/plan/facts";
import { plan } from "../../../components/plan/plan";
import type { ClusterPlan, HostPlan } from "../../../components/plan/types";
import { ClusterConfig } from "../../../config/cluster";
import { defaultReleases, type Releases } from "../../../config/releases";
import type { Workload } from "../../../config/scale";
import { clusterOf, hostsOf } from "../../support/plans";
import { goldenSizes } from "../../unit/scale-samples";

export { goldenSizes as sizes };
export type Size = (typeof goldenSizes)[number];

/**
 * The range of the hosts: loopback, so that every host has its own address with the real ports on any machine. Which /20 of
 * it differs from run to run: two runs on one machine leave each other alone.
 */
export const hostRange = `127.${(process.ppid % 200) + 20}.0.0/20`;

const defaults = ClusterConfig.parse({ platform: "lab" }).etcd;
const withPods = {
  shards: { ...defaults.shards, pods: { members: 5, resources: ["/pods"], slot: 3 } },
};

export interface PlanOptions {
  readonly releases?: Partial<Releases>;
  /** Masters. Default: that of the configuration, 11. */
  readonly masters?: number;
  readonly runtime?: "systemd" | "static-pod";
  /** Of the platform, in place of a host of ours. */
  readonly loadBalancer?: ManagedApi;
}

/** The default layout: 11 masters, 17 etcd hosts in three shards (22 in four above 10,000 nodes), a load balancer. */
export function productionPlan(workload: Workload, options: PlanOptions = {}): ClusterPlan {
  const releases = { ...defaultReleases, ...options.releases };
  const { spec, platform } = clusterOf("prod", {
    platform: "lab",
    ephemeral: false,
    kubernetesVersion: releases.kubernetes,
    etcdVersion: releases.etcd,
    workload,
    network: { hosts: hostRange },
    etcd: {
      // Of production, where no hosts share a core.
      heartbeatMs: defaults.heartbeatMs,
      electionMs: defaults.electionMs,
      // The pods of 15,000 nodes do not fit a quota of 8 GiB beside everything else: the plan asks for a shard of their own.
      ...(workload.nodes && workload.nodes > 10_000 ? withPods : {}),
    },
    masters: options.masters ? { count: options.masters } : {},
    toolchain: { imageDigests: Object.fromEntries(components.map((name) => [name, `sha256:${"0".repeat(64)}`])) },
  });
  // No binary is looked at through the plan: the tests run those of the toolchain.
  const { loadBalancer, runtime = "systemd" } = options;
  return plan(spec, { ...platform.facts(spec), runtimes: [runtime], ...(loadBalancer && { api: loadBalancer }) });
}

/** As slow as one may be with which an API server needs longer to stop than its unit says. */
export const managedApi: ManagedApi = { kind: "managed", name: "api.example", drainSeconds: 40, returnSeconds: 30 };

/** The first host of a group: "masters", "etcd-main", "load-balancer". */
export function firstOf(of: ClusterPlan, group: string): HostPlan {
  const [host] = hostsOf(of, group);
  if (!host) throw new Error(`no host of group ${group}`);
  return host;
}
