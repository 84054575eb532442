/** The first `up` is killed half way: what an operator can do with what there is, and that `up` then completes. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import type { DriftReport } from "../../cli/hosts/drift";
import type { StatusReport } from "../../cli/hosts/status-types";
import { killedUp } from "./support/killed";
import { inLabNightly } from "./support/lab";

const stack = new TestStack("half");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-half"], { stdio: "inherit" });
const status = () => stack.json<StatusReport>("status");

inLabNightly("a first up that was killed half way", () => {
  beforeAll(clean);
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("with hosts and nothing on them: they are reached, and status says how far it came", async () => {
    await killedUp(stack, /hosts: done/);
    const report = await status();
    expect(report.healthy).toBe(false);
    expect(report.unfinished).toMatchObject({ action: "up", how: "killed" });
    expect(report.hosts.filter(({ reachable }) => reachable)).toHaveLength(10);
    const ran = await stack.run("status");
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/NOT HEALTHY, the last `up` did not finish/);
    expect(ran.stdout).toMatch(/and was killed.*`kilonode up half` goes on from there/);
    expect((await stack.ssh("etcd-main-1", "hostname")).trim()).toBe("half-etcd-main-1");
    ok(await stack.run("logs", "etcd-main-1", "-n", "3"));
    const drift = await stack.json<DriftReport>("drift");
    expect(drift.differs).toBe(true);
    expect(drift.hosts.filter(({ error }) => error?.startsWith("nothing was"))).toHaveLength(10);
  });

  it("with etcd up and no masters: its shards are shown, its logs read", async () => {
    await killedUp(stack, /rollout etcd-main: done/);
    const report = await status();
    expect(report.unfinished).toMatchObject({ how: "killed" });
    expect(report.etcd.find(({ shard }) => shard === "main")).toMatchObject({ voters: 3, healthy: 3 });
    const logs = await stack.run("logs", "etcd-main-1", "etcd", "-n", "200");
    expect(logs.stdout).toContain("etcd");
    const drift = await stack.json<DriftReport>("drift");
    expect(drift.hosts.filter(({ name }) => name.startsWith("half-etcd-main"))).toEqual(
      [1, 2, 3].map((number) => ({ name: `half-etcd-main-${number}`, drift: [] })),
    );
    // The operator's certificate is among the first things that are made.
    ok(await stack.run("kubeconfig", "--path"));
    const state = [stack.stateFile, `${stack.stateFile}.journal`].filter((file) => existsSync(file));
    for (const file of state) expect(readFileSync(file, "utf8")).not.toContain("PRIVATE KEY");
  });

  it("and up completes it", async () => {
    ok(await stack.run("up"));
    const report = await status();
    expect(report.unfinished).toBeUndefined();
    expect(report.problems).toEqual([]);
    ok(await stack.run("up", "--expect-no-changes"));
    ok(await stack.run("drift"));
  });
});
