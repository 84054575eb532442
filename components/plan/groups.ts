/**
 * Groups as data: hosts that one rollout changes, how, and after whom. The placement makes one rollout of each, in one loop;
 * the command reads from the same data what a rollout will do.
 */

export interface GroupPlan {
  /** For instance "etcd-main", "masters". */
  readonly name: string;
  readonly strategy: GroupStrategy;
  /** Names of hosts. */
  readonly hosts: readonly string[];
  /**
   * Groups whose change ends before this one's begins. It does not hold for hosts that start for the first time: they wait by
   * themselves for whatever they need, and all of a first creation goes side by side.
   */
  readonly after: readonly string[];
  /** True: needs the API and the plan's objects in it, at its first start too. */
  readonly needsApi: boolean;
  /** How long one host may take from its change to passing its gate. */
  readonly hostTimeoutSeconds: number;
}

/** `balancer`: the host that can tell whether the load balancer has a master in rotation. */
export type GroupStrategy = EtcdStrategy | (MastersStrategy & { readonly balancer?: string }) | TogetherStrategy;

/**
 * One member at a time, leader last, whole shard healthy before and after; new members join as learners; members that are
 * not planned any more leave after the masters' change, before their hosts go. First creation is parallel.
 */
export interface EtcdStrategy {
  readonly kind: "etcd";
  readonly shard: string;
  readonly token: string;
  readonly peerPort: number;
  readonly clientPort: number;
  /** etcd's version: kept in the result, so that the next rollout knows from which one it comes. */
  readonly release: string;
  /** True: the shard may go back to that release from the minor version after it, by etcd's own downgrade. Absent: not. */
  readonly downgrade?: boolean;
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
  /** Names of the services that go first in an upgrade: no controller may be newer than an API server. */
  readonly apiServices: readonly string[];
  /** Where the platform balances: for how long a master must have said that it is ready, to be back in rotation. */
  readonly returnSeconds?: number;
}

/** No order among the hosts (load balancer, simulated nodes). */
export interface TogetherStrategy {
  readonly kind: "together";
}

/** The group of a host. */
export function groupOf(plan: { readonly groups: readonly GroupPlan[] }, host: string): GroupPlan {
  const group = plan.groups.find(({ hosts }) => hosts.includes(host));
  if (!group) throw new Error(`host ${host} is in no group of the plan`);
  return group;
}

/** True: the host is a member of the shard. */
export function isMember(
  { members }: { readonly members: readonly { readonly name: string }[] },
  host: string,
): boolean {
  return members.some(({ name }) => name === host);
}

/** True: the member stays in the shard when its guests leave it. */
export function isOwnMember(
  shard: Parameters<typeof isMember>[0] & { readonly guests?: Parameters<typeof isMember>[0] },
  host: string,
): boolean {
  return isMember(shard, host) && !(shard.guests && isMember(shard.guests, host));
}

/** Names of groups that may change side by side, in the order of `after`. */
export function wavesOf(groups: readonly Pick<GroupPlan, "name" | "after">[]): string[][] {
  const waves: string[][] = [];
  for (let left = [...groups]; left.length > 0; ) {
    const done = waves.flat();
    const wave = left.filter(({ after }) => after.every((name) => done.includes(name)));
    if (wave.length === 0) throw new Error(`groups wait for each other: ${left.map(({ name }) => name).join(", ")}`);
    waves.push(wave.map(({ name }) => name));
    left = left.filter((group) => !wave.includes(group));
  }
  return waves;
}
