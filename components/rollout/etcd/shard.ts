/** What the etcd strategy needs of the world: hosts, a clock and etcd's membership and maintenance calls. */
import type { Clock, Hosts, Target } from "../hosts/hosts";

/** Ids are hexadecimal text: etcd's are 64 bits, more than a JavaScript number holds. */
export interface Member {
  readonly id: string;
  /** Empty until a member that was added has started. */
  readonly name: string;
  readonly peerUrl: string;
  /** Absent until the member has started and published it: etcd's own mark of "has been bootstrapped". */
  readonly clientUrl?: string;
  readonly learner: boolean;
}

/** Answer of one member to the maintenance status call. */
export interface Endpoint {
  /** Absent: the member knows no leader. */
  readonly leader?: string;
  readonly appliedIndex: number;
  /** Absent: it did not tell. */
  readonly database?: Database;
  /** Absent: it did not tell. */
  readonly versions?: Versions;
}

/** What a member says of its versions. */
export interface Versions {
  /** Of its program, such as "3.7.3". */
  readonly server: string;
  /** Of its data, such as "3.7.0": it follows what the cluster has agreed on, within seconds. Empty: it does not say. */
  readonly storage: string;
  /** What the cluster may go back to, such as "3.6.0". Empty: nothing. */
  readonly downgradeTo: string;
}

/** A member's database: a file, of which what is not in use comes back only when the file is written anew. */
export interface Database {
  readonly bytes: number;
  readonly inUseBytes: number;
  /** A file of this size takes no more writes. */
  readonly quotaBytes: number;
  /** The shard's, as far as this member has come. */
  readonly revision: number;
}

/** For instance "NOSPACE", "CORRUPT". Every member tells all alarms of the shard. */
export interface Alarm {
  readonly memberId: string;
  readonly type: string;
}

export interface View {
  readonly members: readonly Member[];
  /** True: the list came through a quorum. False: it is what one member remembers. */
  readonly quorum: boolean;
  /** By member id; a member that does not answer is absent. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly alarms: readonly Alarm[];
}

/** `via`: the host on which etcdctl runs; never the host that is being changed. */
export interface EtcdShard extends Hosts, Clock {
  /** Ends the member on that host; it starts again with the host, or by its next activation. */
  rest(host: string): Promise<void>;
  /** Throws when the member on that host does not answer. */
  look(via: string): Promise<View>;
  /**
   * Puts aside what the host's volumes hold, for a member that begins with nothing; what it runs is stopped. Nothing is deleted.
   * @returns the folders where it is
   */
  setAside(host: string): Promise<readonly string[]>;
  addLearner(via: string, name: string, peerUrl: string): Promise<void>;
  promote(via: string, id: string): Promise<void>;
  remove(via: string, id: string): Promise<void>;
  /**
   * Asked on the leader's own host. Clients wait meanwhile: no request of theirs is lost. Does nothing when that member does not lead
   * any more.
   * @returns where clients could not be held, and why: a request of theirs may have failed
   */
  moveLeader(leader: Member, to: Member): Promise<readonly string[]>;
  /**
   * Restarts the member on that host, which writes its database anew before it serves again.
   * @param inUseBytes of its database: so much is written beside the old one
   * @throws {@link NoRoom} before anything has ended
   */
  defragment(host: string, inUseBytes: number): Promise<void>;
  /** Forgets what was before that revision, and returns when the member on `via` has done so. */
  compact(via: string, revision: number): Promise<void>;
  /** Of all members. */
  disarm(via: string): Promise<void>;
  /** The cluster may go back to that minor version, such as "3.6": it agrees on it, and members make their data ready. */
  enableDowngrade(via: string, to: string): Promise<void>;
  /** Takes that back. Nothing when it is not enabled. */
  cancelDowngrade(via: string): Promise<void>;
  /** How many keys there are of each resource, the most first. */
  countKeys(via: string): Promise<readonly KeyCount[]>;
}

export interface KeyCount {
  /** Such as "/registry/pods/". */
  readonly prefix: string;
  readonly keys: number;
}

/** etcd says "not now" (learner not in sync, connections younger than 5 s): the same call is made again until the host's time is over. */
export class NotYet extends Error {
  override readonly name = "NotYet";
}

/** The volume of a member's database has no room for a second one beside it. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";
}

export interface EtcdTarget extends Target {
  readonly peerUrl: string;
}

export interface EtcdPlan {
  readonly group: string;
  readonly token: string;
  readonly targets: readonly EtcdTarget[];
  readonly hostTimeoutMs: number;
  /**
   * True: a rollout of this shard has once been completed. Then it is never bootstrapped again, whatever the hosts look like:
   * fresh hosts beside lost data would form a shard of the same identity and a different history.
   */
  readonly established: boolean;
  /** What members are to run; absent: nobody asks which it is. */
  readonly release?: string;
  /** True: they may go back to it from the minor version after it. */
  readonly downgrade?: boolean;
}
