/** Backups of a real cluster: taken by the timer and by command, listed, drilled, damaged in the store, and watched by status. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import type { TakenShard } from "../../cli/etcd/backup/backup";
import type { ListedShard } from "../../cli/etcd/backup/backups";
import type { DrilledShard } from "../../cli/etcd/backup/drill";
import type { RetainedShard } from "../../cli/etcd/retention/retain";
import type { StatusReport } from "../../cli/hosts/status-types";
import { nightly } from "../support/nightly";
import { inLab } from "./support/lab";

const stack = new TestStack("backups");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-backups"], { stdio: "inherit" });

async function etcd<T>(verb: string, ...more: string[]): Promise<{ readonly shards: readonly T[]; readonly ran: Ran }> {
  const ran = await stack.run(`etcd ${verb}`, ...more, "--json");
  return { ran, shards: JSON.parse(ran.stdout) as T[] };
}
const status = () => stack.json<StatusReport>("status");
const leaderOf = async (shard: string) => (await status()).etcd.find((one) => one.shard === shard)?.leader;

inLab("backups of a cluster", () => {
  beforeAll(async () => {
    clean();
    stack.configure({ etcd: { backup: { everyMinutes: 5 } } });
    ok(await stack.run("up"));
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("a backup on command is of a member that does not lead, and is listed", async () => {
    const leader = await leaderOf("main");
    const { ran, shards } = await etcd<TakenShard>("backup");
    ok(ran);
    expect(shards.map(({ shard }) => shard)).toEqual(["main", "events", "leases"]);
    expect(shards[0]?.member).not.toBe(leader);
    expect(ran.stderr).toMatch(/^etcd main: backups-etcd-main-\d: save a snapshot of backups-etcd-main-\d/m);
    const { shards: listed } = await etcd<ListedShard>("backups");
    expect(listed.map(({ shard, snapshots }) => [shard, snapshots.at(-1)?.id])).toEqual(
      shards.map(({ shard, taken }) => [shard, taken?.id]),
    );
    expect(listed[0]?.snapshots.at(-1)?.member).toBe(shards[0]?.member);
  });

  it("status tells its age, and the cluster is healthy", async () => {
    const report = await status();
    expect(report.problems).toEqual([]);
    for (const { backup } of report.etcd) {
      expect(backup).toMatchObject({ result: "ok", revision: expect.any(Number) });
      expect(backup?.ageSeconds).toBeLessThan(600);
    }
  });

  it("a drill finds that a restore gives what the shard has, and touches nothing", async () => {
    const { ran, shards } = await etcd<DrilledShard>("drill");
    ok(ran);
    expect(shards.map(({ shard, passed, live }) => [shard, passed, live?.result])).toEqual([
      ["main", true, "same"],
      ["events", true, "same"],
      ["leases", true, "same"],
    ]);
    expect(shards[0]?.resources).toBeGreaterThan(20);
    expect(shards[0]?.member).not.toBe(await leaderOf("main"));
    for (const { member = "" } of shards)
      expect(await stack.ssh(member.replace("backups-", ""), "ls /var/lib/kilonode/backup")).not.toMatch(
        /^(drill|work)$/m,
      );
  });

  it("the timer takes one on a member that does not lead, in its sandbox, whatever else the members do", async () => {
    const before = (await etcd<ListedShard>("backups", "--shard", "main")).shards[0]?.snapshots.length ?? 0;
    const leader = await leaderOf("main");
    const newer = async () => (await etcd<ListedShard>("backups", "--shard", "main")).shards[0]?.snapshots ?? [];
    await expect
      .poll(async () => (await newer()).length, { timeout: 900_000, interval: 10_000 })
      .toBeGreaterThan(before);
    expect((await newer()).at(-1)?.member).not.toBe(leader);
    const { member = "" } = (await newer()).at(-1) ?? {};
    const told = await stack.ssh(member.replace("backups-", ""), "cat /var/lib/kilonode/backup/last.json");
    expect(JSON.parse(told)).toMatchObject({ result: "ok" });
  });

  it("a shard goes back to what the store has, and is backed up and drilled as before", async () => {
    ok(await stack.run("kubectl", "create", "configmap", "kept"));
    ok((await etcd<TakenShard>("backup", "--shard", "main")).ran);
    ok(await stack.run("kubectl", "delete", "configmap", "kept"));
    ok(await stack.run("kubectl", "create", "configmap", "later"));
    ok(await stack.run("etcd restore", "--shard", "main", "--yes"));
    const { stdout } = await stack.run("kubectl", "get", "configmaps", "-o", "name");
    expect(stdout.trim().split("\n").sort()).toEqual(["configmap/kept", "configmap/kube-root-ca.crt"]);
    const { ran, shards } = await etcd<TakenShard>("backup", "--shard", "main");
    ok(ran);
    expect(shards[0]?.taken?.revision).toBeGreaterThan(1_000_000_000);
    ok((await etcd<DrilledShard>("drill", "--shard", "main")).ran);
  });

  it("retain forgets what is too old by the store's clock, from here, and a member cannot", async () => {
    const old = new Date(Date.now() - 3 * 86_400_000);
    const made: string[] = [];
    for (const text of ["one", "two"]) {
      const tags = `kilonode,takenAt=${old.toISOString().replace(/\.\d+/, "")}`;
      const restic = `restic backup --json --tag ${tags} --stdin-from-command -- echo ${text}`;
      const printed = await stack.ssh("etcd-main-1", `set -a; . /etc/etcd/backup/backup.env; set +a; ${restic}`);
      made.push(/"snapshot_id":"([0-9a-f]{64})"/.exec(printed)?.[1] ?? "");
    }
    const files = made.map((id) => `/var/lib/backup-store/buckets/etcd-main/main/snapshots/${id}`).join(" ");
    const dry = async () =>
      (await etcd<RetainedShard>("retain", "--shard", "main", "--dry-run")).shards[0] as RetainedShard;
    // Just arrived, and so old: suspects.
    expect((await dry()).suspects.map(({ id }) => id).sort()).toEqual([...made].sort());
    await stack.ssh("backup-1", `touch -d @${Math.round(old.getTime() / 1000)} ${files}`);
    expect(await dry()).toMatchObject({ done: false, problems: [], suspects: [] });
    expect((await dry()).forgotten).toHaveLength(1);
    const before = (await etcd<ListedShard>("backups", "--shard", "main")).shards[0]?.snapshots;
    const { ran, shards } = await etcd<RetainedShard>("retain", "--shard", "main");
    ok(ran);
    expect(shards[0]).toMatchObject({ done: true, forgotten: [expect.stringMatching(new RegExp(made.join("|")))] });
    expect((await dry()).forgotten).toEqual([]);
    expect((await etcd<ListedShard>("backups", "--shard", "main")).shards[0]?.snapshots).toEqual(before);
    ok((await etcd<DrilledShard>("drill", "--shard", "main")).ran);
  });

  it("a snapshot that is damaged in the store: the drill fails loudly", async () => {
    const packs = "find /var/lib/backup-store/buckets/etcd-events/events/data -type f";
    await stack.ssh(
      "backup-1",
      `${packs} -exec sh -c 'printf x | dd of="$1" bs=1 seek=40 conv=notrunc status=none' sh {} ';'`,
    );
    const { ran, shards } = await etcd<DrilledShard>("drill", "--shard", "events", "--no-fresh");
    expect(ran.code).toBe(1);
    expect(shards).toEqual([
      { shard: "events", passed: false, member: expect.any(String), error: expect.stringMatching(/: drill: /) },
    ]);
  });

  nightly("a store that does not answer: status says that the last backup failed, and is not healthy", async () => {
    await stack.ssh("backup-1", "systemctl stop backup-store");
    const { ran, shards } = await etcd<TakenShard>("backup", "--shard", "leases");
    expect([ran.code, shards[0]?.error]).toEqual([
      1,
      expect.stringMatching(/`restic snapshots --json` was not done within 120 s/),
    ]);
    await stack.ssh("backup-1", "systemctl start backup-store");
    ok((await etcd<TakenShard>("backup", "--shard", "leases")).ran);
    expect((await status()).etcd.find(({ shard }) => shard === "leases")?.backup).toMatchObject({ result: "ok" });
  });
});
