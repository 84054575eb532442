/** The state of one etcd shard, from what its members said. */
import { isMember } from "../../components/plan/groups";
import type { ShardPlan } from "../../components/plan/types";
import { type EtcdAnswer, readEtcd } from "./etcd-answer";
import { isUnknown, type Seen } from "./report";
import type { MemberStatus, ShardStatus } from "./status-types";

export type JudgedShard = ShardStatus & { readonly problems: readonly string[] };

export function etcdStatus(shard: ShardPlan, seen: readonly Seen[]): JudgedShard {
  const answers = new Map<string, EtcdAnswer>();
  for (const { plan, sections } of seen.filter((host) => isMember(shard, host.plan.name))) {
    const answer = readEtcd(sections.etcd);
    if (answer) answers.set(plan.name, answer);
  }
  const all = [...answers.values()];
  const listed = membersListed(all);
  const leaderId = mostCommon(all.flatMap(({ leader }) => leader ?? []));
  const names = [
    ...new Set([...shard.members.map(({ name }) => name), ...listed.map(({ name }) => name).filter(Boolean)]),
  ];
  const members = names.map((name) => memberStatus(name, answers.get(name), leaderId));
  const unknown = seen.filter((host) => isUnknown(host, "etcd")).map(({ plan }) => plan.name);
  const down = members.filter(({ name, up }) => !up && !unknown.includes(name)).map(({ name }) => name);
  const leader =
    members.find(({ isLeader }) => isLeader)?.name ?? listed.find(({ id }) => id === leaderId)?.name ?? null;
  const alarms = [...new Set(all.flatMap((answer) => answer.alarms))].sort();
  const problems = [
    ...(down.length === members.length
      ? [`etcd ${shard.name}: no member answers`]
      : downText(shard.name, members.length, down)),
    ...(all.length > 0 && leader === null ? [`etcd ${shard.name} has no leader: it takes no writes`] : []),
    ...(all.filter(({ leader: own }) => own !== leaderId).length > 0 && leader !== null
      ? [`etcd ${shard.name}: not all members see the same leader`]
      : []),
    ...alarms.map((alarm) => `etcd ${shard.name}: alarm ${alarm}`),
    ...unplanned(shard, listed, all.length > 0),
  ];
  return {
    shard: shard.name,
    voters: listed.filter(({ learner }) => !learner).length,
    learners: listed.filter(({ learner }) => learner).length,
    healthy: members.filter(({ name, up }) => up && leaderId !== undefined && answers.get(name)?.leader === leaderId)
      .length,
    leader,
    dbBytes: Math.max(0, ...members.map(({ dbBytes }) => dbBytes)),
    alarms,
    members,
    ...(shard.guests && { move: { shard: shard.guests.name, step: shard.guests.served ? "served" : "joined" } }),
    problems,
  };
}

/** The list of whoever has seen most: a member that was cut off may remember an old one. */
function membersListed(answers: readonly EtcdAnswer[]): EtcdAnswer["members"] {
  return [...answers].sort((a, b) => b.raftIndex - a.raftIndex)[0]?.members ?? [];
}

function mostCommon(ids: readonly string[]): string | undefined {
  const votes = new Map<string, number>();
  for (const id of ids) votes.set(id, (votes.get(id) ?? 0) + 1);
  return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function memberStatus(name: string, answer: EtcdAnswer | undefined, leaderId: string | undefined): MemberStatus {
  return {
    name,
    up: answer !== undefined,
    dbBytes: answer?.dbBytes ?? 0,
    raftIndex: answer?.raftIndex ?? 0,
    isLeader: answer !== undefined && answer.memberId === leaderId,
    isLearner: answer?.learner ?? false,
    version: answer?.version ?? "",
  };
}

function downText(shard: string, members: number, down: readonly string[]): string[] {
  const tolerated = Math.floor((members - 1) / 2);
  if (down.length === 0) return [];
  return [
    `etcd ${shard}: ${down.join(", ")} ${down.length === 1 ? "does" : "do"} not answer (${members} members survive ${tolerated})`,
  ];
}

/** Members that are listed and not planned, or planned and not listed. */
function unplanned(shard: ShardPlan, listed: EtcdAnswer["members"], known: boolean): string[] {
  if (!known) return [];
  const planned = shard.members.map(({ name }) => name);
  const names = listed.map(({ name }) => name);
  const surplus = listed
    .filter(({ name }) => !planned.includes(name))
    .map(({ name, id }) => name || `${id} (never started)`);
  const missing = planned.filter((name) => !names.includes(name));
  return [
    ...(surplus.length > 0 ? [`etcd ${shard.name}: listed as members and not planned: ${surplus.join(", ")}`] : []),
    ...(missing.length > 0 ? [`etcd ${shard.name}: planned and not listed as members: ${missing.join(", ")}`] : []),
  ];
}
