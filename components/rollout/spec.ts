/**
 * What a rollout gets: the hosts of one group with the digest of the content staged on each. Public data; the SSH key
 * comes in the environment (KILONODE_SSH_KEY), so a change of members is a readable diff of this document.
 */
export interface RolloutSpec {
  /** For instance "etcd-main", "masters", "load-balancer". */
  readonly group: string;
  readonly strategy: EtcdStrategy | MastersStrategy | TogetherStrategy;
  readonly hosts: readonly RolloutHost[];
  /** How long one host may take from its change to passing its gate. */
  readonly hostTimeoutSeconds: number;
}

export interface RolloutHost {
  readonly name: string;
  readonly address: string;
  readonly zone: string;
  readonly user: string;
  readonly port: number;
  /** "ssh-ed25519 AAAA...": pinned. */
  readonly hostKey: string;
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
}

/** One master at a time: drained from the load balancer, restarted, ready and back in rotation before the next. */
export interface MastersStrategy {
  readonly kind: "masters";
  readonly apiPort: number;
  /** SSH target that can tell whether the load balancer has a backend in rotation; absent: only /readyz counts. */
  readonly loadBalancer?: Omit<RolloutHost, "digest">;
}

/** No order among the hosts (load balancer, simulated nodes). */
export interface TogetherStrategy {
  readonly kind: "together";
}

/** What is looked at before the first rollout of a change. */
export interface CheckSpec {
  readonly groups: readonly RolloutSpec[];
  /** Which shard holds a resource, for those that are not in `main`: "/events" -> "events". */
  readonly storage: Readonly<Record<string, string>>;
}

/** Name of the resource that looks at all gates. */
export const gatesName = "all-gates";
