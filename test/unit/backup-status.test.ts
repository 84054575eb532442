/** The age and the result of the backups of a shard, from what its members did last. */
import { describe, expect, it } from "vitest";
import { backupStatus, type Witness } from "../../cli/hosts/backup-status";
import { statusReport } from "../../cli/hosts/status";
import { statusText } from "../../cli/show/status";
import { plainStyle } from "../../cli/show/style";
import type { MachineStatus } from "../../components/rollout/hosts/answers";
import { smallPlan } from "./cli-fixture";

const plan = smallPlan();
const backup = { everyMinutes: 30, keep: { hourly: 1, daily: 1, weekly: 1 }, repositories: {}, region: "us-east-1" };
const shard = plan.shards[0]!;
const now = new Date("2026-11-23T07:00:00Z");

const at = (minutesAgo: number) => `${new Date(now.getTime() - minutesAgo * 60_000).toISOString().slice(0, 19)}Z`;
const newest = (minutesAgo: number) => ({ id: "a".repeat(64), takenAt: at(minutesAgo), revision: 7, bytes: 4096 });

/** Its timer has been running for so many minutes, and this is what it did last. */
function witness(number: number, last?: object | string, timerMinutes = 1000): Witness {
  const text = typeof last === "string" ? last : JSON.stringify(last ?? null);
  const timer = { kind: "unit", active: "active", since: at(timerMinutes) };
  return {
    name: `lab-small-etcd-main-${number}`,
    backup: last === undefined ? { code: 1, text: "cat: No such file or directory" } : { code: 0, text },
    machine: { services: { "etcd-backup.timer": timer } } as unknown as MachineStatus,
  };
}
const ok = (minutesAgo: number) => ({ result: "ok", at: at(minutesAgo), newest: newest(minutesAgo) });
const elsewhere = (minutesAgo: number, of = minutesAgo) => ({
  result: "elsewhere",
  at: at(minutesAgo),
  newest: newest(of),
});
const failed = (minutesAgo: number, more: object = {}) => ({
  result: "failed",
  at: at(minutesAgo),
  error: "the store does not answer",
  ...more,
});
const judge = (...hosts: readonly Witness[]) => backupStatus(backup, shard, hosts, now);

describe("the backups of a shard", () => {
  it("are as old as the newest one that any member knows of", () => {
    expect(judge(witness(1), witness(2, ok(12)), witness(3, elsewhere(11, 12)))).toEqual({
      at: at(12),
      ageSeconds: 720,
      revision: 7,
      bytes: 4096,
      result: "ok",
      problems: [],
      failures: [],
    });
  });

  it("are too old after twice the interval and ten minutes", () => {
    expect(judge(witness(2, ok(70))).problems).toEqual([]);
    expect(judge(witness(2, ok(71))).problems).toEqual([
      `etcd main: the newest backup is of ${at(71)}, planned is one every 30 minutes; \`kilonode etcd backup\` takes one now`,
    ]);
  });

  it("need not be there as long as the timers are younger than that", () => {
    expect(judge(witness(1, undefined, 70), witness(2, undefined, 1))).toMatchObject({
      at: null,
      ageSeconds: null,
      result: "none yet",
      problems: [],
    });
    expect(judge(witness(1, undefined, 71), witness(2, undefined, 1)).problems).toEqual([
      expect.stringMatching(/^etcd main: there is no backup, planned is one every 30 minutes/),
    ]);
    expect(judge(witness(2, ok(600), 5)).problems).toEqual([]);
  });

  it("have failed when no member has taken one for the same moment", () => {
    expect(judge(witness(2, failed(1, { newest: newest(31) })), witness(3, elsewhere(30, 31)))).toMatchObject({
      at: at(31),
      result: "failed",
      error: "lab-small-etcd-main-2: the store does not answer",
      problems: ["etcd main: the last backup failed: lab-small-etcd-main-2: the store does not answer"],
    });
    expect(judge(witness(2, failed(2, { newest: newest(31) })), witness(3, ok(1)))).toMatchObject({
      result: "ok",
      problems: [],
      failures: [["lab-small-etcd-main-2", "the store does not answer"]],
    });
    expect(judge(witness(2, failed(1))).problems).toHaveLength(2);
  });

  it("are not known where no member was asked, nor from who says something else than etcd-backup", () => {
    const { machine } = witness(1);
    expect(judge({ name: "lab-small-etcd-main-1", backup: undefined, machine: undefined })).toMatchObject({
      result: "not known",
      problems: [],
    });
    for (const text of ["{cut", '{"result":"fine"}', JSON.stringify({ ...ok(1), newest: { takenAt: "now" } })])
      expect(judge({ name: "lab-small-etcd-main-1", backup: { code: 0, text }, machine })).toMatchObject({
        result: "none yet",
        at: null,
      });
    expect(judge(witness(2, failed(1, { error: "\u001b[2J" }))).error).toBe("lab-small-etcd-main-2:  [2J");
  });

  it("of tomorrow are of a wrong clock, and those of another shard's members count for nothing", () => {
    expect(judge(witness(2, ok(-6)))).toMatchObject({ at: null });
    expect(judge(witness(2, ok(-4)))).toMatchObject({ at: at(-4), ageSeconds: 0 });
    expect(judge({ ...witness(2, ok(1)), name: "lab-small-etcd-events-1" })).toMatchObject({ at: null });
  });
});

describe("status", () => {
  const report = (last: object) =>
    statusReport({
      plan: { ...plan, backup },
      answers: plan.hosts.map(({ name, role }) => ({
        name,
        report: role === "etcd" ? `== backup 0\n${JSON.stringify(last)}\n` : "",
      })),
      nodes: { total: 5, ready: 5 },
      degradations: [],
      now,
      durationMs: 1,
    });
  const lines = (last: object) =>
    statusText(report(last), plainStyle, now).filter((line) => /^ {2}(backups|main)/.test(line));

  it("has a line for the backups of each shard", () => {
    expect(report(ok(5)).etcd[0]?.backup).toEqual({
      at: at(5),
      ageSeconds: 300,
      revision: 7,
      bytes: 4096,
      result: "ok",
    });
    expect(lines(ok(5)).slice(1)).toEqual([
      "  backups  last  newest",
      "  main     ok    5m00s ago  revision 7, 0.0 MiB",
    ]);
    expect(lines(failed(5)).slice(1)).toEqual(["  backups  last    newest", "  main     failed"]);
  });

  it("is not healthy when the last one failed", () => {
    expect(report(failed(5)).problems.filter((problem) => problem.includes("backup"))).toEqual([
      "etcd main: the last backup failed: lab-small-etcd-main-1: the store does not answer",
      "etcd events: the last backup failed: lab-small-etcd-events-1: the store does not answer",
      "etcd leases: the last backup failed: lab-small-etcd-leases-1: the store does not answer",
    ]);
  });

  it("says nothing of backups where the plan has none", () => {
    expect(statusReport({ ...parts(), plan }).etcd.map(({ backup: found }) => found)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  const parts = () => ({
    answers: [],
    nodes: { total: 5, ready: 5 },
    degradations: [],
    now,
    durationMs: 1,
  });
});
