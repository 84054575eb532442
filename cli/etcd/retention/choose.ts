/**
 * Which snapshots of a shard are kept, and which are forgotten. Pure.
 *
 * Hosts write the time of a snapshot, and who has taken one over writes what he likes: times in the future, or one snapshot after the other, until
 * a count of "the last 48" holds nothing but his own (https://restic.readthedocs.io/en/stable/060_forget.html, "Security considerations in
 * append-only mode"). So nothing here counts snapshots or believes their time. What counts is when the store has got them, by its own clock: a
 * good one is given up no earlier than its age allows. What a host says otherwise makes its snapshot a suspect, which is neither counted nor forgotten.
 */
import type { BackupPlan } from "../../../components/plan/types";

export interface StoredSnapshot {
  readonly id: string;
  /** Whether `etcd-backup` has made it. */
  readonly ours: boolean;
  /** Milliseconds since 1970, as the host has said. */
  readonly takenAt: number;
  /** When the store got it, by its own clock; its first version where it was written over. undefined: the store does not list it. */
  readonly storedAt: number | undefined;
  /** How often it was written. */
  readonly versions: number;
}

export interface Suspect {
  readonly id: string;
  readonly why: string;
}

export interface Retention {
  /** Id to why it is kept; the newest first. */
  readonly kept: ReadonlyMap<string, string>;
  /** The oldest first. */
  readonly forgotten: readonly string[];
  readonly suspects: readonly Suspect[];
  /** Why nothing may be forgotten now; empty: it may. */
  readonly problems: readonly string[];
}

export interface RetentionRules {
  readonly keep: BackupPlan["keep"];
  readonly everyMinutes: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of a shard's snapshots, at most so many may be forgotten at once. */
  readonly atMostPercent: number;
  /** Although the store got more in a day than the timer makes. */
  readonly despiteMany: boolean;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;
/** A snapshot is taken, proved and handed over: `etcd-backup` gives all of it no more (workMs of components/rollout/etcd/backup.ts). */
const longestWorkMs = 6 * hourMs;
/** Clocks that are further apart are wrong. */
const clockMs = 5 * minuteMs;
/** Whoever works by day sees first what has happened in the night. */
const allKeptMs = dayMs;
/** So few are nobody's loss of a history. */
const alwaysAllowed = 10;
/** Beside the timer: commands, drills, upgrades. */
const byHandEachDay = 12;
/** As `kilonode status` has it. */
const slackMs = 10 * minuteMs;

export function chooseRetention(all: readonly StoredSnapshot[], rules: RetentionRules): Retention {
  const { keep, now } = rules;
  const suspects = all.flatMap((one) => suspicion(one) ?? []);
  const sound = all
    .filter(({ id }) => !suspects.some((suspect) => suspect.id === id))
    .map(({ id, storedAt }) => ({ id, storedAt: storedAt as number }))
    .sort((a, b) => b.storedAt - a.storedAt || (a.id < b.id ? -1 : 1));
  const kept = new Map<string, string>();
  const mark = (id: string, why: string) => kept.has(id) || kept.set(id, why);
  const [newest] = sound;
  if (newest) mark(newest.id, "the newest");
  for (const { id, storedAt } of sound) if (now - storedAt <= allKeptMs) mark(id, "of the last day");
  for (const [why, periodMs, count] of [
    ["the last of an hour", hourMs, keep.hourly],
    ["the last of a day", dayMs, keep.daily],
    ["the last of a week", weekMs, keep.weekly],
  ] as const) {
    const seen = new Set<number>();
    for (const { id, storedAt } of sound) {
      const period = Math.floor(storedAt / periodMs);
      if (now - storedAt > count * periodMs || seen.has(period)) continue;
      seen.add(period);
      mark(id, why);
    }
  }
  const forgotten = sound.filter(({ id }) => !kept.has(id)).map(({ id }) => id);
  return { kept, forgotten: forgotten.reverse(), suspects, problems: problemsOf(sound, forgotten.length, rules) };
}

function suspicion({ id, ours, takenAt, storedAt, versions }: StoredSnapshot): Suspect[] | undefined {
  const because = (why: string) => [{ id, why }];
  if (!ours) return because("no snapshot of etcd-backup");
  if (storedAt === undefined) return because("the store does not list it under its name");
  if (versions > 1) return because(`written ${versions} times, which restic never does`);
  const ahead = takenAt - storedAt;
  if (ahead > clockMs) return because(`says that it was taken ${minutes(ahead)} after the store got it`);
  if (-ahead > longestWorkMs) return because(`says that it was taken ${minutes(-ahead)} before the store got it`);
  return undefined;
}

function problemsOf(
  sound: readonly { readonly id: string; readonly storedAt: number }[],
  forgotten: number,
  { atMostPercent, despiteMany, everyMinutes, now }: RetentionRules,
): string[] {
  const [newest] = sound;
  if (!newest) return ["there is no sound snapshot: nothing is forgotten before there is one"];
  const age = now - newest.storedAt;
  const oldest = 2 * everyMinutes * minuteMs + slackMs;
  const percent = Math.ceil((100 * forgotten) / sound.length);
  return [
    ...(age > oldest
      ? [
          `the newest sound snapshot is ${minutes(age)} old, expected are at most ${minutes(oldest)}: have backups work first (\`kilonode status\`)`,
        ]
      : []),
    ...(age < -clockMs
      ? [
          `the store got its newest snapshot ${minutes(-age)} after now: the clock of this machine or that of the store is wrong`,
        ]
      : []),
    ...(despiteMany ? [] : tooMany(sound, everyMinutes)),
    ...(forgotten > alwaysAllowed && percent > atMostPercent
      ? [
          `${forgotten} of ${sound.length} would be forgotten, ${percent} %, allowed at once are ${atMostPercent} %: look at it with --dry-run, and if it is right say --at-most ${percent}`,
        ]
      : []),
  ];
}

/** Who wants to put others in the place of good ones must write more than the timer does. */
function tooMany(sound: readonly { readonly storedAt: number }[], everyMinutes: number): string[] {
  const expected = Math.ceil(dayMs / (everyMinutes * minuteMs)) + byHandEachDay;
  const days = new Map<number, number>();
  for (const { storedAt } of sound) {
    const day = Math.floor(storedAt / dayMs);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  return [...days]
    .filter(([, count]) => count > expected)
    .map(
      ([day, count]) =>
        `the store got ${count} snapshots on ${new Date(day * dayMs).toISOString().slice(0, 10)}, where the timer makes ${expected - byHandEachDay}: ` +
        "somebody else may write them, to have good ones forgotten. Find out who (`kilonode etcd backups` names members); if they are sound, say --despite-many",
    );
}

const minutes = (ms: number): string => `${Math.round(ms / minuteMs)} min`;
