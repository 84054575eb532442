/**
 * docs/operations.md, section by section: the cluster is brought to where a section begins, its blocks are typed as they stand there, and the
 * cluster is well. (A member whose data is damaged: diagnosis.test.ts.)
 */
import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../../bench/lib/lab";
import { type Ran, TestStack } from "../../bench/lib/stack";
import type { StatusReport } from "../../cli/hosts/status-types";
import { commands } from "../support/pages";
import { inLabNightly } from "./support/lab";
import { type Typed, typed, typedOn } from "./support/typed";

const stack = new TestStack("pages");
const prefix = "kn-pages";
const member = "etcd-main-2";
const host = `${stack.name}-${member}`;
/** An id of a member as the page shows it. */
const idOnPage = "4a2e92fe0c9c988c";

const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const on = (command: string) => stack.ssh(member, command);
const status = () => stack.json<StatusReport>("status");
const here = (block = "") => typed(stack, block);
const mainShard = async () => (await status()).etcd.find(({ shard }) => shard === "main");

/** What was typed went well, but for these lines. */
function expectWent({ failed, stderr, stdout }: Typed, ...but: readonly RegExp[]): void {
  const unexpected = failed.filter((line) => !but.some((one) => one.test(line)));
  expect(unexpected, `${stdout}\n${stderr}`).toEqual([]);
}

async function healthy(): Promise<void> {
  const found = async () => {
    const { problems, unknown } = await status();
    return [...problems, ...unknown];
  };
  await expect.poll(found, { timeout: 240_000, interval: 1_000 }).toEqual([]);
}

async function idOf(name: string): Promise<string> {
  const list = await stack.ssh("etcd-main-1", "/usr/local/lib/kilonode/etcd-call member list");
  const id = new RegExp(`^(\\w+), \\w+, ${name},`, "m").exec(list)?.[1];
  if (!id) throw new Error(`${name} is no member:\n${list}`);
  return id;
}

/** An alarm as etcd raises it by itself, of {@link member}. */
async function raise(alarm: "NOSPACE" | "CORRUPT"): Promise<void> {
  const memberID = BigInt(`0x${await idOf(host)}`).toString();
  const body = JSON.stringify({ action: "ACTIVATE", memberID, alarm });
  await on(`set -a; . /etc/etcd/etcdctl.env
    curl --silent --show-error --fail --connect-to ::127.0.0.1: --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" \\
      --data '${body}' "$KILONODE_ETCD_HTTP/v3/maintenance/alarm"`);
  expect((await mainShard())?.alarms).toEqual([alarm]);
}

inLabNightly("the pages of docs/operations.md, typed", () => {
  let lab: Lab;

  beforeAll(async () => {
    clean();
    // Its timer is out of the way.
    stack.configure({ etcd: { backup: { everyMinutes: 60 } } });
    ok(await stack.run("up"));
    lab = await Lab.of(stack);
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("Backups", async () => {
    const [block] = commands("Backups");
    // None has been taken before the fourth line, and doctor tells so.
    expectWent(await here(block), /kilonode (status|doctor|etcd backups) /);
    expectWent(await here(block));
  });

  it("A member that is down", async () => {
    const [block] = commands("A member that is down");
    await on("systemctl stop etcd");
    expectWent(await here(block), /kilonode status /, /systemctl status etcd/);
    await healthy();
  });

  it("A member whose data is gone", async () => {
    const [replace, byHand] = commands("A member whose data is gone");
    await on("systemctl stop etcd; rm -rf /var/lib/etcd/member/snap/* /var/lib/etcd-wal/wal");
    await typedOn(stack, "etcd-main-1", byHand ?? "", { [idOnPage]: await idOf(host) });
    expect((await mainShard())?.voters).toBe(2);
    expectWent(await here(replace));
    await healthy();
    expect(await mainShard()).toMatchObject({ voters: 3, learners: 0, healthy: 3 });
  });

  it("A member whose data differs", async () => {
    const [look = "", away = "", anew] = commands("A member whose data differs");
    await raise("CORRUPT");
    const list = await typedOn(stack, "etcd-main-1", look);
    const decimal = /memberID:(\d+) alarm:CORRUPT/.exec(list)?.[1] ?? "0";
    const id = (await on(`printf '%x' ${decimal}`)).trim();
    expect(list).toMatch(new RegExp(`^${id}, started, ${host},`, "m"));
    await typedOn(stack, "etcd-main-1", away, { [idOnPage]: id });
    expectWent(await here(anew));
    await healthy();
  });

  it("An alarm of a shard", async () => {
    await raise("NOSPACE");
    expect(await typedOn(stack, "etcd-main-1", commands("An alarm of a shard").join(""))).toContain("alarm:NOSPACE");
    await healthy();
  });

  it("A database that is full: also with a member lost, whose host is made anew first", async () => {
    const [compact] = commands("A database that is full");
    const [replace] = commands("A member whose data is gone");
    await raise("NOSPACE");
    await lab.powerOf("kill", [lab.host(`${stack.name}-etcd-main-3`)]);
    const refused = await here(compact);
    expect(refused.stderr).toMatch(/etcd-main-3[\s\S]*make its host anew by `kilonode replace`/);
    const replaced = await here(replace?.replace(member, "etcd-main-3"));
    // The alarm is what is left.
    expect(replaced.stderr).toMatch(/alarm NOSPACE[\s\S]*kilonode etcd compact/);
    expect(await mainShard()).toMatchObject({ voters: 3, learners: 0, healthy: 3, alarms: ["NOSPACE"] });
    expectWent(await here(compact));
    ok(await stack.run("up"));
    await healthy();
  });

  it("A database with much free space", async () => {
    expectWent(await here(commands("A database with much free space")[0]));
    await healthy();
  });

  it("A shard without a quorum", async () => {
    const [start, recover] = commands("A shard without a quorum");
    for (const name of [member, "etcd-main-3"]) await stack.ssh(name, "systemctl stop etcd");
    expectWent(await here(start), /kilonode status /);
    await expect.poll(async () => (await mainShard())?.leader, { timeout: 60_000 }).toBeTruthy();
    ok(await stack.run("up"));
    const others = [host, `${stack.name}-etcd-main-3`];
    for (const NAME of others)
      execFileSync("components/platform/lab/lab-host", ["delete"], {
        env: { ...process.env, PREFIX: prefix, NAME, EPHEMERAL: "true" },
      });
    const ran = await here(recover);
    expectWent(ran);
    console.log(ran.stdout);
    await healthy();
  });

  it("Restore a shard", async () => {
    const [restore = "", abandon, old = ""] = commands("Restore a shard");
    ok(await stack.run("etcd backup", "--shard", "main"));
    const [dry, newest, at] = restore.trim().split("\n");
    const now = at?.replace(/--at \S+/, `--at ${new Date().toISOString()}`);
    expectWent(await here(`${dry}\n${newest}`));
    // From the same snapshot: it says that this was done.
    expectWent(await here(now));
    await healthy();
    const nothing = await here(abandon);
    expect(nothing.stderr + nothing.stdout).toMatch(/no restore|nothing/);
    const [list = "", remove = ""] = old.split("\n");
    const [, stamp = ""] = /set-aside-(\w+)/.exec(await typedOn(stack, member, list)) ?? [];
    await typedOn(stack, member, remove, { "20261129T031512Z": stamp });
    expect(await on("ls /var/lib/etcd-wal")).not.toContain(stamp);
    await healthy();
  });

  it("A host that does not answer", async () => {
    const [look, power = ""] = commands("A host that does not answer");
    await lab.powerOf("kill", [lab.host(host)]);
    expectWent(await here(look), /kilonode status /, /lab-status/);
    await healthy();
    const [restore, cut] = power.split("\n");
    expectWent(await here(cut));
    expectWent(await here(restore));
    await healthy();
  });

  it("A volume that is full, a service that does not come up, a setting that is refused: what they have looked at", async () => {
    const titles = ["A volume that is full", "A service that does not come up"];
    for (const block of titles.flatMap((title) => commands(title))) expectWent(await here(block));
    await on("echo ETCD_HEARTBEAT_INTERVAL=never >>/etc/etcd/etcd.env; systemctl restart --no-block etcd");
    const ran = await here(commands("A setting that is refused")[0]);
    expect(ran.stdout).toMatch(/etcd\.env/);
    expectWent(ran, /kilonode drift /);
    ok(await stack.run("up"));
    await healthy();
  });

  it("A volume that is not mounted", async () => {
    await on("systemctl stop etcd; umount /var/lib/etcd-wal");
    expectWent(await here(commands("A volume that is not mounted")[0]));
    await healthy();
  });

  it("Disks that are swapped", async () => {
    const swap = async () => {
      const one = lab.host(host);
      await lab.powerOf("stop", [one]);
      const [wal, database] = [lab.image(one, "wal"), lab.image(one, "database")];
      renameSync(wal, `${wal}.swapped`);
      renameSync(database, wal);
      renameSync(`${wal}.swapped`, database);
      await lab.powerOf("start", [one]);
    };
    await swap();
    const problems = async () => (await status()).problems.join("\n");
    await expect.poll(problems, { timeout: 120_000 }).toMatch(/its disks are swapped[\s\S]*#disks-that-are-swapped/);
    const up = await stack.run("up");
    expect([up.code, up.stderr]).toEqual([3, expect.stringContaining("its disks are swapped")]);
    const ran = await here(commands("Disks that are swapped")[0]);
    expectWent(ran);
    expect(ran.stdout).toMatch(
      /\/var\/lib\/etcd-wal:\ndb\n[\s\S]*\/var\/lib\/etcd\/member\/snap:\n(lost\+found\n)?wal\n/,
    );
    await swap();
    await healthy();
  });

  it("A program or a file that is missing", async () => {
    await on("rm /usr/local/bin/etcdutl");
    expectWent(await here(commands("A program or a file that is missing")[0]), /kilonode drift /);
    await healthy();
  });

  it("A masked unit", async () => {
    await on("systemctl mask --now etcd.service");
    expectWent(await here(commands("A masked unit")[0]));
    await healthy();
  });

  it("An API server that is not ready, no master leads: what they have looked at", async () => {
    const titles = ["An API server that is not ready", "No master leads"];
    for (const block of titles.flatMap((title) => commands(title))) expectWent(await here(block));
  });

  it("A master out of rotation", async () => {
    const [look] = commands("A master out of rotation");
    const set = (state: string) =>
      lab.inside(
        lab.host(`${stack.name}-lb-1`),
        `echo 'set server apiservers/${stack.name}-master-1 state ${state}' | socat - UNIX-CONNECT:/run/haproxy/admin.sock`,
      );
    expectWent(await here(look));
    await set("maint");
    expect((await here(look)).stdout).toContain("MAINT");
    await set("ready");
    await healthy();
  });
});
