/** What `etcd-backup` prints on a host, read as what it may be: a host is not trusted to say more. */
import * as z from "zod";
import { moment } from "../../hosts/backup-status";

const sum = z.string().regex(/^[0-9a-f]{64}$/, "wants 64 hexadecimal digits");
const number = z.int().min(0);
const name = z.string().regex(/^[A-Za-z0-9._-]{1,253}$/, "wants the name of a member");
/** Printed as it is, so without anything that moves a cursor. */
const words = z
  .string()
  .max(1_000)
  .transform((told) => told.replaceAll(/\p{Cc}/gu, " "));

export const snapshot = z.object({
  id: sum,
  takenAt: moment,
  revision: number,
  hash: z.string().regex(/^[0-9a-f]{1,8}$/, "wants 8 hexadecimal digits"),
  keys: number,
  bytes: number,
  member: name,
  etcdVersion: z.string().regex(/^[\w.+-]{0,64}$/, "wants a version"),
  sha256: sum,
});

/** The newest last. At most as many as are taken in three years, every five minutes. */
export const snapshotList = z.array(snapshot).max(320_000);

const differences = z.array(words).max(100);

export const drilled = z.object({
  passed: z.boolean(),
  snapshot,
  /** Of the newest snapshot that there was before the drill: what a restore would have lost then. */
  ageSeconds: z.int(),
  seconds: z.object({
    /** Of the live shard's keys, where they were read. */
    live: z.number().min(0).optional(),
    fetch: z.number().min(0),
    restore: z.number().min(0),
    start: z.number().min(0),
    compare: z.number().min(0),
  }),
  resources: number,
  keys: number,
  /** Between what the restored shard serves and what the snapshot's manifest says; a line a resource. */
  differences,
  live: z.object({ result: z.enum(["same", "differs", "not compared"]), why: words, differences }),
});

export type Snapshot = Readonly<z.output<typeof snapshot>>;
export type Drilled = Readonly<z.output<typeof drilled>>;
