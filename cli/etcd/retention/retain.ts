/** `kilonode etcd retain`: forgets the snapshots that are older than what `etcd.backup.keep` says, with rights that no host has. */
import { exitCodes, UserError } from "../../../config/errors";
import { ensureToolchain } from "../../../toolchain/ensure";
import { type Consent, consentTo } from "../../commands/consent";
import { reachableCluster } from "../../hosts/cluster";
import { chosenShards, refuseBesideUpdate, type ShardOptions } from "../shards";
import { chooseRetention, type Retention, type RetentionRules } from "./choose";
import { argsOf, credentialsOf } from "./open";
import { Repository } from "./repository";

export interface RetainOptions extends ShardOptions, Consent {
  readonly dryRun?: boolean;
  /** Per cent of a shard's snapshots. */
  readonly atMost?: string;
  readonly despiteMany?: boolean;
  readonly json?: boolean;
}

/** As much as half of a history goes at once unless it is said otherwise. */
const atMostPercent = 50;

export interface RetainedShard extends Retention {
  readonly shard: string;
  /** What was done: nothing in a dry run, or where there are problems, or nothing is too old. */
  readonly done: boolean;
  /** Why it could not be done. */
  readonly error?: string;
}

export interface RetainReport {
  readonly shards: readonly RetainedShard[];
  /** As the command ends. */
  readonly exitCode: number;
}

export async function retain(stack: string, options: RetainOptions): Promise<RetainReport> {
  const percent = percentOf(options.atMost);
  const cluster = await reachableCluster(stack, options);
  const { backup, shards } = cluster.checked.plan;
  if (!backup)
    throw new UserError(
      `stack ${stack} makes no backups (\`etcd.backup\`): there is nothing to forget`,
      exitCodes.badConfiguration,
    );
  refuseBesideUpdate(cluster);
  const rules = {
    keep: backup.keep,
    everyMinutes: backup.everyMinutes,
    now: Date.now(),
    atMostPercent: percent,
    despiteMany: options.despiteMany ?? false,
  };
  const credentials = await credentialsOf(cluster, backup);
  const [restic] = await ensureToolchain({ binaries: ["restic"] });
  const open = (shard: string) => new Repository(restic?.path ?? "", argsOf(cluster, backup, shard, credentials));
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const looked = new Map<string, RetainedShard>();
  const chosen = chosenShards(shards, options.shard);
  for (const { name } of chosen) looked.set(name, await inRepository(open(name), name, (at) => look(at, rules)));
  const due = chosen.filter(({ name }) => isDue(looked.get(name)));
  if (options.dryRun || due.length === 0) return reportOf([...looked.values()]);
  for (const line of [...looked.values()].flatMap(retainedText)) say(line);
  await consentTo(`forget snapshots of`, cluster.checked, options, "removes them from the store");
  for (const { name } of due) {
    const found = looked.get(name) as RetainedShard;
    looked.set(name, await inRepository(open(name), name, (at) => forget(at, found, say)));
  }
  return reportOf([...looked.values()]);
}

const isDue = (found: RetainedShard | undefined): boolean =>
  found !== undefined && found.error === undefined && found.problems.length === 0 && found.forgotten.length > 0;

/** What fails for one shard leaves the others their turn. */
async function inRepository(
  repository: Repository,
  shard: string,
  work: (repository: Repository) => Promise<RetainedShard>,
): Promise<RetainedShard> {
  try {
    return await work(repository);
  } catch (error) {
    const nothing = { kept: new Map(), forgotten: [], suspects: [], problems: [] };
    return { shard, ...nothing, done: false, error: (error as Error).message };
  } finally {
    repository.close();
  }
}

async function look(repository: Repository, rules: RetentionRules): Promise<RetainedShard> {
  const found = chooseRetention(await repository.snapshots(), rules);
  return { shard: repository.args.shard, ...found, done: false };
}

/** @param found by the look before, on which everything was agreed */
async function forget(
  repository: Repository,
  found: RetainedShard,
  say: (line: string) => void,
): Promise<RetainedShard> {
  const { shard } = repository.args;
  say(`etcd ${shard}: look whether the repository is whole`);
  await repository.check();
  say(`etcd ${shard}: forget ${found.forgotten.length} snapshots`);
  await repository.forget(found.forgotten);
  say(`etcd ${shard}: remove what no snapshot names any more`);
  await repository.prune();
  const left = new Set((await repository.snapshots()).map(({ id }) => id));
  const lost = [...found.kept.keys()].filter((id) => !left.has(id));
  if (lost.length > 0)
    throw new UserError(
      `${lost.length} snapshots that were to be kept are gone (${lost[0]}): somebody else removes them, too`,
    );
  return { ...found, done: true };
}

function percentOf(text: string | undefined): number {
  if (text === undefined) return atMostPercent;
  const percent = Number(text);
  if (Number.isInteger(percent) && percent >= 1 && percent <= 100) return percent;
  throw new UserError(
    `--at-most ${text}: wants a whole number of per cent, 1 to 100 (default ${atMostPercent})`,
    exitCodes.badConfiguration,
  );
}

function reportOf(shards: readonly RetainedShard[]): RetainReport {
  const refused = shards.some(({ problems }) => problems.length > 0);
  const failed = shards.some(({ error }) => error !== undefined);
  return { shards, exitCode: failed ? exitCodes.failed : refused ? exitCodes.gateRefused : exitCodes.done };
}

const most = 10;

export function retainedText({ shard, kept, forgotten, suspects, problems, done, error }: RetainedShard): string[] {
  if (error !== undefined) return [`etcd ${shard}: ${error}`];
  const reasons = new Map<string, number>();
  for (const why of kept.values()) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  const words = [...reasons].map(([why, count]) => (why === "the newest" ? why : `${count} ${why}`)).join(", ");
  const what =
    problems.length > 0 ? "nothing is forgotten" : `${forgotten.length} ${done ? "forgotten" : "to be forgotten"}`;
  return [
    `etcd ${shard}: ${what}; ${kept.size} kept${words === "" ? "" : ` (${words})`}`,
    ...problems.map((problem) => `  refused: ${problem}`),
    ...suspects.slice(0, most).map(({ id, why }) => `  suspect, kept: ${id.slice(0, 8)}: ${why}`),
    ...(suspects.length > most ? [`  and ${suspects.length - most} more suspects`] : []),
  ];
}

/** Ids and reasons, as JSON has them. */
export const retainedJson = ({ shards }: RetainReport) =>
  shards.map(({ kept, ...shard }) => ({ ...shard, kept: Object.fromEntries(kept) }));
