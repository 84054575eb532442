/** What breaks a member at night, for real: `status` and `up` name the cause within seconds, and what the pages advise heals it. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { finished, type Ran, TestStack } from "../../bench/lib/stack";
import type { StatusReport } from "../../cli/hosts/status-types";
import { nightly } from "../support/nightly";
import { commands } from "../support/pages";
import { inLab } from "./support/lab";
import { typedOn } from "./support/typed";

const stack = new TestStack("why");
const prefix = "kn-why";
const member = "etcd-main-2";
const host = `${stack.name}-${member}`;

const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const on = (command: string) => stack.ssh(member, command);
const status = () => stack.json<StatusReport>("status");
/** An `up` that was refused stays a problem until the next one: what runs is looked at. */
const healthy = () =>
  expect
    .poll(
      async () => {
        const { etcd, hosts } = await status();
        return { down: hosts.flatMap(({ downServices }) => downServices), healthy: etcd[0]?.healthy };
      },
      { timeout: 120_000, interval: 1_000 },
    )
    .toEqual({ down: [], healthy: 3 });
const seconds = (since: number) => Math.round((performance.now() - since) / 100) / 10;

/** How long after the fault `status` names its cause. */
async function namedByStatus(cause: RegExp): Promise<number> {
  const since = performance.now();
  const problems = async () => (await status()).problems.join("\n");
  await expect.poll(problems, { timeout: 120_000, interval: 500 }).toMatch(cause);
  return seconds(since);
}

/** `up` names the cause and stops. @returns seconds until it has named it, and until it has ended */
async function refusedByUp(cause: RegExp): Promise<string> {
  const since = performance.now();
  const up = stack.start("up");
  let named: number | undefined;
  let text = "";
  up.stderr?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (named === undefined && cause.test(text)) named = seconds(since);
  });
  const { code, stdout, stderr } = await finished(up);
  expect(`${stdout}\n${stderr}`).toMatch(cause);
  expect(code, stderr).toBe(3);
  return `up: named after ${named ?? "its end"} s, ended after ${seconds(since)} s`;
}

const said = (fault: string, byStatus: number, byUp: string) =>
  console.log(`${fault}: status: named after ${byStatus} s; ${byUp}`);

inLab("a member of a small cluster", () => {
  beforeAll(async () => {
    execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
    stack.configure({
      masters: { count: 1 },
      etcd: { shards: { main: { members: 3 } } },
      "policy:severities": { "events-on-own-hosts": "advisory" },
    });
    ok(await stack.run("up"));
  });

  afterAll(async () => {
    await stack.run("destroy", "--yes");
    execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
    stack.remove();
  });

  nightly("whose database's volume is full is named as such, and comes back by itself when there is room", async () => {
    await on(`cd /var/lib/etcd/member/snap
      mkdir filler
      fallocate -l $(($(stat -f -c %a .) * $(stat -f -c %S .) - 50000000)) filler/most
      dd if=/dev/zero of=filler/rest bs=1M || true`);
    await stack.ssh(
      "etcd-main-1",
      "for key in $(seq 30); do head -c 1000000 /dev/zero | /usr/local/lib/kilonode/etcd-call put large$key; done",
    );
    const cause = /etcd-main-2[\s\S]*the file system of \/var\/lib\/etcd\/member\/snap is full: \d+ (B|KiB) of/;
    said("full volume", await namedByStatus(cause), await refusedByUp(cause));
    // Longer than systemd's own limit of starts lets it try.
    await expect
      .poll(async () => Number(await on("systemctl show -P NRestarts etcd")), { timeout: 120_000, interval: 2_000 })
      .toBeGreaterThan(10);
    const freed = performance.now();
    await on("rm -r /var/lib/etcd/member/snap/filler");
    await healthy();
    console.log(`full volume: healthy ${seconds(freed)} s after it was freed, without an up`);
  });

  nightly("that is masked is named as such", async () => {
    await on("systemctl mask --now etcd.service");
    const cause = /etcd-main-2[\s\S]*masked/;
    said("masked unit", await namedByStatus(cause), await refusedByUp(cause));
    await on("systemctl unmask etcd.service; systemctl start --no-block etcd.service");
    await healthy();
  });

  it("whose program is missing is named as such, and repaired", async () => {
    await on("rm /usr/local/bin/etcd; systemctl kill --signal=KILL etcd");
    const byStatus = await namedByStatus(/etcd-main-2[\s\S]*the program \/usr\/local\/bin\/etcd is missing/);
    const since = performance.now();
    ok(await stack.run("up"));
    said("missing binary", byStatus, `up: repaired after ${seconds(since)} s`);
    await healthy();
  });

  it("that hangs is not known, which is neither well nor a failure", async () => {
    await on("systemctl kill --signal=STOP etcd");
    const { healthy: well, problems, unknown } = await status();
    await on("systemctl kill --signal=CONT etcd");
    expect(well).toBe(false);
    // What the API was asked may hang as well.
    expect(unknown).toContain(`${host}: not answered in time: etcd`);
    expect(problems.join("\n")).not.toMatch(/etcd main: .* not answer/);
    await healthy();
  });

  it("whose log is damaged is named as such, and begun anew by the commands of docs/operations.md", async () => {
    const wal = "$(ls /var/lib/etcd-wal/wal/*.wal | tail -n 1)";
    await on("systemctl kill --signal=KILL etcd");
    await on(`systemctl stop etcd; dd if=/dev/urandom of=${wal} bs=1 seek=300 count=200 conv=notrunc`);
    await on("systemctl start --no-block etcd");
    const cause = /etcd-main-2[\s\S]*etcd\.service[\s\S]*ends with exit status \d[\s\S]*a-member-whose-data-is-damaged/;
    said("damaged log", await namedByStatus(cause), await refusedByUp(cause));

    const [others, own, here] = commands("A member whose data is damaged");
    const list = await stack.ssh("etcd-main-1", "PATH=$PATH:/usr/local/lib/kilonode etcd-call member list");
    const [, id = "", url = ""] = new RegExp(`(\\w+), \\w+, ${host}, (https://[^,]+),`).exec(list) ?? [];
    const meant = { "4a2e92fe0c9c988c": id, "https://198.18.0.41:2380": url };
    expect(await typedOn(stack, "etcd-main-1", others ?? "", meant)).toMatch(/^quorum\n/);
    await typedOn(stack, member, own ?? "");
    expect(here).toBe("kilonode up lab\n");
    ok(await stack.run("up"));
    await healthy();
    const main = (await status()).etcd.find(({ shard }) => shard === "main");
    expect(main).toMatchObject({ voters: 3, learners: 0, healthy: 3 });
  });
});
