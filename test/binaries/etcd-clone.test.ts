/** A snapshot of one cluster made one for another, with the real etcd and restic: what must not go on is nowhere in it, its history included. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dropped } from "../../cli/etcd/clone/dropped";
import { Workshop, type WorkshopPrograms } from "../../cli/etcd/clone/workshop";
import { Repository } from "../../cli/etcd/retention/repository";
import { ensureToolchain } from "../../toolchain/ensure";
import { ToolchainError } from "../../toolchain/errors";
import { BackupShard } from "./support/backup-shard";

const names = ["etcd", "etcdctl", "etcdutl", "restic"] as const;
const folder = mkdtempSync(join(tmpdir(), "kilonode-clone-"));
let shard: BackupShard | undefined;
let programs: WorkshopPrograms;
let missing: string | undefined;

const open = (repository: string, password: string) =>
  new Repository(programs.restic, {
    shard: "main",
    repository,
    region: "",
    password,
    credentials: { accessKeyId: "none", secretAccessKey: "none" },
  });

/** By the test what becomes of each: how its key ends. */
const stays = [
  "configmaps/default/kept",
  "deployments/default/kept",
  "services/endpoints/default/kept",
  "services/specs/default/kubernetes",
];
const goes = [
  "secrets/kube-system/token",
  "minions/node-1",
  "pods/default/pod-1",
  "leases/kube-node-lease/node-1",
  "masterleases/10.0.0.1",
  "services/endpoints/default/kubernetes",
  "endpointslices/default/kubernetes",
  "persistentvolumes/disk-1",
  "validatingwebhookconfigurations/guard",
  "cronjobs/default/mail",
];

beforeAll(async () => {
  try {
    const tools = await ensureToolchain({ binaries: [...names] });
    const path = (name: string) => tools.find((one) => one.name === name)?.path ?? "";
    programs = { etcd: path("etcd"), etcdctl: path("etcdctl"), etcdutl: path("etcdutl"), restic: path("restic") };
  } catch (error) {
    if (!(error instanceof ToolchainError && (error.kind === "go" || error.kind === "pin"))) throw error;
    missing = error.message.split("\n", 1)[0];
    return;
  }
  shard = new BackupShard(Object.values(programs), ["m-1"], 64);
  await shard.start("m-1");
  for (const key of [...stays, ...goes]) {
    // Also what was there before is not to be in the clone.
    await shard.etcdctl("m-1", "put", `/registry/${key}`, `BEFORE-${key}`);
    await shard.etcdctl("m-1", "put", `/registry/${key}`, `VALUE-${key}`);
  }
  await shard.ok("m-1", "take", "--now");
}, 1_200_000);
afterAll(async () => {
  await shard?.remove();
  rmSync(folder, { recursive: true, force: true });
});

test("what would act for the other cluster is left out, and the rest is a sound snapshot in the clone's own store", {
  timeout: 300_000,
}, async ({ skip }) => {
  if (missing || !shard) return skip(missing as string);
  const source = open(shard.repository, "a password of this test");
  const own = open(join(folder, "store"), "another password");
  const [workshop, second] = [new Workshop(programs), new Workshop(programs)];
  try {
    const [snapshot, ...more] = await source.backups();
    expect(more).toEqual([]);
    expect(snapshot).toMatchObject({ member: "m-1", etcdVersion: "3.7.3" });
    workshop.wantRoom(snapshot?.bytes ?? 0);
    expect(() => workshop.wantRoom(2 ** 60)).toThrow(/MiB free, wanted are .* TMPDIR/);
    await source.fetch(snapshot!, workshop.snapshot);
    const all = readFileSync(workshop.snapshot, "latin1");
    for (const key of [...stays, ...goes]) expect([key, all.includes(`VALUE-${key}`)]).toEqual([key, true]);
    await workshop.open();
    const left = await workshop.drop([...dropped, { resource: "cronjobs", because: "it was asked for" }]);
    expect(
      Object.fromEntries(left.filter(({ keys }) => keys > 0).map(({ keys, resource }) => [resource, keys])),
    ).toEqual(
      Object.fromEntries(
        goes.map((key) => [
          [...dropped.map(({ resource }) => resource), "cronjobs"].find((one) => `${key}/`.startsWith(`${one}/`)),
          1,
        ]),
      ),
    );
    const { id } = await workshop.keep("main", own.settings);

    const [kept, ...others] = await own.backups();
    expect([kept?.id, others]).toEqual([id, []]);
    await own.fetch(kept!, second.snapshot);
    const bytes = readFileSync(second.snapshot, "latin1");
    for (const key of goes)
      for (const value of ["VALUE", "BEFORE"])
        expect([key, value, bytes.includes(`${value}-${key}`)]).toEqual([key, value, false]);
    for (const key of stays) {
      expect([key, bytes.includes(`VALUE-${key}`)]).toEqual([key, true]);
      expect([key, bytes.includes(`BEFORE-${key}`)]).toEqual([key, false]);
    }
    // The source has one snapshot still, and serves what it had.
    expect(await source.backups()).toHaveLength(1);
    expect(await shard.etcdctl("m-1", "get", "--print-value-only", `/registry/${goes[0]}`)).toContain(
      `VALUE-${goes[0]}`,
    );
    await expect(source.fetch({ ...snapshot!, sha256: "0".repeat(64) }, join(folder, "broken"))).rejects.toThrow(
      /is broken/,
    );
    await expect(source.fetch({ ...snapshot!, bytes: 10 }, join(folder, "large"))).rejects.toThrow(
      /more than the 10 bytes/,
    );
  } finally {
    await Promise.all([workshop.close(), second.close()]);
    for (const one of [source, own]) one.close();
  }
});
