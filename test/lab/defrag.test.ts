/** What an operator does for the space of a shard, and for a host that is lost, on a real cluster while clients write. */
import { execFileSync } from "node:child_process";
import { Agent, request } from "node:https";
import { afterAll, beforeAll, expect, it } from "vitest";
import { operatorAccess } from "../../bench/lib/kubeconfig";
import { type Ran, TestStack } from "../../bench/lib/stack";
import { reportLine, type WriterReport, whileWriting } from "../../bench/lib/writer";
import type { CompactReport } from "../../cli/etcd/compact";
import type { DefragReport } from "../../cli/etcd/defrag";
import type { StatusReport } from "../../cli/hosts/status-types";
import { nightly } from "../support/nightly";
import { inLab } from "./support/lab";

const stack = new TestStack("defrag");
const prefix = "kn-defrag";
const MIB = 2 ** 20;
const members = ["etcd-main-1", "etcd-main-2", "etcd-main-3"];
const call = "/usr/local/lib/kilonode/etcd-call";

const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
const kubectl = async (...args: string[]) => {
  const ran = await stack.run("kubectl", ...args);
  ok(ran);
  return ran.stdout;
};
const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;

async function main(): Promise<StatusReport["etcd"][number]> {
  const { etcd } = await stack.json<StatusReport>("status");
  return etcd.find(({ shard }) => shard === "main")!;
}

/** ConfigMaps of 700 kB. @returns the answer to the first that was not taken for want of space */
async function fill(count: number, namespace: string): Promise<string | undefined> {
  const { ca, cert, key, server } = operatorAccess((await stack.run("kubeconfig")).stdout);
  const agent = new Agent({ ca, cert, key, keepAlive: true });
  const data = { text: "x".repeat(700_000) };
  let refused: string | undefined;
  // Right after restarts a leader may still be elected.
  let others = 0;
  for (let index = 0; index < count && refused === undefined; index++) {
    const metadata = { name: `fill-${Date.now()}-${index}` };
    const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
    const url = `${server}/api/v1/namespaces/${namespace}/configmaps`;
    const { status, text } = await post(url, agent, body);
    if (status !== 201 && (text.includes("space exceeded") || ++others > 20)) refused = text;
  }
  agent.destroy();
  return refused;
}

function post(url: string, agent: Agent, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What the API servers do every five minutes at most. */
async function compactNow(): Promise<void> {
  const revision = `$(${call} -w json endpoint status | grep -o '"revision":[0-9]*' | head -n 1 | cut -d: -f2)`;
  await stack.ssh("etcd-main-1", `${call} --command-timeout=120s compact --physical "${revision}"`);
}

/** The members' quota, until {@link plannedQuota}. */
async function quota(bytes: number): Promise<void> {
  for (const member of members) {
    await stack.ssh(
      member,
      `mkdir -p /run/systemd/system/etcd.service.d; echo ETCD_QUOTA_BACKEND_BYTES=${bytes} >/run/quota.env;
       printf '[Service]\\nEnvironmentFile=/run/quota.env\\n' >/run/systemd/system/etcd.service.d/quota.conf;
       systemctl daemon-reload; systemctl restart etcd`,
    );
  }
}

async function plannedQuota(): Promise<void> {
  for (const member of members)
    await stack.ssh(
      member,
      "rm -f /run/systemd/system/etcd.service.d/quota.conf; systemctl daemon-reload; systemctl restart etcd",
    );
}

async function written(work: () => Promise<void>): Promise<WriterReport> {
  let report: WriterReport | undefined;
  await whileWriting((await stack.run("kubeconfig")).stdout, "default", work, (told) => {
    report = told;
  });
  return report!;
}

inLab("an operator of a small cluster", () => {
  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
    await kubectl("create", "namespace", "fill");
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("gives back what is free while clients write, with no request lost", async () => {
    expect(await fill(170, "fill")).toBeUndefined();
    await kubectl("delete", "configmaps", "--all", "-n", "fill");
    await compactNow();
    const leader = (await main()).leader;
    let defragged: DefragReport | undefined;
    const report = await written(async () => {
      defragged = await stack.json<DefragReport>("etcd defrag");
    });
    const [own] = defragged!.shards.filter(({ shard }) => shard === "main");
    for (const { afterBytes, beforeBytes, member, silentSeconds } of own!.members) {
      console.log(`${member}: ${mib(beforeBytes)} -> ${mib(afterBytes)}, silent for ${silentSeconds} s`);
      expect(beforeBytes).toBeGreaterThan(100 * MIB);
      expect(afterBytes).toBeLessThan(60 * MIB);
      expect(silentSeconds).toBeGreaterThan(0);
    }
    console.log(`defragmentation: ${reportLine(report)}`);
    expect(report).toMatchObject({ failed: [], lost: [] });
    expect(report.acknowledged).toBeGreaterThan(100);
    const after = await main();
    expect(after).toMatchObject({ healthy: 3, voters: 3, alarms: [] });
    expect(after.leader).not.toBe(leader);
    // The others are below the floor, and nothing is worth it a second time.
    const again = await stack.json<DefragReport>("etcd defrag");
    expect(
      again.shards.flatMap((shard) => shard.members.filter(({ silentSeconds }) => silentSeconds !== null)),
    ).toEqual([]);
  });

  it("refuses while a member is down, with nothing touched", async () => {
    await stack.ssh("etcd-main-3", "systemctl stop etcd");
    const ran = await stack.run("etcd defrag", "--shard", "main", "--threshold", "1");
    await stack.ssh("etcd-main-3", "systemctl start etcd");
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("defrag-etcd-main-3");
    expect(ran.stderr).toContain("Nothing was changed");
    const wrong = await stack.run("etcd defrag", "--threshold", "0");
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("--threshold 0: wants a whole number") });
  });

  nightly("brings a shard out of NOSPACE, step by step", async () => {
    await quota(96 * MIB);
    const refused = await fill(400, "fill");
    console.log(`refused: ${refused}; alarms: ${(await main()).alarms}`);
    expect(refused).toContain("database space exceeded");
    expect((await main()).alarms).toEqual(["NOSPACE"]);
    const asked = await stack.run("etcd compact", "--shard", "main");
    expect(asked).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--yes was not said. Next: compact to revision"),
    });
    const full = await stack.run("etcd compact", "--shard", "main", "--yes");
    console.log(full.stderr);
    expect(full.code).toBe(3);
    expect(full.stderr).toContain("it is full of objects");
    expect(full.stderr).toContain("/registry/configmaps/");
    await kubectl("delete", "configmaps", "--all", "-n", "fill");
    const done = await stack.run("etcd compact", "--shard", "main", "--yes", "--json");
    console.log(done.stderr, done.stdout);
    ok(done);
    const report = JSON.parse(done.stdout) as CompactReport;
    expect(report.alarms.length).toBeGreaterThan(0);
    for (const { afterBytes } of report.members) expect(afterBytes).toBeLessThan(77 * MIB);
    expect(await main()).toMatchObject({ healthy: 3, alarms: [] });
    await kubectl("create", "configmap", "again", "-n", "fill");
    const nothing = await stack.run("etcd compact", "--shard", "main", "--yes");
    expect(nothing).toMatchObject({ code: 0, stdout: expect.stringContaining("no alarm NOSPACE is raised") });
    await plannedQuota();
  });

  it("makes a member anew whose disk is gone, with no request lost", async () => {
    const wipe = "rm -rf /var/lib/etcd/member/snap/* /var/lib/etcd-wal/wal";
    const lost = (await main()).leader === "defrag-etcd-main-2" ? "etcd-main-3" : "etcd-main-2";
    await stack.ssh(lost, `systemctl stop etcd; ${wipe}`);
    const report = await written(async () => {
      const ran = await stack.run("replace", lost, "--yes");
      console.log(ran.stderr);
      ok(ran);
    });
    console.log(`replaced ${lost}: ${reportLine(report)}`);
    expect(report).toMatchObject({ failed: [], lost: [] });
    expect(await main()).toMatchObject({ healthy: 3, voters: 3, learners: 0, alarms: [] });
    expect((await stack.json<StatusReport>("status")).problems).toEqual([]);
  });

  nightly("makes the leader's host anew: it hands over, and leaves, with no request lost", async () => {
    const leader = (await main()).leader as string;
    const report = await written(async () => ok(await stack.run("replace", leader, "--yes")));
    console.log(`replaced the leader ${leader}: ${reportLine(report)}`);
    expect(report).toMatchObject({ failed: [], lost: [] });
    expect(await main()).toMatchObject({ healthy: 3, voters: 3, learners: 0, alarms: [] });
  });

  nightly("makes a dead master anew, and none that nobody could do without", async () => {
    execFileSync("components/platform/lab/lab-host", ["kill"], {
      env: { ...process.env, PREFIX: prefix, NAME: "defrag-master-2" },
    });
    const report = await written(async () => ok(await stack.run("replace", "master-2", "--yes")));
    console.log(`replaced master-2: ${reportLine(report)}`);
    expect(report.lost).toEqual([]);
    const { masters, problems } = await stack.json<StatusReport>("status");
    expect(problems).toEqual([]);
    expect(masters.map(({ ready }) => ready)).toEqual([true, true, true]);
    const only = await stack.run("replace", "etcd-events-1", "--yes");
    expect(only).toMatchObject({ code: 3, stderr: expect.stringContaining("the shard's data would go with it") });
    expect(await stack.run("replace", "etcd-main-9", "--yes")).toMatchObject({ code: 2 });
    expect((await stack.run("replace", "lb-1")).stderr).toContain("nobody reaches the API meanwhile");
    ok(await stack.run("up", "--expect-no-changes"));
  });
});
