/** How the backups of a shard are, from what each of its members did last (`last.json` of etcd-backup). */
import * as z from "zod";
import { isOwnMember } from "../../components/plan/groups";
import type { BackupPlan, ShardPlan } from "../../components/plan/types";
import type { MachineStatus } from "../../components/rollout/hosts/answers";
import { lookup } from "../../config/lookup";
import { json } from "./answer";
import type { Section } from "./report";
import type { BackupStatus } from "./status-types";

/** As a host stamps it: UTC, to the second. */
export const moment = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "wants a moment such as 2026-01-01T00:00:00Z");

const lastRun = z.object({
  result: z.enum(["ok", "failed", "elsewhere"]),
  at: moment,
  error: z
    .string()
    .max(1_000)
    .transform((told) => told.replaceAll(/\p{Cc}/gu, " "))
    .optional(),
  /** That the member knows of, whoever took it. */
  newest: z.object({ takenAt: moment, revision: z.int().min(0), bytes: z.int().min(0) }).optional(),
});

type LastRun = Readonly<z.output<typeof lastRun>>;

/** A host with what it told of its backups. */
export interface Witness {
  readonly name: string;
  readonly backup: Section | undefined;
  readonly machine: MachineStatus | undefined;
}

export interface JudgedBackup extends BackupStatus {
  readonly problems: readonly string[];
  /** Members whose last try failed, with why; another one may have taken a backup since. */
  readonly failures: readonly (readonly [name: string, why: string])[];
}

const timer = "etcd-backup.timer";
/** A clock that is further ahead is wrong, and what it has stamped says nothing. */
const aheadMs = 300_000;
/** What a backup may take beside its interval. */
const slackMs = 600_000;
const minuteMs = 60_000;

export function backupStatus(backup: BackupPlan, shard: ShardPlan, hosts: readonly Witness[], now: Date): JudgedBackup {
  const members = hosts.filter(({ name }) => isOwnMember(shard, name));
  const runs = members.flatMap(({ name, backup: told }) => {
    const run = readLastRun(told?.code === 0 ? told.text : "", now);
    return run ? [{ ...run, member: name }] : [];
  });
  const newest = runs.flatMap((run) => run.newest ?? []).sort((a, b) => time(b.takenAt) - time(a.takenAt))[0];
  const failing = runs.filter(({ result }) => result === "failed").sort((a, b) => time(b.at) - time(a.at));
  const failure = failing[0];
  const intervalMs = backup.everyMinutes * minuteMs;
  // One that failed does not matter where another member has taken one for the same moment.
  const failed = failure && (!newest || time(failure.at) - time(newest.takenAt) > intervalMs / 2);
  const ageMs = newest && now.getTime() - time(newest.takenAt);
  const overdue =
    since(members, now) > 2 * intervalMs + slackMs && !(ageMs !== undefined && ageMs <= 2 * intervalMs + slackMs);
  // One that was asked and has nothing to tell has never had its turn.
  const known = members.some(({ backup: told }) => told !== undefined);
  const why = ({ error = "it does not say why" }: LastRun) => error;
  const said = failure && `${failure.member}: ${why(failure)}`;
  return {
    at: newest?.takenAt ?? null,
    ageSeconds: ageMs === undefined ? null : Math.max(0, Math.round(ageMs / 1000)),
    revision: newest?.revision ?? null,
    bytes: newest?.bytes ?? null,
    result: failed ? "failed" : newest ? "ok" : known ? "none yet" : "not known",
    ...(failed && { error: said }),
    problems: [
      ...(failed ? [`etcd ${shard.name}: the last backup failed: ${said}`] : []),
      ...(overdue ? [overdueText(shard.name, backup, newest?.takenAt)] : []),
    ],
    failures: failing.map((run) => [run.member, why(run)]),
  };
}

function overdueText(shard: string, { everyMinutes }: BackupPlan, newest: string | undefined): string {
  const found = newest === undefined ? "there is no backup" : `the newest backup is of ${newest}`;
  return `etcd ${shard}: ${found}, planned is one every ${everyMinutes} minutes; \`kilonode etcd backup\` takes one now`;
}

/** For how long the member whose timer has been running longest has had one. */
function since(members: readonly Witness[], now: Date): number {
  const running = members.flatMap(({ machine }) => {
    const { active, since: from } = lookup(machine?.services ?? {}, timer) ?? {};
    return active === "active" && from ? [now.getTime() - time(from)] : [];
  });
  return Math.max(0, ...running);
}

/** Undefined where the member never ran one, or tells something else. */
function readLastRun(text: string, now: Date): LastRun | undefined {
  const read = lastRun.safeParse(json(text));
  if (!read.success) return undefined;
  const { newest, ...run } = read.data;
  const isAhead = newest !== undefined && time(newest.takenAt) > now.getTime() + aheadMs;
  return isAhead || newest === undefined ? run : { ...run, newest };
}

const time = (text: string): number => new Date(text).getTime();
