/** What the model is asked and what it answers. Every number and text of a Scale has an entry of the same path in `derivations`. */
import type { Entry } from "./book";
import type { FlowSchema, PriorityLevelConfiguration } from "./flow-control-objects";
import type { ResolvedWorkload } from "./workload";

/** A shard as configured: members, and the API resources kept in it ("/events", "coordination.k8s.io/leases"). */
export interface ShardOption {
  readonly members: number;
  readonly resources: readonly string[];
}

export interface ScaleOptions {
  readonly kubernetesVersion: string;
  readonly etcdVersion: string;
  /** Masters. Default: the model's own number. */
  readonly masters?: number;
  /** etcd shards by name; `main` holds what no other names. Default: the model's own layout. */
  readonly shards?: Readonly<Record<string, ShardOption>>;
  /** Failure domains. Default 3: the fewest with which a shard survives the loss of one. */
  readonly zones?: number;
  /** Database quota of a member, GiB. Default 8, the largest that etcd suggests. */
  readonly quotaGiB?: number;
  /** etcd's heartbeat, ms. Default 100, its own default: about a round trip between zones. */
  readonly heartbeatMs?: number;
  /** etcd's election timeout, ms. Default 1,000, its own default: 10 heartbeats. */
  readonly electionMs?: number;
  /** Writes between two raft snapshots. Default 10,000, etcd's own. */
  readonly snapshotCount?: number;
  /** False where clients know a single server: then nothing may send them away. Default true. */
  readonly loadBalanced?: boolean;
  /** Seconds until the load balancer sends no new connection to a server that says that it stops. Default 10: two failed checks. */
  readonly drainSeconds?: number;
  /** kube-proxy's mode. Default ipvs; nftables is upstream's successor (ipvs is deprecated since 1.35). */
  readonly proxyMode?: "ipvs" | "nftables" | "iptables";
  /** Instance types to check instead of the model's choice. */
  readonly masterInstance?: string;
  readonly etcdInstance?: string;
  /** What a host really has, where it is not an instance of the catalogue (a lab): limits are fitted to it. */
  readonly masterVcpus?: number;
  readonly masterMemoryGiB?: number;
  readonly etcdVcpus?: number;
  readonly etcdMemoryGiB?: number;
}

export interface Rates {
  readonly leaseWritesPerSecond: number;
  readonly nodeStatusWritesPerSecond: number;
  readonly podWritesPerSecond: number;
  readonly sliceWritesPerSecond: number;
  readonly eventWritesPerSecond: number;
  readonly otherWritesPerSecond: number;
  /** Bytes that all API servers send to watchers. */
  readonly watchEgressGbit: number;
  /** HTTP/2 connections to all API servers. */
  readonly connections: number;
}

export interface PriorityLevel {
  readonly shares: number;
  /** Seats of one server while every level is full. */
  readonly seats: number;
  /** Seats that the model expects to need on one server. */
  readonly neededSeats: number;
}

export interface ApiserverScale {
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  readonly totalConcurrency: number;
  readonly goawayChance: number;
  readonly compactionIntervalSeconds: number;
  readonly deleteCollectionWorkers: number;
  readonly eventTtlMinutes: number;
  readonly shutdownDelaySeconds: number;
  readonly shutdownWatchGraceSeconds: number;
  readonly storageInitializationSeconds: number;
  readonly tolerationSeconds: number;
  readonly memoryGiB: number;
  readonly goMemoryLimitGiB: number;
  readonly levels: Readonly<Record<string, PriorityLevel>>;
}

export interface ControllerManagerScale {
  readonly qps: number;
  readonly burst: number;
  /** Flag name without `concurrent-` and `-syncs` to workers. */
  readonly workers: Readonly<Record<string, number>>;
  readonly nodeMonitorPeriodSeconds: number;
  readonly nodeMonitorGraceSeconds: number;
  readonly nodeStartupGraceSeconds: number;
  readonly nodeEvictionsPerSecond: number;
  readonly secondaryNodeEvictionsPerSecond: number;
  readonly unhealthyZoneThreshold: number;
  readonly largeClusterNodes: number;
  readonly maxEndpointsPerSlice: number;
  readonly sliceBatchMs: number;
  readonly terminatedPodThreshold: number;
  readonly goMemoryLimitGiB: number;
}

export interface SchedulerScale {
  readonly qps: number;
  readonly burst: number;
  readonly parallelism: number;
  /** 0 lets the scheduler choose: 50 % of a small cluster down to 5 % of a large one. */
  readonly percentageOfNodesToScore: number;
  /** Nodes that this comes to. */
  readonly nodesScored: number;
  readonly goMemoryLimitGiB: number;
}

/** What an API server takes of events, from all and from one user. */
export interface EventLimits {
  readonly serverQps: number;
  readonly serverBurst: number;
  readonly userQps: number;
  readonly userBurst: number;
  /** Users that are told apart. */
  readonly users: number;
}

export interface ShardScale {
  readonly members: number;
  readonly resources: readonly string[];
  readonly writesPerSecond: number;
  /** Database file between defragmentations. */
  readonly databaseGiB: number;
  readonly quotaGiB: number;
  /** Losses that leave a quorum. */
  readonly faultTolerance: number;
}

export interface EtcdScale {
  readonly shards: Readonly<Record<string, ShardScale>>;
  readonly hosts: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly snapshotCount: number;
  readonly autoCompactionMinutes: number;
  readonly progressNotifySeconds: number;
  readonly maxRequestBytes: number;
  readonly sequentialIops: number;
  readonly goMemoryLimitGiB: number;
}

/** A host of one role: what it needs, and the instance that has it. */
export interface HostScale {
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly networkGbit: number;
  readonly nvmeDisks: number;
  readonly instance: string;
}

export interface MastersScale extends HostScale {
  readonly count: number;
  /** Fewest that carry the load after the loss of a zone. */
  readonly needed: number;
  /** Left after the loss of the fullest zone. */
  readonly survivors: number;
  readonly nodesPerMaster: number;
}

export interface KernelScale {
  readonly neighbours: Readonly<Record<KernelProfile, number>>;
  readonly conntrack: Readonly<Record<KernelProfile, number>>;
  readonly backlog: Readonly<Record<KernelProfile, number>>;
  readonly openFiles: Readonly<Record<KernelProfile, number>>;
}

export interface NodeScale {
  readonly maxPods: number;
  readonly kubeReservedMilliCpu: number;
  readonly kubeReservedMiB: number;
  readonly parallelImagePulls: number;
  readonly apiQps: number;
  readonly statusUpdateSeconds: number;
  readonly statusReportSeconds: number;
  /** Processes and threads that a pod may have. */
  readonly podPids: number;
  readonly leaseSeconds: number;
  readonly proxyMode: string;
  readonly proxyMinSyncSeconds: number;
  readonly conntrackPerCore: number;
  readonly conntrackMin: number;
}

export interface LoadBalancerScale {
  readonly maxConnections: number;
  /** Descriptors that haproxy may have. */
  readonly openFiles: number;
  /** Connections to one master after the loss of a zone. */
  readonly connectionsPerMaster: number;
  readonly memoryGiB: number;
}

/** What a host is to its kernel. Not its role in the plan (config/names.ts): a node simulator has the settings of a node. */
export type KernelProfile = "master" | "etcd" | "node" | "lb";

/** Something the reader has to know. `error`: the cluster would not work; `warning`: outside what others tested. */
export interface Notice {
  readonly level: "error" | "warning" | "note";
  /** The knob or derived value that it is about. */
  readonly path: string;
  readonly message: string;
  readonly source: string;
}

export interface Scale {
  readonly workload: ResolvedWorkload;
  readonly versions: { readonly kubernetesVersion: string; readonly etcdVersion: string };
  readonly zones: number;
  readonly loadBalanced: boolean;
  /** True where some value goes beyond every published figure. */
  readonly extrapolated: boolean;
  readonly rates: Rates;
  readonly apiserver: ApiserverScale;
  readonly controllerManager: ControllerManagerScale;
  readonly scheduler: SchedulerScale;
  readonly eventLimits: EventLimits;
  readonly etcd: EtcdScale;
  readonly masters: MastersScale;
  readonly etcdHost: HostScale;
  readonly kernel: KernelScale;
  readonly node: NodeScale;
  readonly loadBalancer: LoadBalancerScale;
  /** Objects to apply to the cluster (flowcontrol.apiserver.k8s.io/v1). */
  readonly flowControl: {
    readonly priorityLevels: readonly PriorityLevelConfiguration[];
    readonly flowSchemas: readonly FlowSchema[];
  };
  readonly notices: readonly Notice[];
  readonly derivations: Readonly<Record<string, Entry>>;
}
