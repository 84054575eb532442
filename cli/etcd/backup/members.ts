/** Which shards a command about backups is for, and their members' hosts, which do what it asks. */
import type * as z from "zod";
import type { Words } from "../../../components/access/privilege";
import { SshConnection } from "../../../components/access/ssh";
import type { ClusterHost } from "../../../components/cluster";
import { tools } from "../../../components/machine/host-programs";
import { isOwnMember } from "../../../components/plan/groups";
import type { ShardPlan } from "../../../components/plan/types";
import { lowest, memberOrder, questionMs, workMs } from "../../../components/rollout/etcd/backup";
import { exitCodes, UserError } from "../../../config/errors";
import { readAnswer } from "../../hosts/answer";
import { type ReachableCluster, reachableCluster } from "../../hosts/cluster";
import { chosenShards, type ShardOptions } from "../shards";

/** A shard with its members' hosts, as far as they are made. */
export interface ShardHosts {
  readonly shard: ShardPlan;
  readonly hosts: readonly ClusterHost[];
  readonly sshKey: string;
}

export async function shardsOf(stack: string, options: ShardOptions): Promise<ShardHosts[]> {
  return chosen(await reachableCluster(stack, options), options.shard);
}

export function chosen({ checked: { plan }, hosts, sshKey }: ReachableCluster, only: string | undefined): ShardHosts[] {
  const shards = chosenShards(plan.shards, only);
  if (!plan.backup) {
    throw new UserError(
      `stack ${plan.stack} makes no backups: \`etcd.backup\` is false, as where an ephemeral stack says nothing of it; ` +
        `set it, for instance \`etcd: {backup: {everyMinutes: 30}}\`, and run \`kilonode up ${plan.stack}\``,
      exitCodes.badConfiguration,
    );
  }
  return shards.map((shard) => ({ shard, sshKey, hosts: hosts.filter(({ name }) => isOwnMember(shard, name)) }));
}

/** Asks one member after the other until one answers. @throws UserError with what each of them said */
export async function anyMember<T>(
  { shard, hosts, sshKey }: ShardHosts,
  verb: string,
  wanted: z.ZodType<T>,
): Promise<T> {
  const problems: string[] = [];
  for (const host of hosts) {
    try {
      return await ask(sshKey, host, [`${tools}/etcd-backup`, verb], wanted, questionMs);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  throw new UserError(`no member of shard ${shard.name} tells its ${verb}`, exitCodes.failed, problems);
}

/** The member that is to do the work: no leader, as long as there is another one. */
async function bestMember(shard: ShardHosts): Promise<ClusterHost> {
  const [best] = await anyMember(shard, "order", memberOrder);
  const host = shard.hosts.find(({ name }) => name === best);
  if (host) return host;
  throw new UserError(
    `shard ${shard.shard.name} has no member that is healthy${best === undefined ? "" : ` and planned (${best} is not)`}; look at \`kilonode status\``,
  );
}

/** What came of work; without an answer why, and which member it was, as far as that is known. */
export type Worked<T> =
  | { readonly member: string; readonly answer: T }
  | { readonly member?: string; readonly error: string };

/** The best member does it. @param say a line of its progress, as it comes */
export async function workOfBest<T>(
  shard: ShardHosts,
  words: Words,
  wanted: z.ZodType<T>,
  say: (line: string) => void,
): Promise<Worked<T>> {
  let member: string | undefined;
  try {
    const host = await bestMember(shard);
    member = host.name;
    const heard = (line: string) => say(`etcd ${shard.shard.name}: ${host.name}: ${line}`);
    return { member, answer: await work(shard.sshKey, host, words, wanted, heard) };
  } catch (error) {
    return { ...(member !== undefined && { member }), error: (error as Error).message };
  }
}

/** Work that takes its time. @param heard a line of its progress, as it comes */
function work<T>(
  sshKey: string,
  host: ClusterHost,
  words: Words,
  wanted: z.ZodType<T>,
  heard: (line: string) => void,
): Promise<T> {
  return ask(sshKey, host, [...lowest, `${tools}/etcd-backup`, ...words], wanted, workMs, byLine(heard));
}

async function ask<T>(
  sshKey: string,
  host: ClusterHost,
  words: Words,
  wanted: z.ZodType<T>,
  timeoutMs: number,
  heard?: (text: string) => void,
): Promise<T> {
  const connection = new SshConnection(host, sshKey);
  try {
    const { code, stdout, stderr } = await connection.run(words, timeoutMs, heard);
    const last = plain(stderr).trim().split("\n").at(-1) ?? "";
    const told = last.replace(/^etcd-backup: /, "") || `etcd-backup ended with ${code}`;
    // A drill that finds something prints it, and fails.
    if (code !== 0 && !stdout.startsWith("{")) throw new UserError(`${host.name}: ${told}`);
    const answer = readAnswer("etcd-backup", stdout, wanted);
    if ("error" in answer) throw new UserError(`${host.name}: ${answer.error}`);
    return answer.value;
  } finally {
    connection.close();
  }
}

function byLine(heard: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(-1_000);
    for (const line of lines) heard(plain(line).replace(/^etcd-backup: /, ""));
  };
}

/** Without what would move the cursor of a terminal. */
const plain = (text: string) => text.replace(/[^\P{Cc}\n\t]/gu, "?");
