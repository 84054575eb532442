/**
 * A shard goes back to a snapshot: what was deleted is there again, what came later is gone, and whoever remembers it notices. The command
 * is killed at each step. Then a shard that has lost most of its members goes on from one.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Informer } from "../../bench/lib/informer";
import { type Ran, TestStack } from "../../bench/lib/stack";
import { reportLine, Writer } from "../../bench/lib/writer";
import type { RestoreReport } from "../../cli/etcd/restore/run";
import type { StatusReport } from "../../cli/hosts/status-types";
import { everything, nightly } from "../support/nightly";
import { cutOff, killedAt } from "./support/killed";
import { inLab } from "./support/lab";

const stack = new TestStack("restore");
const prefix = "kn-restore";
const members = ["restore-etcd-main-1", "restore-etcd-main-2", "restore-etcd-main-3"];
const etcdCall = "/usr/local/lib/kilonode/etcd-call";
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
const kubectl = async (...args: string[]) => {
  const ran = await stack.run("kubectl", ...args);
  ok(ran);
  return ran.stdout;
};
const namesOf = async (kind: string) =>
  (await kubectl("get", kind, "-o", "name")).trim().split("\n").filter(Boolean).sort();
/** The root of a lab host's file system, from outside. */
function hostRoot(name: string): string {
  const lab = JSON.parse(
    execFileSync("components/platform/lab/lab-status", ["--json", "--prefix", prefix], { encoding: "utf8" }),
  ) as { hosts: { name: string; pid: number }[] };
  return `/proc/${lab.hosts.find((host) => host.name === name)?.pid}/root`;
}

/** Stands in for the repository of snapshots: on each member's host a program that lists one, and gives it. */
async function snapshotOf(shard: string, names: readonly string[], id: string): Promise<void> {
  const [first = ""] = names;
  const file = `/root/snapshots/${id}.db`;
  const host = first.replace("restore-", "");
  await stack.ssh(host, `mkdir -p /root/snapshots && ${etcdCall} snapshot save ${file} >/dev/null`);
  const { revision } = JSON.parse(await stack.ssh(host, `etcdutl snapshot status ${file} -w json`)) as {
    revision: number;
  };
  const bytes = readFileSync(`${hostRoot(first)}${file}`);
  const listed = {
    id,
    takenAt: new Date().toISOString(),
    revision,
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    member: first,
    etcdVersion: "3.7.3",
    shard,
  };
  for (const name of names) {
    const at = hostRoot(name);
    mkdirSync(`${at}/root/snapshots`, { recursive: true });
    if (name !== first) copyFileSync(`${hostRoot(first)}${file}`, `${at}${file}`);
    writeFileSync(`${at}/root/snapshots/list.json`, JSON.stringify([listed]));
    const program = `#!/bin/sh\ncase $1 in list) cat /root/snapshots/list.json ;; fetch) cp "/root/snapshots/$2.db" "$3/snapshot.db" ;; esac\n`;
    writeFileSync(`${at}/usr/local/lib/kilonode/etcd-backup`, program, { mode: 0o755 });
  }
}

const restoreMain = ["--shard", "main", "--yes"];

inLab("a shard in the lab", () => {
  let informer: Informer;
  let before: string[];

  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
  });
  afterAll(async () => {
    await informer?.stop();
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("says what a restore does and what it loses, and touches nothing", async () => {
    for (const name of ["kept-1", "kept-2"]) await kubectl("create", "configmap", name);
    await kubectl("create", "deployment", "kept", "--image=none", "--replicas=2");
    await kubectl("rollout", "status", "deployment/kept", "--timeout=120s");
    before = [...(await namesOf("configmaps,deployments,replicasets,pods"))];
    await snapshotOf("main", members, "4f1c22ab");
    const access = (await stack.run("kubeconfig")).stdout;
    informer = new Informer(access, "/api/v1/namespaces/default/configmaps");
    await kubectl("delete", "configmap", "kept-1");
    await kubectl("delete", "deployment", "kept");
    await kubectl("create", "configmap", "later");
    await kubectl("create", "deployment", "later", "--image=none", "--replicas=3");
    await kubectl("rollout", "status", "deployment/later", "--timeout=120s");
    await expect
      .poll(() => [...informer.names].sort(), { timeout: 60_000 })
      .toEqual(["kept-2", "kube-root-ca.crt", "later"]);

    const dry = await stack.run("etcd restore", "--shard", "main", "--dry-run");
    ok(dry);
    console.log(dry.stdout);
    expect(dry.stdout).toMatch(/^Shard main goes back to snapshot 4f1c22ab, taken .* by restore-etcd-main-1 /);
    expect(dry.stdout).toMatch(/lost {6}all that was written after it: \d+ s, \d+ revisions \(\d+ to \d+\)/);
    expect((await stack.run("etcd restore", "--shard", "main", "--dry-run", "--snapshot", "beef")).code).toBe(2);
    expect((await stack.run("etcd recover", ...restoreMain)).code).toBe(3);
    expect(await namesOf("configmaps")).toContain("configmap/later");
  });

  nightly("can be taken back while nothing is exchanged", async () => {
    await killedAt(stack, /stop the API servers/, "etcd restore", ...restoreMain);
    const taken = await stack.run("etcd restore", "--shard", "main", "--abandon");
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringMatching(/^restore \S+ was taken back/)]);
    // The API servers had begun to end, and come back.
    await expect.poll(async () => (await stack.run("status")).code, { timeout: 180_000, interval: 3_000 }).toBe(0);
  });

  it("is restored, whatever the command is killed at, and refuses `up` meanwhile", async () => {
    const always = everything
      ? [/make the new data/, /stop the API servers/, /put the data aside/, /start the members/]
      : [/put the data aside/];
    // These may be done by what the run before has left under way.
    const perhaps = everything
      ? [/wait until the restored shard/, /start the API servers/, /wait until all API servers/, /note the restore/]
      : [/start the API servers/];
    const ids = new Set<string>();
    for (const said of [...always, ...perhaps]) {
      const text = await cutOff(stack, said, "etcd restore", ...restoreMain);
      expect(always.includes(said) ? text : "", "it ended before").toMatch(always.includes(said) ? said : "");
      const [, id] = /going on with restore (\S+)/.exec(text) ?? [];
      if (id) ids.add(id);
      if (!said.test("put the data aside")) continue;
      const up = await stack.run("up");
      expect(up.code, up.stderr).toBe(3);
      expect(up.stdout + up.stderr).toMatch(/`kilonode etcd restore <stack> --shard main` goes on with it/);
      const status = await stack.json<StatusReport>("status");
      expect(status.problems.join("\n")).toMatch(/`kilonode etcd restore restore --shard main` goes on with it/);
    }
    expect(ids.size).toBe(1);
    const ran = await stack.run("etcd restore", ...restoreMain);
    ok(ran);
    console.log(ran.stdout);

    await expect
      .poll(() => namesOf("configmaps,deployments,replicasets"), { timeout: 120_000, interval: 2_000 })
      .toEqual(before.filter((name) => !name.startsWith("pod/")));
    // The controller manager had cached Pods and ReplicaSets that are gone: it makes what is wanted, and no more.
    await kubectl("rollout", "status", "deployment/kept", "--timeout=120s");
    await kubectl("scale", "deployment/kept", "--replicas=4");
    await expect
      .poll(() => namesOf("pods").then(({ length }) => length), { timeout: 120_000, interval: 2_000 })
      .toBe(4);
    await expect
      .poll(() => [...informer.names].sort(), { timeout: 60_000 })
      .toEqual(["kept-1", "kept-2", "kube-root-ca.crt"]);
    expect(informer.lists).toBeGreaterThan(1);
    const version = await kubectl("get", "configmap", "kept-2", "-o", "jsonpath={.metadata.resourceVersion}");
    await kubectl("annotate", "configmap", "kept-2", "written=again");
    const after = await kubectl("get", "configmap", "kept-2", "-o", "jsonpath={.metadata.resourceVersion}");
    expect(Number(version)).toBeLessThan(1_000_000_000);
    expect(Number(after)).toBeGreaterThan(1_000_000_000);
  });

  it("is a shard as before: `up` has nothing to do, and the same snapshot is not taken twice by accident", async () => {
    // The one that was refused had seen API servers that were stopped, and is to be finished.
    ok(await stack.run("up"));
    ok(await stack.run("up", "--expect-no-changes"));
    ok(await stack.run("status"));
    const again = await stack.run("etcd restore", ...restoreMain);
    expect([again.code, again.stdout]).toEqual([
      0,
      expect.stringMatching(/^shard main was restored from snapshot 4f1c22ab at /),
    ]);
    await kubectl("create", "configmap", "more");
  });

  nightly("is restored in one go, also once more from the same snapshot", async () => {
    const report = await stack.json<RestoreReport>("etcd restore", ...restoreMain, "--again");
    console.log(JSON.stringify(report, null, 1));
    expect(report.revision).toBeGreaterThan(2_000_000_000);
    // It may be healthy at the first look.
    expect(report.steps.map(({ what }) => what).filter((what) => what !== "settle")).toEqual([
      "stage",
      "stopApi",
      "swap",
      "start",
      "startApi",
      "ready",
      "finish",
    ]);
    await expect
      .poll(() => [...informer.names].sort(), { timeout: 60_000 })
      .toEqual(["kept-1", "kept-2", "kube-root-ca.crt"]);
    ok(await stack.run("status"));
  });

  nightly("other than main is restored while the API serves", async () => {
    await snapshotOf("events", ["restore-etcd-events-1"], "0e0e0e0e");
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "kube-public");
    const report = await stack.json<RestoreReport>("etcd restore", "--shard", "events", "--yes");
    const written = await writer.stop();
    console.log(`${JSON.stringify(report.steps)}; ${reportLine(written)}`);
    expect(report.steps.map(({ what }) => what).filter((what) => what === "restartApi")).toHaveLength(3);
    expect(written.lost).toEqual([]);
    ok(await stack.run("status"));
  });

  nightly("goes on from one member when the disks of two are lost, and the others join again", async () => {
    await kubectl("create", "configmap", "before-the-loss");
    for (const name of members.slice(1))
      execFileSync("components/platform/lab/lab-host", ["delete"], {
        env: { ...process.env, PREFIX: prefix, NAME: name, EPHEMERAL: "true" },
      });
    const dry = await stack.run("etcd recover", "--shard", "main", "--dry-run");
    ok(dry);
    console.log(dry.stdout);
    await killedAt(stack, /put the data aside/, "etcd recover", ...restoreMain);
    const recovered = await stack.run("etcd recover", ...restoreMain);
    ok(recovered);
    console.log(recovered.stdout);
    expect(await namesOf("configmaps")).toContain("configmap/before-the-loss");
    ok(await stack.run("up"));
    const status = await stack.json<StatusReport>("status");
    expect(status.problems).toEqual([]);
    expect(status.etcd[0]).toMatchObject({ shard: "main", voters: 3, healthy: 3, learners: 0 });
    expect(await namesOf("configmaps")).toContain("configmap/before-the-loss");
  });
});
