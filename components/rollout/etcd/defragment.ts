/**
 * Gives back what is free in the databases of a shard, one member at a time, the leader last and only when it leads no more: each member
 * restarts and writes its database anew before it serves again, behind the gates of a rollout.
 */
import type { Progress } from "../gate/progress";
import { etcdAdvice } from "./advice";
import { findings, leaderOf, voters } from "./health";
import { type Database, type EtcdShard, type Member, NoRoom, type View } from "./shard";
import { blockedBy, type Ending, walk } from "./walk";

export interface DefragmentPlan {
  readonly group: string;
  /** All members' hosts, which are called as the members are, in the order of their turns. */
  readonly hosts: readonly string[];
  readonly hostTimeoutMs: number;
  readonly worth: Worth;
  /** Types of alarms that close no gate. */
  readonly despite?: readonly string[];
}

/** From where on it is worth a restart: both must be passed. */
export interface Worth {
  /** Of the file. */
  readonly freeShare: number;
  /** Of the file as a whole. */
  readonly bytes: number;
}

/**
 * A file almost twice as large as what is in it, and not a small one. As OpenShift has it, whose operator defragments by itself (45 %,
 * 100 MB): https://github.com/openshift/cluster-etcd-operator/blob/master/pkg/operator/defragcontroller/defragcontroller.go
 */
export const defaultWorth: Worth = { freeShare: 0.45, bytes: 100 * 2 ** 20 };

export type DefragmentStep =
  | { readonly kind: "defragment"; readonly member: Member; readonly database: Database }
  | { readonly kind: "handOver"; readonly from: Member; readonly to: Member };

/** A member with its database before and after; `silentSeconds`: for how long it was away, null where nothing was done. */
export interface Defragmented {
  readonly member: string;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  readonly silentSeconds: number | null;
}

export const isWorth = (database: Database, { freeShare, bytes }: Worth): boolean =>
  database.bytes > bytes && database.bytes - database.inUseBytes >= freeShare * database.bytes;

/** Pure. @param done members that had their turn: what did not help once would not help again */
export function nextDefragmentStep(
  { hosts, worth, despite = [] }: DefragmentPlan,
  view: View,
  done: ReadonlySet<string>,
): DefragmentStep | Ending {
  const alarms = view.alarms.filter(({ type }) => !despite.includes(type));
  const closed = blockedBy(findings({ ...view, alarms }, (one) => one.name || one.peerUrl));
  if (closed) return closed;
  const leader = leaderOf(view);
  const inOrder = hosts.flatMap((host) => view.members.find(({ name }) => name === host) ?? []);
  const due = inOrder.flatMap((member) => {
    const database = view.endpoints.get(member.id)?.database;
    return database && !done.has(member.name) && isWorth(database, worth) ? [{ member, database }] : [];
  });
  const follower = due.find(({ member }) => member.id !== leader);
  if (follower) return { kind: "defragment", ...follower };
  const [own] = due;
  if (!own) return { kind: "done" };
  const heir = inOrder.find((member) => member !== own.member && voters(view).includes(member));
  // The only member of its shard: its clients wait until it is back, as at every restart.
  return heir ? { kind: "handOver", from: own.member, to: heir } : { kind: "defragment", ...own };
}

/** @returns all members, in the order of their turns */
export async function defragment(shard: EtcdShard, plan: DefragmentPlan, progress: Progress): Promise<Defragmented[]> {
  const done = new Map<string, { readonly beforeBytes: number; readonly silentSeconds: number }>();
  const perform = async (step: DefragmentStep) => {
    if (step.kind === "handOver") return handOver(shard, step, progress);
    const { name } = step.member;
    progress.report(`all healthy; ${name} restarts and gives back ${free(step.database)}`);
    const started = shard.now();
    await shard.defragment(name, step.database.inUseBytes).catch((error: unknown) => {
      if (!(error instanceof NoRoom)) throw error;
      throw progress.refuse([{ host: name, ...noRoom, found: error.message, lasting: true }]);
    });
    const silentSeconds = Math.round((shard.now() - started) / 100) / 10;
    progress.markChanged(name);
    done.set(name, { beforeBytes: step.database.bytes, silentSeconds });
    progress.report(`${name} serves again, after ${silentSeconds.toFixed(1)} s`);
  };
  const decide = (view: View) => nextDefragmentStep(plan, view, new Set(done.keys()));
  const view = await walk(shard, { ...plan, decide, perform }, progress);
  return view.members
    .filter(({ name }) => plan.hosts.includes(name))
    .sort((a, b) => plan.hosts.indexOf(a.name) - plan.hosts.indexOf(b.name))
    .map(({ id, name }) => {
      const afterBytes = view.endpoints.get(id)?.database?.bytes ?? 0;
      return { member: name, beforeBytes: afterBytes, afterBytes, silentSeconds: null, ...done.get(name) };
    });
}

async function handOver(
  shard: EtcdShard,
  { from, to }: Extract<DefragmentStep, { kind: "handOver" }>,
  progress: Progress,
): Promise<void> {
  progress.report(`all others are done; handing leadership from ${from.name} to ${to.name}`);
  for (const unheld of await shard.moveLeader(from, to)) progress.report(unheld);
}

const noRoom = {
  checked: "its volume has room for a second database, while the old one is there",
  advice: etcdAdvice.noRoom,
};

const free = (database: Database): string => {
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  return `${mib(database.bytes - database.inUseBytes)} of ${mib(database.bytes)} MiB`;
};
