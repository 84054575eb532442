/** A stack that is not ephemeral: what a destroy keeps is enough for the next `up`, and members come back whatever is on their disks. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import type { StatusReport } from "../../cli/hosts/status-types";
import { nightly } from "../support/nightly";
import { inLab } from "./support/lab";

const stack = new TestStack("kept");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-kept"], { stdio: "inherit" });
const kubectl = async (...args: string[]) => {
  const ran = await stack.run("kubectl", ...args);
  ok(ran);
  return ran.stdout;
};
const shards = (members: number) => ({
  main: { members },
  events: { members: 3, resources: ["/events"] },
  leases: { members: 3, resources: ["coordination.k8s.io/leases"] },
});

/** Of the shard main, but for those that API servers write anew by themselves: who they are, and the authority that they show. */
async function keys(): Promise<string[]> {
  const printed = await stack.ssh("etcd-main-1", "/usr/local/lib/kilonode/etcd-call get '' --prefix --keys-only");
  const own = /^\/registry\/(masterleases|clustertrustbundles)\//;
  return printed.split("\n").filter((key) => key.startsWith("/registry/") && !own.test(key));
}
const secret = async () => {
  const { data } = JSON.parse(await kubectl("get", "secret", "kept", "-o", "json")) as { data: { word: string } };
  return Buffer.from(data.word, "base64").toString();
};

/** Of the shard main, as its member would, without the program that takes snapshots. */
const restic = (words: string) =>
  stack.ssh("etcd-main-1", `set -a; . /etc/etcd/backup/backup.env; /usr/local/bin/restic ${words}`);
const backups = async () => {
  const listed = JSON.parse(await restic("snapshots --json --tag kept")) as { id: string }[];
  return listed.map(({ id }) => id);
};

inLab("a stack that is not ephemeral", () => {
  beforeAll(async () => {
    clean();
    stack.configure({ ephemeral: false, masters: { count: 1 } });
    stack.configure({ etcd: { shards: shards(5) } });
    ok(await stack.run("up"));
  });
  afterAll(() => {
    clean();
    stack.remove();
  });

  it("is destroyed and brought up again with its data, which its keys still open", async () => {
    await kubectl("create", "secret", "generic", "kept", "--from-literal=word=hush");
    const before = await keys();
    await restic("cat config || /usr/local/bin/restic init");
    await restic("backup --tag kept /etc/hostname");
    const kept = await backups();
    expect(kept).toHaveLength(1);
    const preview = await stack.run("preview", "--destroy");
    expect(preview.stdout).toContain("would be kept: the volumes of the hosts");
    const destroy = await stack.run("destroy", "--yes");
    ok(destroy);
    expect(destroy.stdout).toMatch(/kept: the volumes of the hosts, .*\n.*encryption-at-rest/);
    const status = await stack.run("status");
    expect(status.stderr).toContain("was destroyed, and its data and keys are kept; `kilonode up kept`");

    ok(await stack.run("up"));
    const after = await keys();
    console.log(
      `${destroy.stdout}\nkeys before: ${before.length}, after: ${after.length}; the Secret: ${await secret()}`,
    );
    expect(after.filter((key) => before.includes(key))).toEqual(before);
    expect(await secret()).toBe("hush");
    expect(await backups()).toEqual(kept);
    expect((await stack.json<StatusReport>("status")).problems).toEqual([]);
    ok(await stack.run("up", "--expect-no-changes"));
  });

  it("keeps its backups when it is asked to have none, and changes nothing", async () => {
    stack.configure({ etcd: { backup: false } });
    const up = await stack.run("up");
    expect(up.code).toBe(2);
    expect(up.stderr).toContain("etcd.backup: the store would go with the backups in it");
    stack.configure({ etcd: { backup: {} } });
    expect(await backups()).toHaveLength(1);
  });

  nightly("takes members back that it had removed: without their old data, which is put aside", async () => {
    stack.configure({ etcd: { shards: shards(3) } });
    ok(await stack.run("up"));
    stack.configure({ etcd: { shards: shards(5) } });
    const grown = await stack.run("up");
    ok(grown);
    expect(grown.stderr).toMatch(/kept-etcd-main-4: old data is kept in \/var\/lib\/etcd-wal\/set-aside-/);
    const aside = await stack.ssh(
      "etcd-main-5",
      "ls -d /var/lib/etcd-wal/set-aside-*/wal /var/lib/etcd/member/snap/set-aside-*/db",
    );
    console.log(aside);
    expect(aside.trim().split("\n")).toHaveLength(2);
    expect((await stack.json<StatusReport>("status")).problems).toEqual([]);
    expect(await secret()).toBe("hush");
  });
});
