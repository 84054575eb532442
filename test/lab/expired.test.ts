/** A cluster whose certificates have all expired is healed by one `up`. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { finished, type Ran, TestStack } from "../../bench/lib/stack";
import type { StatusReport } from "../../cli/hosts/status-types";
import { inLabNightly } from "./support/lab";

const stack = new TestStack("expired");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-expired"], { stdio: "inherit" });
/** How long they are valid: time for an `up` that puts them on all hosts. */
const MARGIN_MS = 150_000;
const status = () => stack.json<StatusReport>("status");

inLabNightly("a cluster whose certificates have all expired", () => {
  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("gets new ones by one up, which restarts nothing", async () => {
    // All are made anew, as if it were almost a day ago, for one day.
    stack.configure({ certificates: { days: 1, renewBeforeDays: 0 } });
    const clock = {
      KILONODE_TEST_CLOCK_MS: String(MARGIN_MS - 86_400_000),
      NODE_OPTIONS: `--require ${resolve("test/lab/support/clock.cjs")}`,
    };
    // It is not healthy in its own eyes: what it asks the API with ended for everybody else hours ago.
    const then = await finished(stack.start("up", [], clock));
    expect(then.stdout, `${then.stdout}\n${then.stderr}`).toContain("up succeeded");
    const started = () => stack.ssh("etcd-main-1", "systemctl show -P InvocationID etcd");
    const before = await started();
    const leaves = async () => (await status()).certificates.filter(({ authority }) => !authority);
    const expired = async () => (await leaves()).filter(({ expires }) => new Date(expires) < new Date()).length;
    const all = (await leaves()).length;
    await expect.poll(expired, { timeout: 300_000, interval: 5_000 }).toBe(all);
    expect((await stack.run("kubectl", "get", "nodes", "--request-timeout=5s")).code).not.toBe(0);
    expect((await status()).problems).toContain("etcd main: no member answers");
    const up = await stack.run("up");
    ok(up);
    expect((await status()).problems).toEqual([]);
    expect(await expired()).toBe(0);
    expect(await started()).toBe(before);
    ok(await stack.run("kubectl", "get", "nodes", "--request-timeout=5s"));
    ok(await stack.run("up", "--expect-no-changes"));
  });
});
