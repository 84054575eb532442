/** `kilonode etcd restore`: a shard goes back to one of its snapshots. */
import { restoreAdvice } from "../../../components/rollout/etcd/advice";
import { hostAdvice } from "../../../components/rollout/hosts/advice";
import { exitCodes, UserError } from "../../../config/errors";
import { type Consent, consentTo } from "../../commands/consent";
import type { ClusterOptions } from "../../hosts/cluster";
import { print } from "../../output";
import type { MemberState, Snapshot, UnderWay } from "./answers";
import { bumpAbove, type Choice, chooseSnapshot } from "./choose";
import type { RestorePlan } from "./hosts";
import { runRestore } from "./run";
import { inSession, newId, planOf, type Session } from "./session";
import { goingOnText, lossOf, planText, reportText } from "./text";

export interface RestoreOptions extends ClusterOptions, Choice, Consent {
  readonly shard: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly abandon?: boolean;
  /** Although the shard was restored from the same snapshot before. */
  readonly again?: boolean;
  /** Hosts that are lost: they join the restored shard later. */
  readonly without?: readonly string[];
}

export function restore(stack: string, options: RestoreOptions): Promise<void> {
  return inSession(stack, options.shard, "restore", options, async (session) => {
    const without = new Set(options.without ?? []);
    const states = await membersIn(session, without);
    const underWay = underWayIn(session, states);
    if (options.abandon) return abandon(session, states, underWay);
    if (underWay) return goOn(session, underWay, options);
    return begin(session, states, options);
  });
}

/** Of all members that are to be restored; refuses when one does not answer. */
async function membersIn(
  { names, progress, remote }: Session,
  without: ReadonlySet<string>,
): Promise<ReadonlyMap<string, MemberState>> {
  const unknown = [...without].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new UserError(
      `--without ${unknown[0]}: is no member of the shard, which has: ${names.join(", ")}`,
      exitCodes.badConfiguration,
    );
  const wanted = names.filter((name) => !without.has(name));
  if (2 * wanted.length <= names.length)
    throw new UserError(
      `--without: ${wanted.length} of ${names.length} members would be left; those without could go on as the shard that they were`,
      exitCodes.badConfiguration,
    );
  const answers = await Promise.allSettled(wanted.map((name) => remote.member(name)));
  progress.refuseAny(
    answers.flatMap((answer, index) => {
      if (answer.status === "fulfilled") return [];
      const checked = "the host of each member answers (etcd-restore state)";
      const advice = `${hostAdvice.unreachable} If it is lost, leave it out with \`--without ${wanted[index]}\`: it joins later.`;
      return [{ host: wanted[index]!, checked, found: (answer.reason as Error).message, advice, lasting: true }];
    }),
  );
  return new Map(
    answers.flatMap((answer, index) =>
      answer.status === "fulfilled" ? [[wanted[index]!, answer.value] as const] : [],
    ),
  );
}

function underWayIn({ progress }: Session, states: ReadonlyMap<string, MemberState>): UnderWay | undefined {
  for (const [host, { held, restore: found }] of states) {
    if (found?.command !== "recover" && !(held && !found)) continue;
    const checked = "no recovery of the shard is under way";
    throw progress.refuse([{ host, checked, found: "one is", advice: hostAdvice.restoring, lasting: true }]);
  }
  const found = [...states].flatMap(([host, { restore: one }]) => (one ? [{ host, one }] : []));
  const [first] = found;
  const other = found.find(({ one }) => one.id !== first?.one.id);
  if (other) {
    const checked = `only restore ${first?.one.id} is under way`;
    const found = `restore ${other.one.id}`;
    throw progress.refuse([{ host: other.host, checked, found, advice: restoreAdvice.another, lasting: true }]);
  }
  return first?.one;
}

/** The API servers may have ended already: they come back, and find the shard as it was. */
async function abandon(
  { masters, remote, say }: Session,
  states: ReadonlyMap<string, MemberState>,
  underWay: UnderWay | undefined,
): Promise<void> {
  if (!underWay) return print("no restore is under way\n");
  const exchanged = [...states].filter(([, { phase }]) => !["none", "staged"].includes(phase));
  if (exchanged.length > 0)
    throw new UserError(
      `${exchanged.map(([host]) => host).join(", ")}: the data was exchanged already, so the restore can only be finished`,
      exitCodes.gateRefused,
    );
  say(`taking back restore ${underWay.id}: what is staged is removed`);
  await Promise.all([...states.keys()].map((host) => remote.abandon(host)));
  await Promise.all(
    masters.map(async (host) => {
      if ((await remote.api(host))?.running === false) await remote.startApi(host);
    }),
  );
  print(`restore ${underWay.id} was taken back; the shard serves as before\n`);
}

/** An earlier run was cut short: what it has begun is known from its hosts. */
async function goOn(session: Session, underWay: UnderWay, options: RestoreOptions): Promise<void> {
  const { snapshot, members: peers } = underWay;
  const other = options.at !== undefined || (options.snapshot !== undefined && !snapshot.startsWith(options.snapshot));
  if (other)
    throw new UserError(
      `a restore of snapshot ${snapshot} is under way: finish it by the same command without --snapshot and --at, or take it back with --abandon`,
      exitCodes.gateRefused,
    );
  const members = session.names.filter((name) => peers.includes(session.peer(name)));
  if (members.length !== peers.length)
    throw new UserError(
      `the restore under way is of ${peers.join(", ")}, and not all of them are planned: give \`etcd.shards\` these members until it is done`,
      exitCodes.gateRefused,
    );
  const plan: RestorePlan = { ...planOf(session), members, others: [], request: underWay };
  if (options.dryRun) return print(goingOnText(plan));
  session.say(`going on with restore ${underWay.id} of snapshot ${snapshot}`);
  await finish(session, plan, options);
}

async function begin(
  session: Session,
  states: ReadonlyMap<string, MemberState>,
  options: RestoreOptions,
): Promise<void> {
  const { cluster, remote, shard } = session;
  const members = [...states.keys()];
  const [all, live] = await Promise.all([remote.snapshots(members), remote.revision(members)]);
  const snapshot = chooseSnapshot(all, options);
  const lasts = [...states.values()].flatMap(({ last }) => last ?? []);
  const before = lasts.find((last) => last.snapshot === snapshot.id);
  if (before && !options.again) {
    const when = new Date(before.at * 1000).toISOString();
    return print(
      `shard ${shard.name} was restored from snapshot ${snapshot.id} at ${when}; to do it once more, which loses what came since: --again\n`,
    );
  }
  const highest = Math.max(live ?? 0, ...lasts.map(({ revision }) => revision));
  const bump = bumpAbove(snapshot.revision, highest);
  const plan: RestorePlan = {
    ...planOf(session),
    members,
    others: [],
    request: requestOf(session, members, snapshot, bump),
    expected: { sha256: snapshot.sha256, snapshotRevision: snapshot.revision },
  };
  const loss = lossOf(snapshot, live, new Date());
  const text = planText(plan, snapshot, loss);
  if (options.dryRun) return print(options.json ? `${JSON.stringify({ plan, snapshot, loss }, null, 2)}\n` : text);
  process.stderr.write(text);
  await consentTo(
    `restore shard ${shard.name} of`,
    cluster.checked,
    options,
    "loses what was written after the snapshot",
  );
  await finish(session, plan, options, { loss });
}

function requestOf(
  { peer, shard }: Session,
  members: readonly string[],
  { bytes, id: snapshot }: Snapshot,
  bump: number,
): RestorePlan["request"] {
  const id = newId(new Date());
  return { id, snapshot, bytes, token: `${shard.token}-${id}`, bump, members: members.map(peer) };
}

async function finish(
  { cluster, progress, remote, shard }: Session,
  plan: RestorePlan,
  { json }: RestoreOptions,
  more: object = {},
): Promise<void> {
  const report = await runRestore(remote, plan, progress);
  const { stack } = cluster.checked;
  print(
    json
      ? `${JSON.stringify({ stack, shard: shard.name, ...report, ...more }, null, 2)}\n`
      : reportText(stack, shard.name, report),
  );
}
