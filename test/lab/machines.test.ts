/** The machines of hosts are changed one at a time behind the gates, by nobody but their owner; nothing of the operator's machine is part of them. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { changeRoot, copyOfProject, replaceSshKey } from "../../bench/lib/other-machines";
import { project, type Ran, TestStack } from "../../bench/lib/stack";
import { reportLine, type WriterReport, whileWriting } from "../../bench/lib/writer";
import type { StatusReport } from "../../cli/hosts/status-types";
import { defaultCacheDir } from "../../toolchain/cache";
import { inLabNightly } from "./support/lab";

const stack = new TestStack("turns");
const scratch = mkdtempSync(join(tmpdir(), "kilonode-turns-"));
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-turns"], { stdio: "inherit" });

interface LabHost {
  readonly name: string;
  readonly pid: number;
  readonly hostKey: string;
  readonly inputs: { readonly root: string; readonly volumes: string; readonly authorizedKey: string };
}

const hosts = (): LabHost[] => {
  const lab = execFileSync("components/platform/lab/lab-status", ["--json", "--prefix", "kn-turns"], {
    encoding: "utf8",
  });
  return (JSON.parse(lab) as { hosts: LabHost[] }).hosts;
};
const byRole = (names: readonly string[], role: string) => names.filter((name) => name.startsWith(`turns-${role}`));
/** When a host was started last, by its own clock, which is the machine's: seconds since 1970. */
const bootOf = async (name: string) =>
  Number((await stack.ssh(name.replace("turns-", ""), "stat -c %.9Y /proc/1")).trim());

async function bootOrder(names: readonly string[]): Promise<string[]> {
  const started = await Promise.all(names.map(async (name) => [name, await bootOf(name)] as const));
  return started.sort(([, a], [, b]) => a - b).map(([name]) => name);
}

async function reportOf(namespace: string, work: () => Promise<void>): Promise<WriterReport> {
  let report: WriterReport | undefined;
  await whileWriting((await stack.run("kubeconfig")).stdout, namespace, work, (told) => {
    report = told;
    console.log(`${namespace}: ${reportLine(told)}`);
  });
  return report as WriterReport;
}

inLabNightly("the machines of hosts", () => {
  let names: string[] = [];

  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
    names = hosts().map(({ name }) => name);
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("do not change with the operator's home, cache folder or copy of the project", async () => {
    const cache = join(scratch, "home/.cache/kilonode");
    mkdirSync(cache, { recursive: true });
    for (const folder of ["artifacts", "toolchain"])
      cpSync(join(defaultCacheDir(process.env), folder), join(cache, folder), { recursive: true });
    const before = hosts();
    for (const from of [project, copyOfProject(join(scratch, "same"), stack)]) {
      stack.from = from;
      stack.env.HOME = join(scratch, "home");
      ok(await stack.run("preview", "--expect-no-changes"));
      ok(await stack.run("up", "--expect-no-changes"));
    }
    Object.assign(stack, { from: project });
    stack.env.HOME = process.env.HOME;
    expect(hosts()).toEqual(before);
  });

  it("belong to the state that made them: another one is refused in preview, up and destroy, and touches nothing", async () => {
    const before = { hosts: hosts(), status: (await stack.json<StatusReport>("status")).healthy };
    expect(before.status).toBe(true);
    const stranger = { KILONODE_STATE_DIR: join(scratch, "stranger") };
    for (const command of ["preview", "up"]) {
      const ran = await stack.runWith(stranger, command);
      expect(ran.code, ran.stderr).toBe(1);
      expect(ran.stdout + ran.stderr).toMatch(
        /the lab kn-turns on this machine belongs to another state \(owner [0-9a-f]{16}/,
      );
      expect(ran.stdout + ran.stderr).toMatch(/kilonode state import here/);
    }
    ok(await stack.runWith(stranger, "destroy", "--yes"));
    expect(hosts()).toEqual(before.hosts);
    ok(await stack.run("up", "--expect-no-changes"));
    ok(await stack.run("status"));
  });

  it("take a new SSH key one after the other, and go on running", async () => {
    const before = hosts();
    replaceSshKey(stack.stateFile);
    const report = await reportOf("default", async () => ok(await stack.run("up")));
    expect(report).toMatchObject({ failed: [], lost: [] });
    const after = hosts();
    expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    expect(new Set(after.map(({ inputs }) => inputs.authorizedKey)).size).toBe(1);
    expect(after[0]?.inputs.authorizedKey).not.toBe(before[0]?.inputs.authorizedKey);
    ok(await stack.run("up", "--expect-no-changes"));
    ok(await stack.run("status"));
  });

  it("get larger volumes one after the other, each member back before the next", async () => {
    const members = byRole(names, "etcd");
    stack.configure({ etcd: { quotaGiB: 9 }, "policy:severities": { "etcd-quota": "advisory" } });
    const preview = await stack.run("preview");
    ok(preview);
    const report = await reportOf("kube-public", async () => ok(await stack.run("up")));
    expect(report).toMatchObject({ failed: [], lost: [] });
    expect(
      hosts()
        .filter(({ name }) => members.includes(name))
        .map(({ inputs }) => inputs.volumes),
    ).toEqual(members.map(() => expect.stringMatching(/database:[0-9]+/)));
    for (const member of members) {
      const size = Number(
        await stack.ssh(
          member.replace("turns-", ""),
          "df --output=size -BM /var/lib/etcd/member/snap | tail -n 1 | tr -d M",
        ),
      );
      const planned = Number(
        /database:(\d+)/.exec(hosts().find(({ name }) => name === member)?.inputs.volumes ?? "")?.[1],
      );
      expect(size).toBeGreaterThan(planned * 0.9);
    }
    ok(await stack.run("up", "--expect-no-changes"));
    ok(await stack.run("status"));
  });

  it("are made from another image one after the other, with their data, and end healthy", async () => {
    const before = hosts();
    const copy = copyOfProject(join(scratch, "image"), stack);
    changeRoot(copy);
    stack.from = copy;
    const report = await reportOf("kube-system", async () => ok(await stack.run("up")));
    // The only load balancer is away once, first of all; what was acknowledged is there.
    expect(report.lost).toEqual([]);
    const others = await Promise.all(byRole(names, "master").map(bootOf));
    expect(Math.max(0, ...report.failedAtMs) / 1000).toBeLessThan(Math.min(...others));
    const after = hosts();
    expect(
      after.every(
        ({ hostKey, inputs }, index) =>
          hostKey !== before[index]?.hostKey && inputs.root !== before[index]?.inputs.root,
      ),
    ).toBe(true);
    const order = await bootOrder(names);
    expect(order.findIndex((name) => name.startsWith("turns-master"))).toBeGreaterThan(
      order.findLastIndex((name) => name.startsWith("turns-etcd")),
    );
    ok(await stack.run("up", "--expect-no-changes"));
    const status = await stack.json<StatusReport>("status");
    expect(status.problems).toEqual([]);
    expect(status.etcd.map(({ shard, voters, healthy }) => [shard, voters, healthy])).toEqual([
      ["main", 3, 3],
      ["events", 1, 1],
      ["leases", 1, 1],
    ]);
    stack.from = project;
  });
});
