/** Which step of a restore comes next, what is chosen and what is said. */
import { describe, expect, it } from "vitest";
import type { ApiState, MemberState, Snapshot } from "../../cli/etcd/restore/answers";
import { readMember, readRevision, readSnapshots } from "../../cli/etcd/restore/answers";
import { bumpAbove, chooseSnapshot, refuseNewer } from "../../cli/etcd/restore/choose";
import { nextRestoreStep, type RestoreSeen } from "../../cli/etcd/restore/next";
import { runRestore } from "../../cli/etcd/restore/run";
import { needless, type Survivor, usableOf } from "../../cli/etcd/restore/survivors";
import { lossOf, planText, reportText } from "../../cli/etcd/restore/text";
import { Progress } from "../../components/rollout/gate/progress";
import { planFor, requestOf, SimulatedRestore, underWay } from "./etcd-restore-simulated";

const THREE = ["m1", "m2", "m3"];
const plan = planFor(THREE);
const idle: MemberState = { phase: "none", restore: null, held: false, etcd: "active", hasData: true, last: null };
const staged: MemberState = { ...idle, phase: "staged", restore: underWay(plan.request) };
const aside: MemberState = { ...staged, phase: "aside", held: true, etcd: "inactive" };
const swapped: MemberState = { ...aside, phase: "swapped" };
const started: MemberState = { ...swapped, held: false, etcd: "activating" };
const last = { id: "r1", snapshot: "4f1c22ab", revision: 1_000_004_000, at: 1, aside: [] };
const finished: MemberState = { ...idle, last };
const runs: ApiState = { running: true, restartedFor: null };
const stopped: ApiState = { running: false, restartedFor: null };

function seen(members: readonly MemberState[], apis: readonly ApiState[] = [runs, runs], more = {}): RestoreSeen {
  return {
    members: new Map(members.map((state, index) => [`m${index + 1}`, state])),
    apis: new Map(apis.map((state, index) => [`a${index + 1}`, state])),
    ...more,
  };
}

describe("the next step", () => {
  it("follows from what the hosts hold", () => {
    const next = (...args: Parameters<typeof seen>) => nextRestoreStep(plan, seen(...args));
    expect(next([idle, staged, idle])).toEqual({ kind: "stage", hosts: ["m1", "m3"] });
    expect(next([staged, staged, staged])).toEqual({ kind: "stopApi", hosts: ["a1", "a2"] });
    expect(next([staged, staged, staged], [stopped, runs])).toEqual({ kind: "stopApi", hosts: ["a2"] });
    expect(next([staged, aside, swapped], [stopped, stopped])).toEqual({ kind: "swap", hosts: ["m1", "m2"] });
    expect(next([swapped, swapped, started], [stopped, stopped])).toEqual({ kind: "start", hosts: ["m1", "m2"] });
    expect(next([started, started, started], [stopped, stopped])).toEqual({ kind: "settle" });
    const healthy = { healthy: true };
    expect(next([started, started, started], [stopped, runs], healthy)).toEqual({ kind: "startApi", hosts: ["a1"] });
    expect(next([started, started, started], [runs, runs], healthy)).toEqual({ kind: "ready" });
    const ready = { healthy: true, ready: true };
    expect(next([started, finished, started], [runs, runs], ready)).toEqual({ kind: "finish", hosts: ["m1", "m3"] });
    expect(next([finished, finished, finished], [runs, runs], ready)).toEqual({ kind: "done" });
  });

  it("exchanges again on a host that was made anew meanwhile", () => {
    expect(nextRestoreStep(plan, seen([idle, swapped, swapped], [stopped, stopped]))).toEqual({
      kind: "stage",
      hosts: ["m1"],
    });
  });

  it("goes on without a master that does not answer", () => {
    expect(nextRestoreStep(plan, seen([staged, staged, staged], [stopped]))).toMatchObject({ kind: "swap" });
  });

  it("lets the API servers of another shard serve, and restarts them one by one", () => {
    const events = planFor(THREE, { stopsApi: false });
    const next = (apis: readonly ApiState[], more = {}) =>
      nextRestoreStep(events, seen([started, started, started], apis, more));
    expect(nextRestoreStep(events, seen([staged, staged, staged]))).toEqual({ kind: "swap", hosts: THREE });
    const ready = { healthy: true, ready: true };
    expect(next([runs, runs], ready)).toEqual({ kind: "restartApi", hosts: ["a1"] });
    const restarted = { ...runs, restartedFor: "r1" };
    expect(next([restarted, runs], { healthy: true })).toEqual({ kind: "ready" });
    expect(next([restarted, runs], ready)).toEqual({ kind: "restartApi", hosts: ["a2"] });
    expect(next([restarted, restarted], ready)).toEqual({ kind: "finish", hosts: THREE });
  });

  it("of a recovery holds all, restores one, and lets the others go", () => {
    const own = planFor(["m1"], { request: requestOf(["m1"], "r1", "own"), others: ["m2", "m3"] });
    const next = (...args: Parameters<typeof seen>) => nextRestoreStep(own, seen(...args));
    const held = { ...idle, held: true, etcd: "inactive" };
    const at = (state: MemberState) => ({ ...state, restore: underWay(own.request) });
    // Without members an API server would not end for minutes.
    expect(next([idle, idle, held])).toEqual({ kind: "stopApi", hosts: ["a1", "a2"] });
    expect(next([idle, idle, held], [stopped, stopped])).toEqual({ kind: "hold", hosts: ["m1", "m2"] });
    expect(next([held, held, held])).toEqual({ kind: "stage", hosts: ["m1"] });
    const ready = { healthy: true, ready: true };
    expect(next([at(started), held, held], [runs, runs], ready)).toEqual({ kind: "release", hosts: ["m2", "m3"] });
    const free = { ...held, held: false };
    expect(next([at(started), free, free], [runs, runs], ready)).toEqual({ kind: "finish", hosts: ["m1"] });
  });

  it.each([
    ["another hash", { hash: 78 }],
    ["another number of keys", { keys: 11 }],
    ["another sum", { sha256: "cd".repeat(32) }],
    ["another token", { token: "t-other" }],
    ["a revision that is not the snapshot's with what it was to be bumped by", { revision: 4_000 }],
  ])("is none while a member tells %s", (_what, change) => {
    const other: MemberState = { ...staged, restore: underWay(plan.request, change) };
    const step = nextRestoreStep(plan, seen([staged, staged, other]));
    expect(step).toMatchObject({ kind: "blocked", findings: [{ host: "m3", lasting: true }] });
  });

  it("is none when all members tell something else than the list of snapshots did", () => {
    const expected = { sha256: "ef".repeat(32), snapshotRevision: 4_000 };
    const step = nextRestoreStep({ ...plan, expected }, seen([staged, staged, staged]));
    expect(step).toMatchObject({ kind: "blocked", findings: [{ host: "m1, m2, m3" }] });
  });

  it("is none while another restore is under way on a host", () => {
    const other: MemberState = { ...staged, restore: underWay(requestOf(THREE, "r2")) };
    expect(nextRestoreStep(plan, seen([staged, other, idle]))).toMatchObject({
      kind: "blocked",
      findings: [{ host: "m2", found: "restore r2" }],
    });
  });
});

describe("a run", () => {
  it("goes through the steps in their order and tells how long each took", async () => {
    const hosts = new SimulatedRestore(plan);
    const report = await runRestore(hosts, plan, new Progress("etcd-main", () => undefined));
    const each = (verb: string, names: readonly string[]) => names.map((name) => `${verb} ${name}`);
    expect(hosts.log).toEqual([
      ...each("stage", THREE),
      ...each("stopApi", ["a1", "a2"]),
      ...each("swap", THREE),
      ...each("start", THREE),
      ...each("startApi", ["a1", "a2"]),
      ...each("finish", THREE),
    ]);
    expect(report.steps.map(({ what }) => what)).toEqual([
      "stage",
      "stopApi",
      "swap",
      "start",
      "settle",
      "startApi",
      "ready",
      "finish",
    ]);
    expect(report).toMatchObject({ id: "r1", revision: 1_000_004_000 });
    expect(report.downtimeSeconds).toBeGreaterThan(3);
  });
});

describe("what is left of a shard", () => {
  const survivor = (host: string, more: Partial<Survivor> = {}): Survivor => ({
    host,
    state: idle,
    damaged: false,
    swapped: false,
    ...more,
  });
  const empty = { state: { ...idle, hasData: false } };
  const judged = (survivors: readonly Survivor[], hasQuorum = false) => needless("main", THREE, survivors, hasQuorum);

  it("is given up only when most of it is lost, and some is left", () => {
    expect(judged([survivor("m1"), survivor("m2", { damaged: true })])).toBeUndefined();
    expect(judged([survivor("m1"), survivor("m2", empty)])).toBeUndefined();
    expect(judged([survivor("m1")], true)).toMatchObject({ found: "it has one", lasting: true });
    expect(judged([survivor("m1"), survivor("m2")])).toMatchObject({ found: "m1, m2 have theirs" });
    expect(judged([survivor("m1", empty)])).toMatchObject({ found: "of none" });
    const restoring = { ...staged, restore: { ...underWay(plan.request), command: "restore" as const } };
    expect(judged([survivor("m1", { state: restoring })])).toMatchObject({ checked: "no restore is under way" });
  });

  it("is not given up while disks only have to be swapped back", () => {
    const swapped = { ...empty, swapped: true };
    expect(judged([survivor("m1"), survivor("m2", swapped)])).toMatchObject({
      found: "that of m2 is on disks that are swapped",
      advice: expect.stringContaining("#disks-that-are-swapped"),
    });
    // The others are lost all the same.
    expect(judged([survivor("m1", swapped)])).toMatchObject({ found: "of none" });
    expect(usableOf([survivor("m1"), survivor("m2", { swapped: true })]).map(({ host }) => host)).toEqual(["m1"]);
  });
});

const snapshot = (id: string, takenAt: string, revision = 4_000): Snapshot => ({
  id,
  takenAt,
  revision,
  bytes: 52_428_800,
  sha256: "ab".repeat(32),
  member: "m2",
  etcdVersion: "3.7.3",
});
const all = [
  snapshot("4f1c22ab00", "2026-11-29T03:00:00Z"),
  snapshot("4f1d000000", "2026-11-29T03:30:00Z"),
  snapshot("00aa000000", "2026-11-29T02:30:00Z"),
];

describe("the snapshot", () => {
  it("is the newest, or the one that is named, or the last until a moment", () => {
    expect(chooseSnapshot(all, {}).id).toBe("4f1d000000");
    expect(chooseSnapshot(all, { snapshot: "4f1c" }).id).toBe("4f1c22ab00");
    expect(chooseSnapshot(all, { at: "2026-11-29T03:29:59Z" }).id).toBe("4f1c22ab00");
    expect(chooseSnapshot(all, { at: "2026-11-29T03:30:00Z" }).id).toBe("4f1d000000");
  });

  it("must be one that there is", () => {
    expect(() => chooseSnapshot(all, { snapshot: "4f1" })).toThrow(
      '2 snapshots begin with "4f1"; the newest are:\n  - 4f1d0000 of',
    );
    expect(() => chooseSnapshot(all, { snapshot: "beef" })).toThrow('there is no snapshot "beef"');
    expect(() => chooseSnapshot(all, { at: "2026-11-29T02:29:59Z" })).toThrow(
      "the first snapshot is of 2026-11-29T02:30:00Z",
    );
    expect(() => chooseSnapshot(all, { at: "yesterday" })).toThrow("wants a moment such as");
    expect(() => chooseSnapshot([], {})).toThrow("there is no snapshot of this shard");
  });

  it("goes on a billion above whatever was seen, the second time too", () => {
    expect(bumpAbove(4_000, 5_000)).toBe(1_000_001_000);
    expect(4_000 + bumpAbove(4_000, 5_000)).toBe(1_000_005_000);
    expect(4_000 + bumpAbove(4_000, 1_000_009_000)).toBe(2_000_009_000);
    expect(bumpAbove(4_000, 0)).toBe(1_000_000_000);
  });
});

describe("a snapshot of another etcd", () => {
  const of = (etcdVersion: string) => ({ id: "4f1c22ab00", takenAt: "2026-11-29T03:00:00Z", etcdVersion }) as Snapshot;

  it("is taken when it is of the same minor version, or an older one", () => {
    for (const version of ["3.7.9", "3.7.0", "3.6.16", "nonsense"]) refuseNewer(of(version), "3.7.3");
  });

  it("is refused when it is of a newer one, on whose data the older etcd does not start, with the way", () => {
    expect(() => refuseNewer(of("3.7.3"), "3.6.16")).toThrow(
      /snapshot 4f1c22ab of 2026-11-29T03:00:00Z was taken of etcd 3\.7\.3, and etcd 3\.6\.16.* --at or --snapshot .*set etcdVersion: 3\.7\.3/s,
    );
    expect(() => refuseNewer(of("4.0.0"), "3.7.3")).toThrow();
  });
});

describe("what is said", () => {
  it("before: what is lost, who stops, for how long", () => {
    const loss = lossOf(all[0]!, 5_204, new Date("2026-11-29T03:05:12Z"));
    expect(loss).toEqual({ seconds: 312, revisions: 1_204, liveRevision: 5_204 });
    expect(planText(plan, all[0]!, loss)).toBe(
      `Shard main goes back to snapshot 4f1c22ab00, taken 2026-11-29T03:00:00Z by m2 (etcd 3.7.3, 50.0 MiB).

  lost      all that was written after it: 312 s, 1204 revisions (4000 to 5204)
  members   m1, m2, m3: the new data is made beside the live data while the shard serves, then exchanged
  API       the API servers of a1, a2 stop for the exchange: about 61 s without the API
  clients   watch caches and informers begin anew: revisions go on at 1000004000, all before are compacted
  kept      the data as it is now stays on the volumes of each member (set-aside-...), until you remove it
`,
    );
    expect(lossOf(all[0]!, undefined, new Date("2026-11-29T03:00:01Z"))).toEqual({ seconds: 1 });
  });

  it("afterwards: how long it took, and where the old data is", () => {
    const steps = [{ what: "stage", seconds: 1.5 }];
    const kept = { m1: ["/var/lib/etcd/member/snap/set-aside-20261129T030512Z"] };
    const report = { id: "r1", snapshot: "own", revision: 7, steps, downtimeSeconds: 9, aside: kept };
    expect(reportText("lab", "main", report)).toBe(
      `shard main of lab is restored from its own data, at revision 7
  downtime  9 s
  steps     stage 1.5 s
  kept      m1: /var/lib/etcd/member/snap/set-aside-20261129T030512Z
`,
    );
  });
});

describe("what a host prints", () => {
  it("is taken as what it may be, and not more", () => {
    const state = { ...staged, stored: undefined };
    expect(readMember("m1", JSON.stringify({ ...state, more: 1 }))).toEqual({ ...staged });
    const lies = [{ phase: "elsewhere" }, { restore: { ...staged.restore, id: "a b" } }, { held: "yes" }];
    for (const lie of lies) expect(() => readMember("m1", JSON.stringify({ ...state, ...lie }))).toThrow(/^m1: /);
    const aside = { ...last, aside: ["/a; rm -rf /"] };
    expect(() => readMember("m1", JSON.stringify({ ...idle, last: aside }))).toThrow(/wants a path/);
    expect(() => readSnapshots("m1", JSON.stringify([{ ...all[0], id: "--help" }]))).toThrow(
      /wants the id of a snapshot/,
    );
    expect(readRevision("m1", '[{"Status":{"header":{"revision":42}}},{"Status":{"header":{}}}]')).toBe(42);
  });
});
