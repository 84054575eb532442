/** What `etcd-move` prints on a host, read as what it may be. */
import * as z from "zod";
import { read } from "../../../components/rollout/hosts/answers";

const count = z.int().min(0);

/** Where clients come in. */
const door = z.object({ closed: z.boolean(), clients: count });

const cut = z.object({
  /** Of the shard, when the first member was removed. */
  revision: count,
  /** Why not all of them were removed; empty when they were. */
  why: z.string().max(1_000),
  removed: z.array(z.string().regex(/^[0-9a-f]{1,16}$/, "wants the id of a member")).max(100),
  milliseconds: count,
});

const content = z.object({
  revision: count,
  resources: z.record(
    z.string().max(600),
    z.object({ keys: count, hash: z.string().regex(/^[0-9a-f]{64}$/, "wants a sum") }),
  ),
});

const deleted = z.object({ deleted: count });

/** What main keeps of a move, from the moment at which members are taken out of it until it has let go what has moved. */
const note = z.object({
  /**
   * `cut`: clients of the guests were sent away, and then they were taken out. `compared`: both clusters had the same of what moves.
   * `deleting`: main lets go of it.
   */
  reached: z.enum(["cut", "compared", "deleting"]),
  /** What both had. */
  resources: content.shape.resources.default({}),
});
const noted = z.object({ note: note.nullable() });

export type Door = Readonly<z.infer<typeof door>>;
export type Cut = Readonly<z.infer<typeof cut>>;
/** Prefix to the number of its keys and a sum over them. */
export type Resources = Readonly<z.infer<typeof content>["resources"]>;
export type Note = Readonly<z.infer<typeof note>>;

export const readDoor = (host: string, printed: string): Door => read(host, "etcd-move", printed, door);
export const readCut = (host: string, printed: string): Cut => read(host, "etcd-move cut", printed, cut);
export const readContent = (host: string, printed: string): Resources =>
  read(host, "etcd-move content", printed, content).resources;
export const readDeleted = (host: string, printed: string): number =>
  read(host, "etcd-move delete", printed, deleted).deleted;
export const readNote = (host: string, printed: string): Note | undefined =>
  read(host, "etcd-move note", printed, noted).note ?? undefined;
