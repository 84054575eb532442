/** Which snapshot a restore takes, and what becomes of what came after it. */
import { exitCodes, UserError } from "../../../config/errors";
import type { Snapshot } from "./answers";

export interface Choice {
  /** Its id, or how the id begins. */
  readonly snapshot?: string;
  /** A moment: the last snapshot taken until then. */
  readonly at?: string;
}

export function chooseSnapshot<S extends Snapshot>(all: readonly S[], { snapshot, at }: Choice): S {
  const inOrder = [...all].sort((a, b) => Date.parse(a.takenAt) - Date.parse(b.takenAt));
  const newest = inOrder.at(-1);
  if (!newest) throw new UserError("there is no snapshot of this shard", exitCodes.gateRefused);
  if (snapshot !== undefined) {
    const [found, ...more] = inOrder.filter(({ id }) => id.startsWith(snapshot));
    if (found && more.length === 0) return found;
    const known = inOrder.slice(-10).map(({ id, takenAt }) => `${id.slice(0, 8)} of ${takenAt}`);
    const problem = found
      ? `${more.length + 1} snapshots begin with "${snapshot}"`
      : `there is no snapshot "${snapshot}"`;
    throw new UserError(`${problem}; the newest are:`, exitCodes.badConfiguration, known.reverse());
  }
  if (at === undefined) return newest;
  const moment = Date.parse(at);
  if (Number.isNaN(moment))
    throw new UserError(`--at ${at}: wants a moment such as 2026-11-29T03:15:00Z`, exitCodes.badConfiguration);
  const before = inOrder.filter(({ takenAt }) => Date.parse(takenAt) <= moment).at(-1);
  if (!before)
    throw new UserError(
      `--at ${at}: the first snapshot is of ${inOrder[0]?.takenAt}; name a moment after it`,
      exitCodes.badConfiguration,
    );
  return before;
}

/**
 * etcd of an older minor version does not start on the data of a newer one, and the shard would be gone until it runs the newer one again.
 * @param release what the cluster is to run
 */
export function refuseNewer({ etcdVersion, id, takenAt }: Snapshot, release: string): void {
  const [of, own] = [minorOf(etcdVersion), minorOf(release)];
  if (of <= own) return;
  throw new UserError(
    `snapshot ${id.slice(0, 8)} of ${takenAt} was taken of etcd ${etcdVersion}, and etcd ${release}, which the cluster is to run, does not start on its data: ` +
      `choose one from before by --at or --snapshot (\`kilonode etcd backups\` lists them), or set etcdVersion: ${etcdVersion} and run \`kilonode up\` first`,
    exitCodes.gateRefused,
  );
}

/** In order; 0 where a host tells something else. */
function minorOf(version: string): number {
  const [, major = "0", minor = "0"] = /^(\d{1,4})\.(\d{1,4})\./.exec(version) ?? [];
  return Number(major) * 10_000 + Number(minor);
}

/**
 * By how much the revisions of the restored shard go on above the snapshot's: so far that they are a billion above all that any client has
 * seen. Then no watch cache and no informer goes on from a revision that is not there any more, also when a shard is restored twice from
 * the same snapshot.
 */
export const bumpAbove = (snapshotRevision: number, highestSeen: number): number =>
  1_000_000_000 + Math.max(0, highestSeen - snapshotRevision);
