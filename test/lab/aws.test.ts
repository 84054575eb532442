/**
 * A cluster on AWS as far as it can be had without an account: the program as it is, on the pretended account, whose instances are hosts of
 * this machine that boot their user-data through unmodified cloud-init.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import type { StatusReport } from "../../cli/hosts/status-types";

const root = process.getuid?.() === 0 && process.platform === "linux";
const stack = new TestStack("cloud", "test");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-cloud"], { stdio: "inherit" });

describe.runIf(root)("a cluster on the pretended account of AWS", () => {
  beforeAll(() => {
    clean();
    stack.configure({ network: { operators: ["10.44.15.0/24"] } });
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("comes up with one command, and has nothing to change a second time", async () => {
    ok(await stack.run("up", "--engine", "rehearsal"));
    ok(await stack.run("up", "--expect-no-changes"));
    const ready = await stack.run("kubectl", "get", "--raw", "/readyz");
    expect(ready.stdout).toBe("ok");
    const { etcd, healthy, problems } = await stack.json<StatusReport>("status");
    expect([healthy, problems]).toEqual([true, []]);
    expect(etcd.map(({ shard, healthy: members }) => [shard, members])).toEqual([
      ["main", 3],
      ["events", 1],
    ]);
  });

  it("is on hosts that AWS's own way has made: cloud-init, by the metadata service", async () => {
    const said = await stack.ssh("etcd-main-1", "cat /etc/hostname; tail -1 /var/log/cloud-init-output.log");
    expect(said).toMatch(/^cloud-etcd-main-1\n/);
    expect(said).toContain("Datasource DataSourceEc2");
  });

  it("is destroyed to nothing", async () => {
    ok(await stack.run("destroy", "--yes"));
    expect(readdirSync("/run/netns").filter((name) => name.startsWith("kn-cloud"))).toEqual([]);
    expect(readFileSync("/etc/hosts", "utf8")).not.toContain("kn-cloud");
    expect(existsSync(stack.stateDir)).toBe(false);
  });
});
