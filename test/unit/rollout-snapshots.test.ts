/** Before another release: which shards get a snapshot, when none is taken, and what stops everything. */
import { describe, expect, it } from "vitest";
import { takeBackup } from "../../components/rollout/etcd/backup";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { snapshotsFirst } from "../../components/rollout/snapshots";
import type { CheckSpec, WaitingSpec } from "../../components/rollout/spec";

const host = { name: "h", zone: "a", endpoint: "h", address: "h", user: "root", port: 22, hostKey: "" };

function shard(name: string, release = "3.7.3"): WaitingSpec {
  const strategy = { kind: "etcd", shard: name, token: "t", peerPort: 1, clientPort: 2, release } as const;
  return { group: `etcd-${name}`, strategy, hosts: [host], hostTimeoutSeconds: 1 };
}

const masters: WaitingSpec = {
  group: "masters",
  strategy: { kind: "masters", apiPort: 6443, release: "1.37.2", apiServices: ["kube-apiserver.service"] },
  hosts: [host],
  hostTimeoutSeconds: 1,
};
const others: WaitingSpec = { ...masters, group: "node-simulator", strategy: { kind: "together" } };
const spec = (more: Partial<CheckSpec> = {}): CheckSpec => ({
  groups: [shard("main"), shard("events"), masters, others],
  backups: true,
  ...more,
});

/** @param running group to what its hosts say that they run. @param broken shards of which no snapshot can be taken */
async function first(running: Readonly<Record<string, string[]>>, wanted = spec(), broken: readonly string[] = []) {
  const taken: string[] = [];
  const lines: string[] = [];
  const work = snapshotsFirst(wanted, {
    running: async ({ group }) => running[group] ?? [],
    take: async ({ group }) => {
      if (broken.includes(group)) throw new Error(`${group}-2: the store does not answer`);
      taken.push(group);
      return `snapshot of ${group}`;
    },
    progressOf: (group) => new Progress(group, (line) => lines.push(`${group}: ${line}`)),
  });
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { taken, lines, error };
}

const now = { "etcd-main": ["3.7.3", "3.7.3"], "etcd-events": ["3.7.3"], masters: ["1.37.2", "1.37.2"] };

describe("snapshots before another release", () => {
  it("are none where no release changes, and where nothing runs", async () => {
    expect(await first(now)).toEqual({ taken: [], lines: [], error: undefined });
    expect((await first({})).taken).toEqual([]);
  });

  it("are of the shard whose etcd changes, a patch too", async () => {
    expect((await first({ ...now, "etcd-main": ["3.6.16", "3.6.16"] })).taken).toEqual(["etcd-main"]);
    expect((await first({ ...now, "etcd-events": ["3.7.2"] })).taken).toEqual(["etcd-events"]);
  });

  it("are of all shards where Kubernetes changes, whose servers write all of them", async () => {
    const { lines, taken } = await first({ ...now, masters: ["1.36.3", "1.36.3"] });
    expect(taken).toEqual(["etcd-main", "etcd-events"]);
    expect(lines).toEqual([
      expect.stringMatching(
        /^masters: Kubernetes 1\.36\.3 -> 1\.37\.2: CANNOT be taken back once all API servers have it/,
      ),
      expect.stringMatching(/^masters: a snapshot of each shard .* is taken before anything changes/),
      "etcd-main: snapshot of etcd-main",
      "etcd-events: snapshot of etcd-events",
    ]);
  });

  it("are not taken again when a host has the new release already: the change has begun behind one", async () => {
    const half = { ...now, "etcd-main": ["3.7.3", "3.6.16"], masters: ["1.36.3", "1.37.2"] };
    expect(await first(half)).toEqual({ taken: [], lines: [], error: undefined });
  });

  it("stop everything when one fails, with what the host said and what to do; all of them are told", async () => {
    const old = { ...now, masters: ["1.36.3"] };
    const { error, taken } = await first(old, spec(), ["etcd-main"]);
    expect(taken).toEqual(["etcd-events"]);
    expect(error).toBeInstanceOf(GateRefused);
    const { refusal } = error as GateRefused;
    expect(refusal).toMatchObject({
      host: "all members of etcd-main",
      found: "etcd-main-2: the store does not answer",
      changed: [],
    });
    expect(refusal.advice).toContain("`kilonode etcd backup`");
    const both = (await first(old, spec(), ["etcd-main", "etcd-events"])).error as GateRefused;
    expect(both.refusal.findings).toHaveLength(2);
  });

  it("are none of a stack without backups, which is said", async () => {
    const { error, lines, taken } = await first({ ...now, masters: ["1.36.3"] }, spec({ backups: false }));
    expect([taken, error]).toEqual([[], undefined]);
    expect(lines.at(-1)).toBe(
      "masters: no snapshot is taken before another release: this stack makes no backups (`etcd.backup`)",
    );
  });
});

describe("a backup by the best member", () => {
  const done = { result: "ok", id: "a".repeat(64), revision: 5, bytes: 1, addedBytes: 1, seconds: 2 };

  /** @param answers of `order` by host; nothing: it does not answer */
  function hosts(
    answers: Readonly<Record<string, string>>,
    take = { code: 0, stdout: JSON.stringify(done), stderr: "" },
  ) {
    const asked: string[] = [];
    const run = async (name: string, words: readonly string[]) => {
      asked.push(`${name} ${words.at(-1)}`);
      if (words.includes("take")) return take;
      const stdout = answers[name];
      return stdout === undefined
        ? { code: 127, stdout: "", stderr: "no\u001b[2Jsuch file" }
        : { code: 0, stdout, stderr: "" };
    };
    return { names: ["m1", "m2"], asked, run };
  }

  it("is asked of the first member that answers, and taken by the one that it names", async () => {
    const some = hosts({ m2: '["m2","m1"]' });
    expect(await takeBackup(some)).toEqual({ ...done, member: "m2" });
    expect(some.asked).toEqual(["m1 order", "m2 order", "m2 --now"]);
  });

  it("is refused with what each of them said, without what moves a cursor", async () => {
    await expect(takeBackup(hosts({}))).rejects.toThrow("m1: no [2Jsuch file; m2: no [2Jsuch file");
    await expect(takeBackup(hosts({ m1: '["stranger"]', m2: "[]" }))).rejects.toThrow("m1: no member is fit for it");
    const failed = { code: 1, stdout: "", stderr: "etcd-backup: save\netcd-backup: take: no room\n" };
    await expect(takeBackup(hosts({ m1: '["m1"]' }, failed))).rejects.toThrow("m1: take: no room");
    const lying = { code: 0, stdout: '{"result":"elsewhere"}', stderr: "" };
    await expect(takeBackup(hosts({ m1: '["m1"]' }, lying))).rejects.toThrow("m1");
  });
});
