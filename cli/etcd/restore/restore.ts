/** `kilonode etcd restore`: a shard goes back to one of its snapshots. */
import { exitCodes, UserError } from "../../../config/errors";
import { type Consent, consentTo } from "../../commands/consent";
import type { ClusterOptions } from "../../hosts/cluster";
import { print } from "../../output";
import type { MemberState, Snapshot, UnderWay } from "./answers";
import { bumpAbove, type Choice, chooseSnapshot, refuseNewer } from "./choose";
import type { RestorePlan } from "./hosts";
import { runRestore, startApis } from "./run";
import { inSession, newId, planOf, type Session } from "./session";
import { goingOnText, lossOf, planText, reportText } from "./text";
import { membersIn, underWayIn } from "./under-way";

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

/** The API servers may have ended already, or be about to: they come back, and find the shard as it was. */
async function abandon(
  session: Session,
  states: ReadonlyMap<string, MemberState>,
  underWay: UnderWay | undefined,
): Promise<void> {
  const { masters, progress, remote, say } = session;
  if (!underWay) return print("no restore is under way\n");
  const exchanged = [...states].filter(([, { phase }]) => !["none", "staged"].includes(phase));
  if (exchanged.length > 0)
    throw new UserError(
      `${exchanged.map(([host]) => host).join(", ")}: the data was exchanged already, so the restore can only be finished`,
      exitCodes.gateRefused,
    );
  say(`taking back restore ${underWay.id}: what is staged is removed`);
  await Promise.all([...states.keys()].map((host) => remote.abandon(host)));
  say("starting the API servers that have ended");
  await startApis(remote, masters, planOf(session).masterTimeoutMs, progress);
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
  refuseNewer(snapshot, cluster.checked.plan.releases.etcd);
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
