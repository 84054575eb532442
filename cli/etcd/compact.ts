/** `kilonode etcd compact`: out of NOSPACE, step by step, each of which is asked for. */
import type { Defragmented } from "../../components/rollout/etcd/defragment";
import { silentShard } from "../../components/rollout/etcd/health";
import type { KeyCount, View } from "../../components/rollout/etcd/shard";
import { databasesOf, ENOUGH, makeSpace, type SpaceStep } from "../../components/rollout/etcd/space";
import { agreeTo } from "../agree";
import { table } from "../show/table";
import { mib } from "./defrag";
import { onShards, type ShardWork } from "./shard-work";
import type { ShardOptions } from "./shards";

export interface CompactOptions extends ShardOptions {
  readonly shard: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export interface CompactReport {
  readonly stack: string;
  readonly shard: string;
  /** Members that had raised the alarm; empty: nothing was to be done. */
  readonly alarms: readonly string[];
  readonly members: readonly Defragmented[];
  /** The resources with the most keys. */
  readonly resources: readonly KeyCount[];
}

/** Of so many resources the counts are shown. */
const RESOURCES = 10;

export async function compact(stack: string, options: CompactOptions): Promise<CompactReport> {
  const command = `kilonode etcd compact ${stack} --shard ${options.shard}`;
  const done = await onShards(stack, options, command, async (at) => {
    const { shard, plan, progress } = at;
    const { via, view } = await anyView(at);
    const alarms = view.alarms.filter(({ type }) => type === "NOSPACE").map(({ memberId }) => nameIn(view, memberId));
    const resources = alarms.length > 0 ? await mostKeys(at, via) : [];
    if (alarms.length > 0) for (const line of foundText(view, alarms, resources)) progress.report(line);
    const members = await makeSpace(shard, plan, progress, (step) => agreeTo(next(step), options));
    return { alarms, members, resources };
  });
  const found = done.get(options.shard);
  if (!found) throw new Error(`nothing came of shard ${options.shard}`);
  return { stack, shard: options.shard, ...found };
}

async function anyView({ shard, plan, progress }: ShardWork): Promise<{ readonly via: string; readonly view: View }> {
  let silence = "";
  for (const via of plan.hosts) {
    try {
      return { via, view: await shard.look(via) };
    } catch (error) {
      silence = (error as Error).message;
    }
  }
  throw progress.refuse([silentShard(plan.hosts, silence)]);
}

/** It only explains, so it may fail: without a quorum nothing is counted. */
async function mostKeys({ shard, progress }: ShardWork, via: string): Promise<readonly KeyCount[]> {
  try {
    return (await shard.countKeys(via)).slice(0, RESOURCES);
  } catch (error) {
    progress.report(`keys are not counted: ${(error as Error).message}`);
    return [];
  }
}

const nameIn = ({ members }: View, id: string) => members.find((member) => member.id === id)?.name || id;

function foundText(view: View, alarms: readonly string[], resources: readonly KeyCount[]): string[] {
  const databases = databasesOf(view).map(({ member, database }) => [
    member,
    mib(database.bytes),
    `${mib(database.inUseBytes)} in use`,
    `quota ${mib(database.quotaBytes)}`,
  ]);
  return [
    `alarm NOSPACE, raised by ${alarms.join(", ")}: the shard takes no writes`,
    ...table(databases, "  "),
    "the most keys:",
    ...table(
      resources.map(({ prefix, keys }) => [keys, prefix]),
      "  ",
    ),
  ];
}

function next(step: SpaceStep): string {
  switch (step.kind) {
    case "compact":
      return `compact to revision ${step.revision}: no object is lost; what was before is forgotten, and watches that are behind it list anew`;
    case "defragment":
      return `defragment ${step.members.join(", ")}: each restarts in its turn, the leader last`;
    case "disarm":
      return "take the alarm back: the shard takes writes again";
  }
}

export function compactText({ alarms, members, shard }: CompactReport): string[] {
  if (alarms.length === 0)
    return [`${shard}: no alarm NOSPACE is raised; \`kilonode etcd defrag\` gives back what is free in a database`];
  const rows = members.map(({ member, beforeBytes, afterBytes, silentSeconds }) => [
    member,
    mib(beforeBytes),
    mib(afterBytes),
    silentSeconds === null ? "" : `silent for ${silentSeconds.toFixed(1)} s`,
  ]);
  return [
    `${shard}: takes writes again; its databases are below ${ENOUGH * 100} % of their quota`,
    ...table([["member", "before", "after", ""], ...rows], "  "),
  ];
}
