/** Pure judgement of a shard's health: the gate before and after every change. */
import type { GateFinding } from "../gate/refusal";
import { etcdAdvice } from "./advice";
import type { Endpoint, Member, View } from "./shard";

/**
 * How far a member's applied index may be behind the highest one. A follower within etcd's DefaultSnapshotCatchUpEntries
 * (5000) still catches up from the leader's log; further behind it may need a whole snapshot, which is not "caught up".
 * https://github.com/etcd-io/etcd/blob/main/server/etcdserver/server.go
 */
export const MAX_LAG = 5000;

export interface MemberFinding extends GateFinding {
  /** Absent: a finding about the shard as a whole. */
  readonly memberId?: string;
  /** Of an alarm: its type. */
  readonly alarm?: string;
}

/**
 * A full shard (alarm NOSPACE) takes no writes, but its members may restart, leave and join as ever: that is how it gets room, by a larger
 * quota, and how a lost member comes back without which no database can be made smaller. So this alone closes no gate of a shard.
 */
export const isFull = ({ alarm: type }: MemberFinding): boolean => type === "NOSPACE";

/** Members that may be away without closing the gate are left out by the caller, by their id. */
export function findings(view: View, nameOf: (member: Member) => string): MemberFinding[] {
  if (!view.quorum) return [noQuorum(view, nameOf)];
  const leader = leaderOf(view);
  const highest = Math.max(0, ...[...view.endpoints.values()].map((endpoint) => endpoint.appliedIndex));
  return view.members.flatMap((member) => {
    const host = nameOf(member);
    const alarms = view.alarms
      .filter(({ memberId }) => memberId === member.id)
      .map(({ type }) => alarm(host, member, type));
    const endpoint = view.endpoints.get(member.id);
    if (!endpoint) return [...alarms, silent(view, host, member)];
    return [...alarms, ...judge(host, member, endpoint, leader, highest)];
  });
}

/** The leader that most members see; absent when none does. */
export function leaderOf(view: View): string | undefined {
  const votes = new Map<string, number>();
  for (const { leader } of view.endpoints.values()) if (leader) votes.set(leader, (votes.get(leader) ?? 0) + 1);
  return [...votes.entries()].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0];
}

export const voters = (view: View): Member[] => view.members.filter((member) => !member.learner);
export const isUp = (view: View, member: Member): boolean => view.endpoints.has(member.id);
export const quorumOf = (size: number): number => Math.floor(size / 2) + 1;
/** How many voters may be away with the shard still writing. */
export const toleranceOf = (size: number): number => Math.floor((size - 1) / 2);

/** "7/7": members that answer, of all. */
export const tally = (view: View): string => `${view.endpoints.size}/${view.members.length}`;

function judge(
  host: string,
  member: Member,
  endpoint: Endpoint,
  leader: string | undefined,
  highest: number,
): MemberFinding[] {
  const result: MemberFinding[] = [];
  if (endpoint.leader === undefined || endpoint.leader !== leader) {
    result.push({
      memberId: member.id,
      host,
      checked: "all members see one leader",
      found: endpoint.leader === undefined ? "it sees no leader" : "it sees another leader than most members",
      advice: etcdAdvice.leaderless,
      lasting: false,
    });
  }
  const lag = highest - endpoint.appliedIndex;
  if (lag > MAX_LAG) {
    result.push({
      memberId: member.id,
      host,
      checked: `its raft index is caught up (within ${MAX_LAG} entries)`,
      found: `${lag} entries behind`,
      advice: etcdAdvice.behind,
      lasting: false,
    });
  }
  return result;
}

function alarm(host: string, member: Member, type: string): MemberFinding {
  return {
    memberId: member.id,
    host,
    checked: "no alarm is raised",
    found: `alarm ${type}`,
    alarm: type,
    advice: ALARM_ADVICE.get(type) ?? etcdAdvice.alarm,
    lasting: true,
  };
}

const ALARM_ADVICE: ReadonlyMap<string, string> = new Map([
  ["NOSPACE", etcdAdvice.alarmNoSpace],
  ["CORRUPT", etcdAdvice.alarmCorrupt],
]);

function silent(view: View, host: string, member: Member): MemberFinding {
  const all = voters(view);
  const away = all.filter((voter) => !isUp(view, voter)).length;
  const budget = `${away} of ${all.length} voters away, the shard survives ${toleranceOf(all.length)}`;
  return {
    memberId: member.id,
    host,
    checked: "the member answers on its client address",
    found: `${member.clientUrl ? "no answer" : "never started"} (${budget})`,
    advice: etcdAdvice.down,
    lasting: false,
  };
}

/** @param why what the last member that was asked said instead of an answer */
export function silentShard(hosts: readonly string[], why = ""): MemberFinding {
  return {
    host: hosts.join(", ") || "the shard",
    checked: "a member of the shard answers",
    found: why === "" ? "none does" : `none does; the last one: ${why}`,
    advice: etcdAdvice.noQuorum,
    lasting: false,
  };
}

function noQuorum(view: View, nameOf: (member: Member) => string): MemberFinding {
  const away = voters(view).filter((member) => !isUp(view, member));
  return {
    host: away.map(nameOf).join(", ") || "the whole shard",
    checked: "the shard has a leader and a quorum",
    found: `${voters(view).length - away.length} of ${voters(view).length} voters answer, ${quorumOf(voters(view).length)} are needed`,
    advice: etcdAdvice.noQuorum,
    lasting: false,
  };
}
