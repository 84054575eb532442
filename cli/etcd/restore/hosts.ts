/** What a restore needs of the world: the hosts of a shard's members, the masters, a clock. */
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import type { Clock } from "../../../components/rollout/hosts/hosts";
import type { ApiState, MemberState, UnderWay } from "./answers";

/** What a member is restored from, and to; the same for all of them. */
export type RestoreRequest = Pick<UnderWay, "id" | "snapshot" | "bytes" | "token" | "bump" | "members">;

export interface RestorePlan {
  readonly group: string;
  readonly shard: string;
  readonly request: RestoreRequest;
  /** What the snapshot is said to be by who listed it; absent: it was compared when the restore began. */
  readonly expected?: Pick<UnderWay, "sha256" | "snapshotRevision">;
  /** Names of the hosts that are members of the restored shard. */
  readonly members: readonly string[];
  /** Other members as they were: they keep their data, and do not run until they join the restored shard with nothing. */
  readonly others: readonly string[];
  readonly masters: readonly string[];
  /** Most of what API servers do needs the shard: they stop. False: they serve on, and are restarted one by one afterwards. */
  readonly stopsApi: boolean;
  /** How long a host may take for its part. */
  readonly hostTimeoutMs: number;
  readonly masterTimeoutMs: number;
}

export interface RestoreHosts extends Clock {
  member(host: string): Promise<MemberState>;
  stage(host: string, request: RestoreRequest, shard: string): Promise<void>;
  hold(host: string, shard: string): Promise<void>;
  swap(host: string): Promise<void>;
  start(host: string): Promise<void>;
  release(host: string): Promise<void>;
  finish(host: string): Promise<void>;
  /** What keeps the shard of these members from being healthy. */
  unhealthy(members: readonly string[]): Promise<readonly GateFinding[]>;
  /** undefined: the master does not answer. */
  api(master: string): Promise<ApiState | undefined>;
  stopApi(master: string): Promise<void>;
  startApi(master: string): Promise<void>;
  restartApi(master: string, id: string): Promise<void>;
  /** Why the API server is not ready; undefined when it is. */
  unready(master: string): Promise<string | undefined>;
}
