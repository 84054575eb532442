/** What is said before another release: what can be taken back, and what is kept of the time before. */
import type { Releases } from "../../config/releases";
import { undoText } from "../../config/releases/undo";
import type { GroupStrategy } from "../plan/groups";

export interface ReleaseChange {
  readonly product: keyof Releases;
  readonly from: string;
  readonly to: string;
}

type Releasing = Pick<GroupStrategy, "kind"> & { readonly release?: string };

/** @param from what the group's hosts have; undefined where that is not known, or nothing */
export function releaseChange({ kind, release }: Releasing, from: string | undefined): ReleaseChange[] {
  if (release === undefined || from === undefined || from === release) return [];
  return [{ product: kind === "etcd" ? "etcd" : "kubernetes", from, to: release }];
}

/** One sentence each; none where no release changes. @param backups whether the stack makes backups of etcd */
export function releaseNotes(changes: readonly ReleaseChange[], backups: boolean): string[] {
  if (changes.length === 0) return [];
  const first = backups
    ? "a snapshot of each shard that another release touches is taken before anything changes; when one cannot be taken, nothing is changed"
    : "no snapshot is taken before another release: this stack makes no backups (`etcd.backup`)";
  return [...new Set([...changes.map(({ product, from, to }) => undoText(product, from, to)), first])];
}
