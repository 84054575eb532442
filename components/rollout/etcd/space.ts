/**
 * A shard that takes no more writes because a database has reached its quota (alarm NOSPACE): old revisions are forgotten, what that
 * frees is given back member by member, and the alarm is taken back when there is room again. Objects are never deleted.
 */
import type { Progress } from "../gate/progress";
import { etcdAdvice } from "./advice";
import { type Defragmented, defragment, isWorth } from "./defragment";
import { findings, type MemberFinding } from "./health";
import type { Database, EtcdShard, View } from "./shard";
import { blockedBy, type Ending, walk } from "./walk";

const noSpace = "NOSPACE";
/** Where `kilonode doctor` begins to warn: with less room than this the alarm would soon be up again. */
export const ENOUGH = 0.8;
/** Of this shard any restart is worth its while that gives back a twentieth: it serves no writes until then. */
const worth = { freeShare: 0.05, bytes: 0 };
/** Between two looks at a compaction: more than etcd's pause between two of its batches. */
const SETTLE_MS = 1_000;

export interface SpacePlan {
  readonly group: string;
  readonly hosts: readonly string[];
  readonly hostTimeoutMs: number;
}

export type SpaceStep =
  | { readonly kind: "compact"; readonly revision: number }
  | { readonly kind: "defragment"; readonly members: readonly string[] }
  | { readonly kind: "disarm" };

/** What this run has done: none of it would help once more. */
export type SpaceDone = Readonly<Record<"compacted" | "defragmented", boolean>>;

/** Asks, before each step. @throws when the answer is no */
export type Agree = (step: SpaceStep) => Promise<void>;

/** Pure. */
export function nextSpaceStep({ hosts }: SpacePlan, view: View, done: SpaceDone): SpaceStep | Ending {
  const others = view.alarms.filter(({ type }) => type !== noSpace);
  const closed = blockedBy(findings({ ...view, alarms: others }, (one) => one.name || one.peerUrl));
  if (closed) return closed;
  if (others.length === view.alarms.length) return { kind: "done" };
  const databases = databasesOf(view);
  const full = databases.filter(({ database }) => database.bytes > ENOUGH * database.quotaBytes);
  if (full.length === 0 && databases.length > 0) return { kind: "disarm" };
  if (!done.compacted)
    return { kind: "compact", revision: Math.max(...databases.map(({ database }) => database.revision)) };
  const members = databases.flatMap(({ member, database }) =>
    hosts.includes(member) && isWorth(database, worth) ? [member] : [],
  );
  if (!done.defragmented && members.length > 0) return { kind: "defragment", members };
  const [first, ...more] = full.map(stillFull);
  return first ? { kind: "blocked", findings: [first, ...more] } : { kind: "done" };
}

/** @returns what was done with the members' databases; empty when no alarm was raised */
export async function makeSpace(
  shard: EtcdShard,
  plan: SpacePlan,
  progress: Progress,
  agree: Agree,
): Promise<readonly Defragmented[]> {
  const done = { compacted: false, defragmented: false };
  let given: readonly Defragmented[] = [];
  const perform = async (step: SpaceStep, via: string) => {
    await agree(step);
    switch (step.kind) {
      case "compact":
        progress.report(`compacting to revision ${step.revision}: what is older is forgotten`);
        await shard.compact(via, step.revision);
        await settle(shard, via, plan.hostTimeoutMs);
        done.compacted = true;
        return;
      case "defragment":
        given = await defragment(shard, { ...plan, worth, despite: [noSpace] }, progress);
        done.defragmented = true;
        return;
      case "disarm":
        progress.report("there is room again; taking the alarm back");
        return shard.disarm(via);
    }
  };
  await walk(shard, { ...plan, decide: (view) => nextSpaceStep(plan, view, done), perform }, progress);
  return given;
}

/** Members other than the one that was asked still work on it: until no database frees anything more. */
async function settle(shard: EtcdShard, via: string, hostTimeoutMs: number): Promise<void> {
  const deadline = shard.now() + hostTimeoutMs;
  const used = async () => {
    const view = await shard.look(via);
    return databasesOf(view)
      .map(({ database }) => database.inUseBytes)
      .join();
  };
  for (let last = await used(); shard.now() < deadline; ) {
    await shard.sleep(SETTLE_MS);
    const now = await used();
    if (now === last) return;
    last = now;
  }
}

export function databasesOf(view: View): { readonly member: string; readonly database: Database }[] {
  return view.members.flatMap(({ id, name }) => {
    const database = view.endpoints.get(id)?.database;
    return database ? [{ member: name, database }] : [];
  });
}

function stillFull({ member, database }: { readonly member: string; readonly database: Database }): MemberFinding {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return {
    host: member,
    checked: `its database has less than ${ENOUGH * 100} % of its quota`,
    found: `${mib(database.bytes)} of ${mib(database.quotaBytes)}, of which ${mib(database.inUseBytes)} are in use: it is full of objects`,
    advice: etcdAdvice.stillFull,
    lasting: true,
  };
}
