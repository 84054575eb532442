/** `kilonode etcd clone`: a stack gets the content of another one's snapshot, without what would let it act for that one. */
import { exitCodes, UserError } from "../../../config/errors";
import { ensureToolchain } from "../../../toolchain/ensure";
import { agreeTo } from "../../agree";
import { type ClusterOptions, type ReachableCluster, reachableCluster } from "../../hosts/cluster";
import { print } from "../../output";
import type { Snapshot } from "../backup/answers";
import { type Choice, chooseSnapshot, refuseNewer } from "../restore/choose";
import { restore } from "../restore/restore";
import { argsOf, credentialsOf } from "../retention/open";
import { Repository } from "../retention/repository";
import { refuseBesideUpdate } from "../shards";
import { cloneProblems } from "./checks";
import { type Dropped, dropped, isCloned } from "./dropped";
import { type DroppedKeys, Workshop, type WorkshopPrograms } from "./workshop";

export interface CloneOptions extends ClusterOptions, Choice {
  readonly from: string;
  /** More resources that do not go into the clone. */
  readonly drop?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export async function clone(target: string, options: CloneOptions): Promise<void> {
  const [source, own] = [await reachableCluster(options.from, options), await reachableCluster(target, options)];
  const problems = cloneProblems(source.checked.plan, own.checked.plan);
  if (problems.length > 0)
    throw new UserError(`${target} cannot become a clone of ${options.from}`, exitCodes.gateRefused, problems);
  refuseBesideUpdate(own);
  const all = [...dropped, ...(options.drop ?? []).map(asAsked)];
  const programs = await programsOf(own);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const shards = source.checked.plan.shards.filter(({ resources }) => isCloned(resources));
  const chosen: { readonly shard: string; readonly snapshot: Snapshot }[] = [];
  for (const { name } of shards)
    chosen.push({ shard: name, snapshot: await inStore(source, name, programs, (at) => choose(at, options, own)) });
  const text = planText(options.from, target, chosen, all);
  if (options.dryRun) return print(text);
  say(text);
  await agreeTo(`${target} gets this content, and what it has is put aside on its members' volumes`, options);
  for (const { shard, snapshot } of chosen) {
    const id = await prepare(source, own, { shard, snapshot, all, programs, say });
    say(`etcd ${shard}: restore it into ${target}`);
    await restore(target, {
      ...(options.engine && { engine: options.engine }),
      shard,
      snapshot: id,
      again: true,
      yes: true,
    });
  }
  print(
    `${target} has the content of ${options.from}; now \`kilonode up ${target}\` puts back what its program keeps in the API\n`,
  );
}

const asAsked = (resource: string): Dropped => {
  if (/^[a-z0-9.-]{1,253}(\/[a-z0-9.-]{1,253})?$/.test(resource)) return { resource, because: "it was asked for" };
  throw new UserError(
    `--drop ${resource.slice(0, 80)}: wants a resource as API servers store it, such as cronjobs or cert-manager.io/certificates`,
    exitCodes.badConfiguration,
  );
};

async function programsOf({ checked }: ReachableCluster): Promise<WorkshopPrograms> {
  const binaries = ["etcd", "etcdctl", "etcdutl", "restic"] as const;
  const made = await ensureToolchain({ releases: checked.plan.releases, binaries: [...binaries] });
  const path = (name: string) => made.find((one) => one.name === name)?.path ?? "";
  return { etcd: path("etcd"), etcdctl: path("etcdctl"), etcdutl: path("etcdutl"), restic: path("restic") };
}

async function inStore<T>(
  cluster: ReachableCluster,
  shard: string,
  { restic }: WorkshopPrograms,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const { backup } = cluster.checked.plan;
  if (!backup) throw new Error(`${cluster.checked.stack} has no backups`);
  const repository = new Repository(restic, argsOf(cluster, backup, shard, await credentialsOf(cluster, backup)));
  try {
    return await work(repository);
  } finally {
    repository.close();
  }
}

async function choose(repository: Repository, options: CloneOptions, own: ReachableCluster): Promise<Snapshot> {
  const found = chooseSnapshot(await repository.backups(), options);
  refuseNewer(found, own.checked.plan.releases.etcd);
  return found;
}

interface Work {
  readonly shard: string;
  readonly snapshot: Snapshot;
  readonly all: readonly Dropped[];
  readonly programs: WorkshopPrograms;
  readonly say: (line: string) => void;
}

/** @returns the id of the snapshot in the clone's own store. Of the source nothing but its store is touched, and that is only read. */
async function prepare(source: ReachableCluster, own: ReachableCluster, work: Work): Promise<string> {
  const { all, programs, say, shard, snapshot } = work;
  const workshop = new Workshop(programs);
  try {
    workshop.wantRoom(snapshot.bytes);
    say(`etcd ${shard}: fetch snapshot ${snapshot.id.slice(0, 8)} of ${snapshot.takenAt}`);
    await inStore(source, shard, programs, (at) => at.fetch(snapshot, workshop.snapshot));
    await workshop.open();
    for (const line of droppedLines(await workshop.drop(all))) say(`etcd ${shard}: ${line}`);
    const { id } = await inStore(own, shard, programs, (at) => workshop.keep(shard, at.settings));
    return id;
  } finally {
    await workshop.close();
  }
}

const droppedLines = (all: readonly DroppedKeys[]): string[] =>
  all.filter(({ keys }) => keys > 0).map(({ keys, resource }) => `${keys} of ${resource} left out`);

export function planText(
  source: string,
  target: string,
  chosen: readonly { readonly shard: string; readonly snapshot: Snapshot }[],
  all: readonly Dropped[],
): string {
  return [
    `${target} gets the content of ${source}:`,
    ...chosen.map(
      ({ shard, snapshot: { id, keys, takenAt } }) =>
        `  etcd ${shard}: snapshot ${id.slice(0, 8)}, taken ${takenAt}, ${keys} keys`,
    ),
    "without",
    ...all.map(({ because, resource }) => `  ${resource}: ${because}`),
    `WORKLOADS GO ALONG: what runs by Deployments, Jobs and CronJobs of ${source} begins to run in ${target}, without any Secret, and with the rights that ${target}'s`,
    "nodes have outside of the cluster. Leave out by --drop what must not: --drop cronjobs jobs.",
    "",
  ].join("\n");
}
