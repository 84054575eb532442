/**
 * The scale-derived flags of the components that are configured on the command line. Addresses, files and identities are
 * added by the plan with {@link mergeFlags}.
 */
import { lookup } from "../lookup";
import { shardOf } from "../scale/shard";
import type { Scale } from "../scale/types";
import type { FlagMap } from "./flags";
import { atLeast } from "./versions";

/** kube-apiserver. Reference: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ */
export function apiserverFlags(scale: Scale): FlagMap {
  const a = scale.apiserver;
  return {
    "max-requests-inflight": a.maxRequestsInflight,
    "max-mutating-requests-inflight": a.maxMutatingRequestsInflight,
    "enable-priority-and-fairness": true,
    "goaway-chance": a.goawayChance,
    "delete-collection-workers": a.deleteCollectionWorkers,
    "etcd-compaction-interval": `${a.compactionIntervalSeconds}s`,
    "event-ttl": `${a.eventTtlMinutes}m`,
    "endpoint-reconciler-type": "lease",
    "default-not-ready-toleration-seconds": a.tolerationSeconds,
    "default-unreachable-toleration-seconds": a.tolerationSeconds,
    "storage-initialization-timeout": `${a.storageInitializationSeconds}s`,
    "shutdown-delay-duration": `${a.shutdownDelaySeconds}s`,
    "shutdown-send-retry-after": scale.loadBalanced,
    "shutdown-watch-termination-grace-period": `${a.shutdownWatchGraceSeconds}s`,
    // Profiles show memory and slow the server: on for as long as somebody looks, by the configuration (CIS 1.2.15). RBAC guards them.
    profiling: false,
    // The sizes that --watch-cache-sizes and --default-watch-cache-size once took are ignored: the cache sizes itself.
    "watch-cache": true,
  };
}

/** kube-controller-manager. Reference: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/ */
export function controllerManagerFlags(scale: Scale): FlagMap {
  const m = scale.controllerManager;
  const workers = Object.entries(m.workers).map(([name, count]) => [`concurrent-${name}-syncs`, count]);
  return {
    "kube-api-qps": m.qps,
    "kube-api-burst": m.burst,
    ...Object.fromEntries(workers),
    "node-monitor-period": `${m.nodeMonitorPeriodSeconds}s`,
    "node-monitor-grace-period": `${m.nodeMonitorGraceSeconds}s`,
    "node-startup-grace-period": `${m.nodeStartupGraceSeconds}s`,
    "node-eviction-rate": m.nodeEvictionsPerSecond,
    "secondary-node-eviction-rate": m.secondaryNodeEvictionsPerSecond,
    "unhealthy-zone-threshold": m.unhealthyZoneThreshold,
    "large-cluster-size-threshold": m.largeClusterNodes,
    "max-endpoints-per-slice": m.maxEndpointsPerSlice,
    "endpointslice-updates-batch-period": `${m.sliceBatchMs}ms`,
    "terminated-pod-gc-threshold": m.terminatedPodThreshold,
    "leader-elect": true,
    "leader-elect-resource-lock": "leases",
    profiling: false,
    ...gates(releaseLeaderOnExit(scale.versions.kubernetesVersion)),
  };
}

/** Feature gates as a flag: sorted "Name=true" items, left out when there is none. */
function gates(on: Readonly<Record<string, boolean>>): FlagMap {
  const items = Object.entries(on).map(([name, value]) => `${name}=${value}`);
  return items.length > 0 ? { "feature-gates": items.sort() } : {};
}

/** The standby takes over at once on a planned restart. Alpha in 1.36 and 1.37: the gate does not exist before. */
const releaseLeaderOnExit = (version: string): Readonly<Record<string, boolean>> =>
  atLeast(version, "1.36") ? { ControllerManagerReleaseLeaderElectionLockOnExit: true } : {};

/** etcd, one member of a shard. Reference: https://etcd.io/docs/v3.6/op-guide/configuration/ */
export function etcdFlags(scale: Scale, shard: string): FlagMap {
  const e = scale.etcd;
  return {
    "quota-backend-bytes": shardOf(scale, shard).quotaGiB * 2 ** 30,
    "heartbeat-interval": e.heartbeatMs,
    "election-timeout": e.electionMs,
    "snapshot-count": e.snapshotCount,
    "auto-compaction-mode": "periodic",
    "auto-compaction-retention": `${e.autoCompactionMinutes}m`,
    "max-request-bytes": e.maxRequestBytes,
    "pre-vote": true,
    "backend-bbolt-freelist-type": "map",
    // Up to 3.5 the name was --experimental-watch-progress-notify-interval; those versions are not supported.
    "watch-progress-notify-interval": `${e.progressNotifySeconds}s`,
    // A wrong page in one member is found by comparing hashes: at every start, and by the leader once a minute.
    ...gates({ InitialCorruptCheck: true, CompactHashCheck: true }),
    "compact-hash-check-time": "1m",
  };
}

/**
 * haproxy's global limits. Not `maxconn`, without which it does not start where fewer descriptors are to be had (a lab in a container):
 * it takes as many connections as its descriptors allow. Reference: https://docs.haproxy.org/3.0/configuration.html#3.1-fd-hard-limit
 */
export function haproxyGlobal(scale: Scale): { readonly "fd-hard-limit": number } {
  return { "fd-hard-limit": scale.loadBalancer.openFiles };
}

/** GOMEMLIMIT: Go collects harder as it comes near instead of being killed. In MiB, as Go reads it. */
const memoryLimit = (gib: number): string => `${Math.max(128, Math.floor(gib * 1024))}MiB`;

/** GOMEMLIMIT of a member of a shard. */
export const etcdMemoryLimit = (scale: Scale, shard: string): string =>
  memoryLimit(shardOf(scale, shard).goMemoryLimitGiB);

/** GOMEMLIMIT of a component of the control plane. */
export function goMemoryLimit(component: string, scale: Scale): string {
  const limits: Readonly<Record<string, number>> = {
    "kube-apiserver": scale.apiserver.goMemoryLimitGiB,
    "kube-controller-manager": scale.controllerManager.goMemoryLimitGiB,
    "kube-scheduler": scale.scheduler.goMemoryLimitGiB,
  };
  const gib = lookup(limits, component);
  if (gib === undefined)
    throw new Error(`no memory limit for ${component}; there is one for ${Object.keys(limits).join(", ")}`);
  return memoryLimit(gib);
}
