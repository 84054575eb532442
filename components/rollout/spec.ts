import type { HostTarget } from "../access/target";

/**
 * What a rollout gets: the hosts of one group with the digest of the content staged on each. Public data; the SSH key
 * comes in the environment (KILONODE_SSH_KEY), so a change of members is a readable diff of this document.
 */
export interface RolloutSpec {
  /** For instance "etcd-main", "masters", "load-balancer". */
  readonly group: string;
  readonly strategy: RolloutStrategy;
  readonly hosts: readonly RolloutHost[];
  /** How long one host may take from its change to passing its gate: see timeouts.ts. */
  readonly hostTimeoutSeconds: number;
}

export type RolloutStrategy = EtcdStrategy | MastersStrategy | TogetherStrategy;

export interface RolloutHost extends HostTarget {
  readonly zone: string;
  /** What its peers call it in URLs, which its certificates name: see Place. */
  readonly endpoint: string;
  /** sha256 of the staged content, as `machine-apply stage` reported it. */
  readonly digest: string;
}

/**
 * One member at a time, leader last, whole shard healthy before and after; new members join as learners, surplus members
 * leave before their hosts go. First creation is parallel.
 */
export interface EtcdStrategy {
  readonly kind: "etcd";
  readonly shard: string;
  readonly token: string;
  readonly peerPort: number;
  readonly clientPort: number;
  /** etcd's version: kept in the result, so that the next rollout knows from which one it comes. */
  readonly release: string;
}

/**
 * One master at a time: drained from the load balancer, restarted, ready and back in rotation before the next. When the
 * minor release differs from that of the last completed rollout, it goes in two passes, the API servers of all masters first.
 */
export interface MastersStrategy {
  readonly kind: "masters";
  readonly apiPort: number;
  /** Kubernetes' version, such as "1.37.2". */
  readonly release: string;
  /** Names of the services that go first in an upgrade, for instance "kube-apiserver.service". */
  readonly apiServices: readonly string[];
  /** The host that can tell whether the load balancer has a master in rotation; absent: only /readyz counts. */
  readonly loadBalancer?: HostTarget;
}

/** No order among the hosts (load balancer, simulated nodes). */
export interface TogetherStrategy {
  readonly kind: "together";
}

/** What is looked at before the first rollout of a change. */
export interface CheckSpec {
  readonly groups: readonly RolloutSpec[];
}
