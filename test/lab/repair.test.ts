/** What `up` repairs although every gate is closed, and what it does not call a success. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import type { StatusReport } from "../../cli/hosts/status-types";
import type { RunReport } from "../../cli/show/summary";
import { nightly } from "../support/nightly";
import { inLab } from "./support/lab";

const stack = new TestStack("heal");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-heal"], { stdio: "inherit" });
const labHost = (verb: string, name: string) =>
  execFileSync("components/platform/lab/lab-host", [verb], { env: { ...process.env, PREFIX: "kn-heal", NAME: name } });
const status = () => stack.json<StatusReport>("status");
const problems = async () => (await status()).problems;

inLab("a cluster that is not as it should be", () => {
  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("most members of a shard and all masters broken by hand: one up repairs it", async () => {
    for (const member of ["etcd-main-1", "etcd-main-3"])
      await stack.ssh(
        member,
        "echo ETCD_HEARTBEAT_INTERVAL=never >>/etc/etcd/etcd.env; systemctl restart --no-block etcd",
      );
    for (const master of ["master-1", "master-2", "master-3"])
      await stack.ssh(
        master,
        "echo --no-such-flag >>/etc/kubernetes/kube-apiserver.flags; systemctl restart --no-block kube-apiserver",
      );
    await expect.poll(problems, { timeout: 60_000 }).toContain("etcd main has no leader: it takes no writes");
    const up = await stack.run("up");
    ok(up);
    expect(up.stderr).toMatch(/etcd-main: (shard without a quorum|no member).*, next: repair .*heal-etcd-main-1/);
    expect(await problems()).toEqual([]);
    ok(await stack.run("drift"));
  });

  it("a host that does not answer: up refuses, names it, and touches nothing", async () => {
    await stack.ssh("etcd-main-2", "systemctl stop --no-block ssh.socket ssh.service etcd.service");
    const up = await stack.run("up", "--json");
    expect(up.code, up.stderr).toBe(3);
    const { failures } = JSON.parse(up.stdout) as RunReport;
    expect(failures).toEqual([
      expect.objectContaining({ gate: expect.objectContaining({ host: "heal-etcd-main-2", changed: [] }) }),
    ]);
    labHost("stop", "heal-etcd-main-2");
    labHost("start", "heal-etcd-main-2");
    ok(await stack.run("up"));
    ok(await stack.run("up", "--expect-no-changes"));
  });

  it("the load balancer's processes take no command, neither the workers nor their master", async () => {
    const sockets = "find /run -name 'haproxy*.sock' -o -path '/run/haproxy/*'";
    expect(await stack.ssh("lb-1", sockets)).toBe("/run/haproxy/admin.sock\n");
    const command = "echo 'disable frontend api' | socat - UNIX-CONNECT:/run/haproxy/admin.sock";
    expect(await stack.ssh("lb-1", command)).toMatch(/[Pp]ermission denied/);
  });

  nightly("everything as applied, and the cluster broken: up says what is wrong, and fails", async () => {
    const address = (await stack.ssh("master-2", "hostname -I")).trim();
    const road = (change: string) => stack.ssh("lb-1", `ip route ${change} blackhole ${address}/32`);
    await road("add");
    const up = await stack.run("up", "--json");
    expect(up.code, up.stderr).toBe(1);
    expect(JSON.parse(up.stdout)).toMatchObject({
      result: "succeeded",
      health: { healthy: false, problems: ["out of the load balancer's rotation: heal-master-2 (DOWN)"] },
    });
    await road("delete");
    const mended = await stack.run("up", "--json");
    ok(mended);
    expect(JSON.parse(mended.stdout)).toMatchObject({ health: { healthy: true, problems: [] } });
  });
});
