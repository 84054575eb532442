/** The split of a running cluster: the members of a shard that were guests of main become a cluster of their own. */
import type { ShardPlan } from "../../../components/plan/types";
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import { mastersAdvice } from "../../../components/rollout/masters/advice";
import { exitCodes, UserError } from "../../../config/errors";
import { prefixOf } from "../../doctor/shards";
import { type ClusterOptions, reachableCluster } from "../../hosts/cluster";
import { print } from "../../output";
import { inSession, newId, type Session } from "../restore/session";
import type { Resources } from "./answers";
import type { SplitPlan } from "./hosts";
import { splitOf } from "./next";
import { contentOf, RemoteSplit } from "./remote";
import { type SplitReport, split, splitRequest } from "./split";

interface At extends ClusterOptions {
  readonly shard: string;
}

interface Split {
  readonly session: Session;
  readonly plan: SplitPlan;
  readonly hosts: RemoteSplit;
  readonly guests: NonNullable<ShardPlan["guests"]>;
}

/** True: a split has begun, or is done, and the stack's file does not say so yet. */
export async function isUnderWay(stack: string, options: At): Promise<boolean> {
  const { hosts } = await reachableCluster(stack, options);
  const isMade = hosts.some(({ name }) => name.startsWith(`${stack}-etcd-${options.shard}-`));
  if (!isMade) return false;
  return atSplit(stack, options, async ({ hosts: remote, plan }) => {
    const states = await Promise.all(plan.guests.map((name) => remote.member(name).catch(() => undefined)));
    if (states.some((state) => state && (state.restore !== null || splitOf(state, plan.shard)))) return true;
    if ((await remote.note().catch(() => undefined)) === undefined) return false;
    const members = (await remote.view())?.members.map(({ name }) => name) ?? [];
    return members.length > 0 && !plan.guests.some((name) => members.includes(name));
  });
}

export function splitNow(stack: string, options: At): Promise<void> {
  return atSplit(stack, options, async ({ guests, hosts, plan, session }) => {
    await mastersServe(session);
    const id = newId(new Date());
    const token = `${stack}-etcd-${plan.shard}`;
    const request = () => splitRequest(id, token, plan.guests.map(session.peer));
    const report = await split(hosts, plan, request, session.progress);
    process.stderr.write(splitText(plan, report));
    await compare({ guests, hosts, plan, session }, report.revision);
  });
}

/** Everything is as in a restore that was taken back: the guests have left main, and join it again with the next `up`. */
export async function abandonSplit(stack: string, options: At): Promise<number> {
  return atSplit(stack, options, async ({ hosts, plan }) => {
    const states = await Promise.all(plan.guests.map(async (name) => [name, await hosts.member(name)] as const));
    const away = states.filter(([, state]) => splitOf(state, plan.shard) || !["none", "staged"].includes(state.phase));
    if (away.length > 0)
      throw new UserError(
        `${away.map(([name]) => name).join(", ")}: the new cluster has begun, so the move can only be finished`,
        exitCodes.gateRefused,
      );
    await Promise.all(plan.guests.map((name) => hosts.abandon(name)));
    await Promise.all(plan.guests.map((name) => hosts.letIn(name)));
    await hosts.keepNote(undefined);
    print(`taken back. Members that had left main join it again with \`kilonode up ${stack}\`\n`);
    return exitCodes.done;
  });
}

function atSplit<T>(stack: string, options: At, work: (at: Split) => Promise<T>): Promise<T> {
  const again = `kilonode etcd move ${stack} --shard ${options.shard}`;
  return inSession(
    stack,
    "main",
    "move",
    options,
    (session) => {
      const { remote, shard } = session;
      const { guests } = shard;
      if (!guests || guests.name !== options.shard || !guests.served)
        throw new UserError(
          `shard ${options.shard} of stack ${stack} is not at \`move: served\`: nothing of it can be split, or taken back`,
          exitCodes.badConfiguration,
        );
      const names = guests.members.map(({ name }) => name);
      const own = session.names.filter((name) => !names.includes(name));
      const { group, hostTimeoutMs } = remote.plan;
      const plan: SplitPlan = { group, shard: guests.name, own, guests: names, hostTimeoutMs };
      return work({ session, plan, guests, hosts: new RemoteSplit(remote, own, names, guests.name) });
    },
    again,
  );
}

/** One that is away could come back with other settings than its file has by now, or has been given by hand. */
async function mastersServe({ masters, progress, remote }: Session): Promise<void> {
  const findings = masters.map(async (host): Promise<GateFinding[]> => {
    const status = await remote.masters.status(host).catch(() => undefined);
    const found =
      status === undefined
        ? "it does not answer"
        : status.active !== status.staged || status.restarts.length > 0
          ? "it runs with other settings than it has"
          : await remote.unready(host);
    const checked = "its API server is ready, with the settings of this step";
    return found === undefined ? [] : [{ host, checked, found, advice: mastersAdvice.unready, lasting: true }];
  });
  progress.refuseAny((await Promise.all(findings)).flat());
}

function splitText({ guests, shard }: SplitPlan, { heldSeconds, revision, steps }: SplitReport): string {
  const lines = [
    `shard ${shard} is a cluster of its own: ${guests.join(", ")}, at revision ${revision}`,
    ...(heldSeconds > 0 ? [`  clients   waited for ${heldSeconds} s`] : []),
    ...(steps.length > 0 ? [`  steps     ${steps.map(({ what, seconds }) => `${what} ${seconds} s`).join(", ")}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** While API servers have not yet had the old revisions forgotten: within minutes. */
async function compare({ guests, hosts, plan, session }: Split, revision: number): Promise<void> {
  const { say } = session;
  if ((await hosts.note())?.reached === "compared") return;
  const prefixes = guests.resources.map(prefixOf);
  const [stays, moved] = [plan.own[0]!, plan.guests[0]!];
  let there: Resources;
  try {
    there = await contentOf(hosts.shard, moved, revision, prefixes);
  } catch (error) {
    if (!/compacted/.test((error as Error).message)) throw error;
    say(`not compared: ${plan.shard} has forgotten revision ${revision}. Main keeps what has moved`);
    return;
  }
  const here = await contentOf(hosts.shard, stays, 0, prefixes);
  session.progress.refuseAny(differences(here, there, plan.shard));
  await hosts.keepNote({ reached: "compared", resources: here });
  for (const [prefix, { hash, keys }] of Object.entries(here))
    say(`${prefix}: ${keys} keys in both, sum ${hash.slice(0, 16)}`);
}

export function differences(here: Resources, there: Resources, shard: string): GateFinding[] {
  const other = new Map(Object.entries(there));
  return Object.entries(here).flatMap(([prefix, { hash, keys }]) => {
    const one = other.get(prefix);
    if (one?.keys === keys && one.hash === hash) return [];
    return [
      {
        host: `shard ${shard}`,
        checked: `what it had of ${prefix} at the split is what main has`,
        found: `${one?.keys ?? 0} keys (${one?.hash.slice(0, 16) ?? "none"}), and ${keys} (${hash.slice(0, 16)}) in main`,
        advice:
          "Nothing is deleted. Look for an API server with old settings (`kilonode status`), and keep both shards as they are until you know why.",
        lasting: true,
      },
    ];
  });
}
