/** What `kilonode status --json` prints. */
import type { Unfinished } from "../run/unfinished";
import type { Nodes } from "./nodes";

export interface StatusReport {
  readonly stack: string;
  /** True: nothing is wrong, and everything is known. */
  readonly healthy: boolean;
  /** The last run that changes something, where it has not come to its end; `text` says it in one sentence. */
  readonly unfinished?: Unfinished & { readonly text: string };
  /** One line for each thing that is not as it should be. */
  readonly problems: readonly string[];
  /** One line for each thing that was not answered in time: it may be well or not. */
  readonly unknown: readonly string[];
  readonly etcd: readonly ShardStatus[];
  readonly masters: readonly MasterStatus[];
  /** Absent where the platform balances. */
  readonly loadBalancer?: LoadBalancerStatus;
  readonly nodes: Nodes;
  readonly hosts: readonly HostStatus[];
  readonly degradations: readonly Degradation[];
  readonly certificates: readonly CertificateStatus[];
  readonly durationMs: number;
}

export interface ShardStatus {
  readonly shard: string;
  readonly voters: number;
  readonly learners: number;
  /** Members, learners too, that answer and see the shard's leader: all is well when it is voters + learners and `alarms` is empty. */
  readonly healthy: number;
  /** Name of the leader's host. */
  readonly leader: string | null;
  /** Of the largest member. */
  readonly dbBytes: number;
  readonly alarms: readonly string[];
  readonly members: readonly MemberStatus[];
  /** Absent where the plan has none. */
  readonly backup?: BackupStatus;
  /** What is on its way out of it to a shard of its own, whose members are among its own until then. */
  readonly move?: { readonly shard: string; readonly step: "joined" | "served" };
}

/** Of a shard, as far as its members know. */
export interface BackupStatus {
  /** When the newest one was taken: ISO 8601, UTC. */
  readonly at: string | null;
  readonly ageSeconds: number | null;
  readonly revision: number | null;
  readonly bytes: number | null;
  /** Of the last time when one should have been taken. */
  readonly result: "ok" | "failed" | "none yet" | "not known";
  /** Why it failed, and where. */
  readonly error?: string;
}

export interface MemberStatus {
  readonly name: string;
  readonly up: boolean;
  readonly dbBytes: number;
  readonly raftIndex: number;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly version: string;
}

export interface MasterStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Of the API server that runs; absent when it does not answer. */
  readonly version?: string;
  readonly leaderOf: readonly string[];
  /** Why it is not ready. */
  readonly reason?: string;
}

export interface LoadBalancerStatus {
  readonly address: string;
  readonly backends: readonly { readonly name: string; readonly status: string }[];
  /** Backends in rotation. */
  readonly ready: number;
}

export interface HostStatus {
  readonly name: string;
  readonly reachable: boolean;
  /** Why it cannot be reached, or what it did not tell. */
  readonly error?: string;
  /** Services that should run and do not. */
  readonly downServices: readonly string[];
  /** Of those, the ones whose host knows why: in one sentence, with what to do. */
  readonly causes: Readonly<Record<string, string>>;
  /** What an activation would still do: the last one did not come to its end, or the host was changed. */
  readonly pending: readonly string[];
}

/** Something that these hosts cannot do as planned, known and accepted. */
export interface Degradation {
  readonly what: string;
  readonly effect: string;
  readonly wanted?: string;
  readonly got?: string;
  /** Empty: the platform as a whole. */
  readonly hosts: readonly string[];
}

export interface CertificateStatus {
  readonly name: string;
  /** Of an authority: other certificates are signed by it. */
  readonly authority: boolean;
  /** ISO 8601, UTC. */
  readonly expires: string;
}
