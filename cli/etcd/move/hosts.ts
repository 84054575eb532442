/** What the split of a move needs of the world, beside what a restore needs: the cluster of main, and the doors of its guests. */
import type { Member, View } from "../../../components/rollout/etcd/shard";
import type { RestoreHosts } from "../restore/hosts";
import type { Cut, Door, Note } from "./answers";

export interface SplitPlan {
  readonly group: string;
  /** Of the resources that move. */
  readonly shard: string;
  /** Hosts of the members that stay. */
  readonly own: readonly string[];
  /** Hosts of those that will be a cluster of their own. */
  readonly guests: readonly string[];
  readonly hostTimeoutMs: number;
}

export interface SplitHosts extends RestoreHosts {
  /** Main as one of its own members sees it; undefined: none answers. */
  view(): Promise<View | undefined>;
  door(guest: string): Promise<Door>;
  /** Keeps new clients out, for {@link CLOSED_SECONDS} at most. */
  shut(guest: string): Promise<void>;
  letIn(guest: string): Promise<void>;
  /** Restarts the member behind its closed door. */
  drain(guest: string): Promise<void>;
  /** With all clients held. @returns where they were not, and why */
  handOver(from: Member, to: Member): Promise<readonly string[]>;
  /** What main keeps of the move. */
  note(): Promise<Note | undefined>;
  keepNote(note: Note): Promise<void>;
  /**
   * Removes them from main with all clients held, one right after the other, when all members have the same.
   * @throws when clients could not be held: nothing was removed then
   */
  cut(guests: readonly Member[]): Promise<Cut>;
}

/** Longer than the split of a large shard takes; after it clients get in by themselves, whatever has become of the command. */
export const CLOSED_SECONDS = 600;
