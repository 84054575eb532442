/** What `etcd-restore`, `api-server` and `etcd-backup list` print on a host, read as what it may be. */
import * as z from "zod";
import { read } from "../../../components/rollout/hosts/answers";

/** What is printed, and handed on to other hosts as a word of a command. */
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "wants a word (letters, digits, '.', '_', '-')");
const count = z.int().min(0);
const sum = z.string().regex(/^[0-9a-f]{64}$/, "wants a sha256");
const folder = z.string().regex(/^\/[A-Za-z0-9/._-]{1,512}$/, "wants a path");

const restore = z.object({
  command: z.enum(["restore", "recover", "move"]),
  id: word,
  shard: word,
  /** "own": the data that the member itself had. */
  snapshot: word,
  bytes: count,
  token: word,
  /** By how much revisions go on above the snapshot's. */
  bump: count,
  /** NAME=URL of each. */
  members: z
    .array(z.string().regex(/^[a-z0-9-]{1,63}=https?:\/\/[A-Za-z0-9.:[\]-]{1,256}$/, "wants NAME=URL"))
    .min(1)
    .max(100),
  /** Of the file that it was made from; empty for a member's own data. */
  sha256: z.union([sum, z.literal("")]),
  snapshotRevision: count,
  /** Of the restored data, with the sum and the number of its keys. */
  revision: count,
  hash: count,
  keys: count,
});

const memberState = z.object({
  phase: z.enum(["none", "staged", "aside", "place", "swapped"]),
  restore: restore.nullable(),
  held: z.boolean(),
  etcd: z.string().max(64),
  hasData: z.boolean(),
  /** The last one that came to its end. */
  last: z
    .object({
      id: word,
      snapshot: word,
      revision: count,
      at: count,
      aside: z.array(folder).max(10),
      /** Absent: of a time when hosts did not note it. */
      command: z.enum(["restore", "recover", "move"]).optional(),
      shard: word.optional(),
    })
    .nullable(),
  /** What the data holds, of a member that does not run, where that was asked. */
  stored: z.object({ revision: count, hash: count, keys: count }).optional(),
});

const apiState = z.object({ running: z.boolean(), restartedFor: word.nullable() });

const snapshots = z
  .array(
    z.object({
      id: z.string().regex(/^[0-9a-f]{8,64}$/, "wants the id of a snapshot"),
      takenAt: z.iso.datetime({ offset: true }),
      revision: count,
      bytes: count,
      sha256: sum,
      member: word,
      etcdVersion: z.string().regex(/^[\w.+-]{0,64}$/, "wants a version"),
    }),
  )
  .max(100_000);

const status = z.array(z.object({ Status: z.object({ header: z.object({ revision: count.default(0) }) }) })).max(100);

export type MemberState = Readonly<z.infer<typeof memberState>>;
export type UnderWay = NonNullable<MemberState["restore"]>;
export type ApiState = Readonly<z.infer<typeof apiState>>;
export type Snapshot = Readonly<z.infer<typeof snapshots>[number]>;

export const readMember = (host: string, printed: string): MemberState =>
  read(host, "etcd-restore", printed, memberState);

export const readApi = (host: string, printed: string): ApiState => read(host, "api-server", printed, apiState);

export const readSnapshots = (host: string, printed: string): readonly Snapshot[] =>
  read(host, "etcd-backup list", printed, snapshots);

/** Of `endpoint status`. */
export const readRevision = (host: string, printed: string): number =>
  Math.max(0, ...read(host, "etcdctl", printed, status).map(({ Status }) => Status.header.revision));
