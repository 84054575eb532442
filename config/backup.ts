/** The knobs of backups of etcd, and whether a cluster has any. */
import { z } from "zod";

/** Steps that a day is made of: then a calendar names the moments, the same on every member. */
const steps: readonly number[] = [5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440];

const kept = (count: number) => z.int().min(1).max(1000).default(count);

const Backup = z.strictObject({
  /** Minutes from one snapshot of a shard to the next: what is lost at most where all of its disks are. Default 30. */
  everyMinutes: z
    .int()
    .min(5)
    .max(1440)
    .refine((minutes) => minutes < 5 || minutes > 1440 || steps.includes(minutes), {
      error: ({ input }) =>
        `${input} minutes are no step that fills hours or a day evenly; allowed are ${steps.join(", ")}`,
    })
    .default(30),
  /** Snapshots that are kept for ever shorter times: the last one of each of so many hours, days and weeks. */
  keep: z
    .strictObject({
      /** Default 48: two days. */
      hourly: kept(48),
      /** Default 14. */
      daily: kept(14),
      /** Default 8. */
      weekly: kept(8),
    })
    .prefault({}),
});

export type BackupKnobs = z.output<typeof Backup>;

/** As a stack's file has it. */
export const BackupChoice = z.union([z.literal(false), Backup], {
  error: "wants false, or a map such as {everyMinutes: 30}",
});

/** undefined: the cluster has no backups. Where nothing is said, what may be thrown away has none. */
export function backupOf(spec: {
  readonly ephemeral: boolean;
  readonly etcd: { readonly backup?: BackupKnobs | false | undefined };
}): BackupKnobs | undefined {
  const { backup = spec.ephemeral ? false : Backup.parse({}) } = spec.etcd;
  return backup === false ? undefined : backup;
}
