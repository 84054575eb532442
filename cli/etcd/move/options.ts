/** What `kilonode etcd move` is told. */
import type { ClusterOptions } from "../../hosts/cluster";

export interface MoveOptions extends ClusterOptions {
  readonly shard: string;
  readonly yes?: boolean;
  /** Goes no further than this. */
  readonly until?: string;
  readonly abandon?: boolean;
  /** What main holds of it is deleted although it was not compared in time. */
  readonly unverified?: boolean;
}
