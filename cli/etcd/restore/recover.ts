/**
 * `kilonode etcd recover`: a shard that has lost the data of most of its members goes on from the member that is the furthest.
 *
 * That one alone is restored, from its own data, as a shard of one voter; the next `up` lets the others join, one after the other,
 * with their old data put aside. So nothing is copied from host to host beside what etcd copies itself, and a member whose disk is
 * lost needs no other way than one whose data is only old. Revisions go on a billion higher, as in every restore: API servers may
 * remember some that are gone.
 */
import type { DownService } from "../../../components/rollout/hosts/answers";
import { type Consent, consentTo } from "../../commands/consent";
import type { ClusterOptions } from "../../hosts/cluster";
import { print } from "../../output";
import { bumpAbove } from "./choose";
import type { RestorePlan } from "./hosts";
import { isDown, ownData } from "./next";
import { runRestore } from "./run";
import { inSession, newId, planOf, type Session } from "./session";
import { needless, type Survivor, usableOf } from "./survivors";
import { reportText } from "./text";

export interface RecoverOptions extends ClusterOptions, Consent {
  readonly shard: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function recover(stack: string, options: RecoverOptions): Promise<void> {
  return inSession(stack, options.shard, "recover", options, async (session) => {
    const survivors = await survivorsIn(session);
    const going = survivors.find(({ state }) => state.restore?.command === "recover");
    const held = survivors.some(({ state }) => state.held && !state.restore);
    if (!going) await refuseNeedless(session, survivors, held);
    const usable = usableOf(survivors);
    const text = recoverText(session, usable);
    if (options.dryRun) return print(text);
    if (!going) {
      process.stderr.write(text);
      const does = "gives up what only the lost members had";
      await consentTo(`recover shard ${options.shard} of`, session.cluster.checked, options, does);
    }
    const since = going ? undefined : await stopApis(session);
    const chosen = going ?? (await furthest(session, usable));
    const others = survivors.filter(({ host }) => host !== chosen.host).map(({ host }) => host);
    const request = chosen.state.restore ?? requestOf(session, chosen, survivors);
    const plan: RestorePlan = { ...planOf(session), members: [chosen.host], others, request };
    const report = await runRestore(session.remote, plan, session.progress, since);
    print(
      options.json
        ? `${JSON.stringify({ stack, shard: options.shard, member: chosen.host, ...report }, null, 2)}\n`
        : `${reportText(stack, options.shard, report)}Its only member is ${chosen.host}: now \`kilonode up ${stack}\`, which lets the others join.\n`,
    );
  });
}

async function survivorsIn({ names, remote }: Session): Promise<Survivor[]> {
  const asked = names.map(async (host): Promise<Survivor> => {
    const state = await remote.member(host);
    const down = await remote.shard.diagnose(host).catch((): readonly DownService[] => []);
    const is = (kind: DownService["cause"]) => down.some(({ cause }) => cause === kind);
    return { host, state, damaged: is("bad-data"), swapped: is("swapped") };
  });
  const answers = await Promise.allSettled(asked);
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

async function refuseNeedless(
  { names, progress, remote, shard }: Session,
  survivors: readonly Survivor[],
  held: boolean,
): Promise<void> {
  const hasQuorum = !held && (await remote.views(names)).some(({ quorum }) => quorum);
  const found = needless(shard.name, names, survivors, hasQuorum);
  if (found) throw progress.refuse([found]);
}

function recoverText({ names, shard }: Session, usable: readonly Survivor[]): string {
  const left = usable.map(({ host }) => host);
  const lost = names.filter((name) => !left.includes(name));
  const lines = [
    `Shard ${shard.name} goes on from the one of ${left.join(", ")} that is the furthest, as a shard of that member alone.`,
    "",
    `  lost      what ${lost.join(", ")} had acknowledged and that member has not got`,
    `  DANGER    if hosts of ${lost.join(", ")} are alive behind a broken network, they go on as the shard that they were: end them first`,
    "  clients   watch caches and informers begin anew: revisions go on a billion above those of that member",
    "  kept      the data as it is now stays on the volumes (set-aside-...), until you remove it",
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Before the members end: an API server that ends waits for requests that are under way, and those wait for members that are not there any
 * more until their time is over. Those that still run say at once that the shard has no quorum.
 * @returns when it began; undefined: nothing was stopped
 */
async function stopApis(session: Session): Promise<number | undefined> {
  const { progress, remote } = session;
  const { masters, stopsApi } = planOf(session);
  const states = await Promise.all(stopsApi ? masters.map((name) => remote.api(name)) : []);
  const serving = masters.filter((_, index) => states[index]?.running);
  if (serving.length === 0) return undefined;
  progress.stopIfAsked();
  const since = remote.now();
  progress.report(`stop the API servers on ${serving.join(", ")}`);
  for (const name of serving) progress.markChanged(name);
  await Promise.all(serving.map((name) => remote.stopApi(name)));
  return since;
}

/** Told only by members that have ended: while one runs, its data moves on. */
async function furthest({ progress, remote, shard }: Session, usable: readonly Survivor[]): Promise<Survivor> {
  const loose = usable.filter(({ state }) => !state.held || !isDown(state));
  for (const { host } of loose) progress.markChanged(host);
  if (loose.length > 0)
    progress.report(`end and hold ${loose.map(({ host }) => host).join(", ")}, to see which is the furthest`);
  await Promise.all(loose.map(({ host }) => remote.hold(host, shard.name)));
  const states = await Promise.all(
    usable.map(async (one): Promise<Survivor> => ({ ...one, state: await remote.member(one.host, "--stored") })),
  );
  const revisionOf = ({ state }: Survivor) => state.stored?.revision ?? 0;
  for (const one of states) progress.report(`${one.host} is at revision ${revisionOf(one)}`);
  return states.reduce((best, one) => (revisionOf(one) > revisionOf(best) ? one : best));
}

function requestOf(
  session: Session,
  { host, state }: Survivor,
  survivors: readonly Survivor[],
): RestorePlan["request"] {
  const id = newId(new Date());
  const own = state.stored?.revision ?? 0;
  const highest = Math.max(own, ...survivors.map(({ state: { last } }) => last?.revision ?? 0));
  const bump = bumpAbove(own, highest);
  return {
    id,
    snapshot: ownData,
    bytes: 0,
    token: `${session.shard.token}-${id}`,
    bump,
    members: [session.peer(host)],
  };
}
