/** Backups of a shard of real etcd processes with the real restic: taken, fetched, drilled, damaged, cut short. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureToolchain } from "../../toolchain/ensure";
import { ToolchainError } from "../../toolchain/errors";
import { BackupShard, ended } from "./support/backup-shard";

const names = ["m-1", "m-2", "m-3"];
let shard: BackupShard;
let missing: string | undefined;
let leader = "";
let followers: string[] = [];

beforeAll(async () => {
  let paths: string[];
  try {
    paths = (await ensureToolchain({ binaries: ["etcd", "etcdctl", "etcdutl", "restic"] })).map(({ path }) => path);
  } catch (error) {
    if (!(error instanceof ToolchainError && (error.kind === "go" || error.kind === "pin"))) throw error;
    missing = error.message.split("\n", 1)[0];
    return;
  }
  shard = new BackupShard(paths, names, 62);
  await shard.start(...names);
  await shard.fill("m-1", 250);
  leader = await shard.leader();
  followers = names.filter((name) => name !== leader);
}, 1_200_000);
afterAll(async () => shard?.remove());

const list = () => shard.ok("m-1", "list");
/** Of everything that is not among the 250 pods. */
const others = { "/registry/apiregistration.k8s.io/apiservices": 1, "/registry/masterleases": 1, other: 1 };

describe("backups of a real shard", () => {
  test("all members begin at once: one that does not lead takes one, the others see that it was taken", async ({
    skip,
  }) => {
    if (missing) return skip(missing);
    expect(await list()).toEqual([]);
    const ran = await Promise.all(names.map((name) => shard.run(name, ["take"])));
    expect(
      ran.map(({ code }) => code),
      ran.map(({ stderr }) => stderr).join(),
    ).toEqual([0, 0, 0]);
    const results = Object.fromEntries(ran.map(({ stdout }, index) => [names[index], JSON.parse(stdout).result]));
    expect(results).toEqual({ [leader]: "elsewhere", [followers[0]!]: "ok", [followers[1]!]: "elsewhere" });
    const [snapshot, ...more] = await list();
    expect(more).toEqual([]);
    expect(snapshot).toMatchObject({ member: followers[0], etcdVersion: expect.stringMatching(/^3\.7\./) });
    const told = JSON.parse(readFileSync(shard.path(followers[1]!, "var/lib/kilonode/backup/last.json"), "utf8"));
    expect(told.newest).toMatchObject({ id: snapshot.id, revision: snapshot.revision });
  });

  test("its reader of databases sees what etcd serves: a drill finds the manifest and the live shard the same", async ({
    skip,
  }) => {
    if (missing) return skip(missing);
    const found = await shard.ok(followers[0]!, "drill");
    expect(found).toMatchObject({ passed: true, differences: [], live: { result: "same", why: "", differences: [] } });
    const [{ id, keys }] = await list();
    expect(found.snapshot.id).toBe(id);
    const folder = shard.path("m-1", "fetched");
    await shard.ok("m-1", "fetch", id, folder);
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    const counted = Object.entries(manifest.resources as Record<string, { keys: number }>);
    // 36 of 250 are gone: 0, 7, 14 ...; beside those of API servers there is the lock of the backup itself.
    expect(Object.fromEntries(counted.map(([name, held]) => [name, held.keys]))).toEqual({
      ...others,
      "/registry/pods": 214,
      other: 2,
    });
    expect(keys).toBe(218);
    expect(readdirSync(shard.path(followers[0]!, "var/lib/kilonode/backup")).sort()).toEqual([
      "drill.lock",
      "last.json",
      "work.lock",
    ]);
  });

  test("a drill says that the live shard has forgotten the revision, or takes another one with --fresh", async ({
    skip,
  }) => {
    if (missing) return skip(missing);
    await shard.fill("m-1", 5);
    const [{ revision }] = await list();
    await shard.etcdctl("m-1", "compact", String(revision + 1));
    expect(await shard.ok(followers[0]!, "drill")).toMatchObject({
      passed: true,
      snapshot: { revision },
      live: { result: "not compared", why: "compacted" },
    });
    const fresh = await shard.ok(followers[0]!, "drill", "--fresh");
    expect(fresh).toMatchObject({ passed: true, live: { result: "same" } });
    expect(fresh.snapshot.revision).toBeGreaterThan(revision);
    expect(await list()).toHaveLength(2);
  });

  test("killed at any moment, the next run takes one, and what is there can be restored", async ({ skip }) => {
    if (missing) return skip(missing);
    const started = performance.now();
    await shard.ok(followers[0]!, "take", "--now");
    const whole = performance.now() - started;
    for (const share of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      const child = shard.begin(followers[0]!, ["take", "--now"]);
      const done = ended(child);
      await new Promise((resolve) => setTimeout(resolve, share * whole));
      child.kill("SIGKILL");
      await done;

      const after = await shard.run(followers[0]!, ["take", "--now"]);
      expect(after.code, after.stderr).toBe(0);
      expect(await shard.ok(followers[1]!, "drill")).toMatchObject({
        passed: true,
        snapshot: { id: JSON.parse(after.stdout).id },
      });
    }
  });

  test("a pack with another bit in it: fetch and drill refuse it, and say so", async ({ skip }) => {
    if (missing) return skip(missing);
    const mend = shard.copyOfRepository();
    for (const folder of readdirSync(join(shard.repository, "data"))) {
      for (const name of readdirSync(join(shard.repository, "data", folder))) {
        const path = join(shard.repository, "data", folder, name);
        const bytes = readFileSync(path);
        bytes[40] = (bytes[40] ?? 0) ^ 1;
        writeFileSync(path, bytes, { mode: 0o600 });
      }
    }
    const drilled = await shard.run(followers[0]!, ["drill"], {});
    expect([drilled.code, drilled.stdout]).toEqual([1, ""]);
    expect(drilled.stderr).toMatch(/etcd-backup: drill: `restic dump --no-lock` failed with exit code 1: /);
    const folder = shard.path("m-1", "damaged");
    expect((await shard.run("m-1", ["fetch", "latest", folder])).code).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
    mend();
    expect(await shard.ok(followers[0]!, "drill")).toMatchObject({ passed: true });
  });

  test("without a quorum nothing is taken; with one again, two members may", async ({ skip }) => {
    if (missing) return skip(missing);
    await shard.stop(...followers);
    const alone = await shard.run(leader, ["take", "--now"]);
    expect([alone.code, alone.stdout]).toEqual([1, ""]);
    expect(alone.stderr).toMatch(/shard main has no quorum, so nothing is taken/);
    await shard.start(...followers);
    await expect.poll(() => shard.ok(followers[0]!, "order"), { timeout: 60_000 }).toHaveLength(2);
  });
});
