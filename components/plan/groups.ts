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

export type GroupStrategy =
  /** One member at a time, leader last, the whole shard healthy before and after. */
  | {
      readonly kind: "etcd";
      readonly shard: string;
      readonly token: string;
      readonly peerPort: number;
      readonly clientPort: number;
      readonly release: string;
    }
  /** One master at a time: drained, changed, ready and in rotation before the next. `balancer`: the host that can tell. */
  | {
      readonly kind: "masters";
      readonly apiPort: number;
      readonly balancer?: string;
      readonly release: string;
      /** Services that change on all masters before any other does: no controller may be newer than an API server. */
      readonly apiServices: readonly string[];
    }
  /** No order among the hosts. */
  | { readonly kind: "together" };

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
