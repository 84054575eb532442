/**
 * The one decision of a restore: given what is seen now, which step comes next. Pure and without memory, so a run that was killed
 * anywhere goes on from what the hosts hold.
 *
 * The order, each rule only when those above have nothing to do:
 *  1. members that are not to run are held (where a member's own data is the snapshot: of one that is written there is no copy), after the
 *     API servers have stopped: without members they would take minutes to end;
 *  2. the new data is made beside the live data, on all members side by side, while the shard serves;
 *  3. all of them must have made the same;
 *  4. API servers stop;
 *  5. each member ends, and its data is exchanged. From the first one on there is no way back but another restore;
 *  6. when all are exchanged, and not before, the members start: together they are the restored shard;
 *  7. it must be healthy;
 *  8. API servers start, or are restarted one by one; all must be ready;
 *  9. what was held is let go, and the restore is noted as done.
 */
import { moveAdvice, restoreAdvice } from "../../../components/rollout/etcd/advice";
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import type { ApiState, MemberState, UnderWay } from "./answers";
import type { RestorePlan } from "./hosts";

export interface RestoreSeen {
  /** Of members and others. */
  readonly members: ReadonlyMap<string, MemberState>;
  /** Of masters that answer. */
  readonly apis: ReadonlyMap<string, ApiState>;
  /** Of the restored shard and of API servers: asked when nothing stands before it, else undefined. */
  readonly healthy?: boolean;
  readonly ready?: boolean;
}

export type RestoreStep =
  | {
      readonly kind: "hold" | "stage" | "stopApi" | "swap" | "start" | "startApi" | "restartApi" | "release" | "finish";
      readonly hosts: readonly string[];
    }
  | { readonly kind: "settle" | "ready" }
  | { readonly kind: "done" }
  | { readonly kind: "blocked"; readonly findings: readonly [GateFinding, ...GateFinding[]] };

export function nextRestoreStep(plan: RestorePlan, seen: RestoreSeen): RestoreStep {
  const { id, snapshot } = plan.request;
  const at = (name: string) => seen.members.get(name)!;
  const isDone = (name: string) => at(name).restore === null && at(name).last?.id === id;
  const left = plan.members.filter((name) => !isDone(name));
  const [first, ...more] = left.flatMap((name) => foreign(plan, name, at(name)));
  if (first) return { kind: "blocked", findings: [first, ...more] };

  const unstaged = left.filter((name) => at(name).phase === "none");
  const unswapped = left.filter((name) => at(name).phase !== "swapped");
  const still = [...(snapshot === ownData ? unstaged : []), ...(unswapped.length > 0 ? plan.others : [])];
  const loose = still.filter((name) => !at(name).held || !isDown(at(name)));
  const masters = plan.masters.filter((name) => seen.apis.has(name));
  const serving = plan.stopsApi ? masters.filter((name) => seen.apis.get(name)?.running) : [];
  if (loose.length > 0 && serving.length > 0) return { kind: "stopApi", hosts: serving };
  if (loose.length > 0) return { kind: "hold", hosts: loose };
  if (unstaged.length > 0) return { kind: "stage", hosts: unstaged };
  const differing = differences(plan, left, at);
  if (differing) return { kind: "blocked", findings: [differing] };

  if (unswapped.length > 0)
    return serving.length > 0 ? { kind: "stopApi", hosts: serving } : { kind: "swap", hosts: unswapped };
  const down = left.filter((name) => at(name).held || isDown(at(name)));
  if (down.length > 0) return { kind: "start", hosts: down };
  if (!seen.healthy) return { kind: "settle" };

  const stopped = masters.filter((name) => !seen.apis.get(name)?.running);
  if (stopped.length > 0 && plan.stopsApi) return { kind: "startApi", hosts: stopped };
  if (!seen.ready) return { kind: "ready" };
  const stale = plan.stopsApi ? [] : masters.filter((name) => seen.apis.get(name)?.restartedFor !== id);
  if (stale.length > 0 && left.length > 0) return { kind: "restartApi", hosts: stale.slice(0, 1) };
  const held = plan.others.filter((name) => at(name).held);
  if (held.length > 0) return { kind: "release", hosts: held };
  return left.length > 0 ? { kind: "finish", hosts: left } : { kind: "done" };
}

/** The snapshot is the data that the member itself has. */
export const ownData = "own";

export const isDown = ({ etcd }: MemberState): boolean => ["inactive", "failed"].includes(etcd);

/** True: what is left to do needs the shard, and then the API servers, as they are. */
export const isExchanged = (plan: RestorePlan, { members }: RestoreSeen): boolean =>
  plan.members.every((name) => ["none", "swapped"].includes(members.get(name)!.phase) && !members.get(name)!.held);

function foreign({ request, shard }: RestorePlan, host: string, { restore }: MemberState): GateFinding[] {
  if (restore === null || restore.id === request.id) return [];
  const checked = `only restore ${request.id} of shard ${shard} is under way`;
  return [{ host, checked, found: `restore ${restore.id}`, advice: restoreAdvice.another, lasting: true }];
}

/** Members say what they have made; none of them is believed alone. */
function differences(
  { expected, request }: RestorePlan,
  hosts: readonly string[],
  at: (name: string) => MemberState,
): GateFinding | undefined {
  const told = hosts.flatMap((host) => {
    const { restore } = at(host);
    return restore ? [{ host, made: madeText(restore), restore }] : [];
  });
  const wrong = told.filter(
    ({ made, restore }) =>
      made !== told[0]?.made ||
      restore.revision !== restore.snapshotRevision + request.bump ||
      (expected !== undefined &&
        (restore.sha256 !== expected.sha256 || restore.snapshotRevision !== expected.snapshotRevision)),
  );
  if (wrong.length === 0) return undefined;
  return {
    host: wrong.map(({ host }) => host).join(", "),
    checked: "all members have made the same of the snapshot that was chosen",
    found: told.map(({ host, made }) => `${host}: ${made}`).join("; "),
    // What goes on as it is comes of a move.
    advice: request.bump === 0 ? moveAdvice.cutShort : restoreAdvice.differing,
    lasting: true,
  };
}

const madeText = ({ sha256, revision, hash, keys, token, members }: UnderWay): string =>
  `revision ${revision}, ${keys} keys, hash ${hash}, of sha256 ${sha256 || "(own data)"}, as ${token} of ${members.join(",")}`;
