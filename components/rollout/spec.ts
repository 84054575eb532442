import type { HostTarget } from "../access/target";
import type { EtcdStrategy, MastersStrategy, TogetherStrategy } from "../plan/groups";
import type { MachineChange } from "../platform/module";

/**
 * What a rollout gets: the hosts of one group with the digest of the content staged on each. Public data (KILONODE_ROLLOUT); the
 * SSH key comes on stdin, and the digests by themselves (KILONODE_STAGED): a preview cannot know them, and would show all of this
 * document with them.
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
  /** The host that can tell whether the load balancer has a master in rotation; absent: masters tell it themselves, by `returnSeconds`. */
  readonly loadBalancer?: HostTarget;
}

export interface RolloutHost extends HostTarget {
  readonly zone: string;
  /** What its peers call it in URLs, which its certificates name: see Place. */
  readonly endpoint: string;
  /** sha256 of the staged content, as `machine-apply stage` reported it. */
  readonly digest: string;
}

/** A host whose turn may be still to come: without a digest its content stays as it is. */
export type WaitingHost = Omit<RolloutHost, "digest"> & Partial<Pick<RolloutHost, "digest">>;

export type WaitingSpec = Omit<RolloutSpec, "hosts"> & { readonly hosts: readonly WaitingHost[] };

/** A member that leaves its shard: see etcd/leave.ts. */
export interface LeaveSpec {
  readonly group: string;
  /** Name of the host. */
  readonly member: string;
  /** Of all members, it among them, in the plan's order. */
  readonly hosts: readonly HostTarget[];
  readonly hostTimeoutSeconds: number;
}

/** What is looked at before the first change: of a group's content, or of a host's machine. */
export interface CheckSpec {
  readonly groups: readonly WaitingSpec[];
  /** Whether the shards have backups, of which one is taken before another release: see snapshots.ts. */
  readonly backups: boolean;
}

/** The same, and what goes live before the rollouts: see credentials.ts. */
export interface PrepareSpec extends CheckSpec {
  /** Names of groups that change side by side; a wave begins when the one before it has ended. */
  readonly waves: readonly (readonly string[])[];
  readonly secrets: StoredSecrets;
}

/** Where Secrets are stored, and the names of the keys that API servers will have: no other may be in use when they get them. */
export interface StoredSecrets {
  readonly group: string;
  readonly keys: readonly string[];
}

/** What is done before a host's machine is changed: see turn.ts. */
export interface TurnSpec extends WaitingSpec {
  /** The host whose turn it is. */
  readonly turn: string;
  readonly change: Exclude<MachineChange, "none">;
}

/**
 * The digests of staged content, as the environment has them. Each with its staging: what was staged before is staged again after a
 * rollout that was cut short and then taken back, and that rollout's hosts have something else live.
 */
export const stagedText = (
  hosts: readonly (Pick<RolloutHost, "name" | "digest"> & { readonly staging: string })[],
): string => hosts.map(({ name, digest, staging }) => `${name}=${digest}/${staging}`).join(" ");
