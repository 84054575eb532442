/** What a restore says: before it begins, and when it is done. */
import type { Snapshot } from "./answers";
import type { RestorePlan } from "./hosts";
import type { RestoreReport } from "./run";

export interface Loss {
  readonly seconds: number;
  /** Absent: no member tells how far the shard is. */
  readonly revisions?: number;
  readonly liveRevision?: number;
}

export function lossOf({ revision, takenAt }: Snapshot, live: number | undefined, now: Date): Loss {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(takenAt)) / 1000));
  return live === undefined ? { seconds } : { seconds, revisions: Math.max(0, live - revision), liveRevision: live };
}

/** How much of a database a member reads in a second when it starts: a slow network disk. */
const BYTES_PER_SECOND = 50 * 1024 * 1024;
/** API servers end and come back, members end, elect a leader: as measured in the lab, and as much again. */
const FIXED_SECONDS = 60;

export function planText(plan: RestorePlan, snapshot: Snapshot, loss: Loss): string {
  const { members, masters, request, shard, stopsApi } = plan;
  const { bytes, etcdVersion, id, member, revision, takenAt } = snapshot;
  const seconds = FIXED_SECONDS + Math.ceil(bytes / BYTES_PER_SECOND);
  const revisions =
    loss.revisions === undefined
      ? "no member tells how many revisions"
      : `${loss.revisions} revisions (${revision} to ${loss.liveRevision})`;
  const lines = [
    `Shard ${shard} goes back to snapshot ${id}, taken ${takenAt} by ${member} (etcd ${etcdVersion}, ${(bytes / 2 ** 20).toFixed(1)} MiB).`,
    "",
    `  lost      all that was written after it: ${loss.seconds} s, ${revisions}`,
    `  members   ${members.join(", ")}: the new data is made beside the live data while the shard serves, then exchanged`,
    stopsApi
      ? `  API       the API servers of ${masters.join(", ")} stop for the exchange: about ${seconds} s without the API`
      : `  API       goes on without what is in this shard for about ${seconds} s; then the API servers of ${masters.join(", ")} are restarted one by one`,
    `  clients   watch caches and informers begin anew: revisions go on at ${revision + request.bump}, all before are compacted`,
    "  kept      the data as it is now stays on the volumes of each member (set-aside-...), until you remove it",
  ];
  return `${lines.join("\n")}\n`;
}

export const goingOnText = ({ members, request, shard }: RestorePlan): string =>
  `Restore ${request.id} of shard ${shard} from snapshot ${request.snapshot} is under way on ${members.join(", ")}; this command goes on with it.\n`;

export function reportText(stack: string, shard: string, report: RestoreReport): string {
  const { aside, downtimeSeconds, revision, snapshot, steps } = report;
  const lines = [
    `shard ${shard} of ${stack} is restored from ${snapshot === "own" ? "its own data" : `snapshot ${snapshot}`}, at revision ${revision}`,
    `  downtime  ${downtimeSeconds} s`,
    `  steps     ${steps.map(({ what, seconds }) => `${what} ${seconds} s`).join(", ")}`,
    ...Object.entries(aside).map(
      ([host, folders]) => `  kept      ${host}: ${folders.join(", ") || "there was nothing"}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
