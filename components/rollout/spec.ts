import type { HostTarget } from "../access/target";
import type { EtcdStrategy, MastersStrategy, TogetherStrategy } from "../plan/groups";

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
  /** Another one each time, so that the rollout runs: a host could not be seen, and whether it is as planned is for the gate to find out. */
  readonly look?: string;
}

export type RolloutStrategy = EtcdStrategy | MastersRollout | TogetherStrategy;

export interface MastersRollout extends MastersStrategy {
  /** The host that can tell whether the load balancer has a master in rotation; absent: only /readyz counts. */
  readonly loadBalancer?: HostTarget;
}

export interface RolloutHost extends HostTarget {
  readonly zone: string;
  /** What its peers call it in URLs, which its certificates name: see Place. */
  readonly endpoint: string;
  /** sha256 of the staged content, as `machine-apply stage` reported it. */
  readonly digest: string;
}

/** What is looked at before the first rollout of a change. */
export interface CheckSpec {
  readonly groups: readonly RolloutSpec[];
}
