/**
 * A cluster on AWS as far as it can be had without an account: the program as it is, on the pretended account, whose instances are hosts of
 * this machine that boot their user-data through unmodified cloud-init.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import { reportLine, type WriterReport, whileWriting } from "../../bench/lib/writer";
import type { StatusReport } from "../../cli/hosts/status-types";
import { nightly } from "../support/nightly";
import { inLab } from "./support/lab";

const stack = new TestStack("cloud", "test");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-cloud"], { stdio: "inherit" });

interface Instance {
  readonly type: string;
  readonly id: string;
  readonly inputs: { readonly ami: string; readonly tags: Readonly<Record<string, string>> };
}

/** By host, as the state has them. */
function instances(): Map<string | undefined, Instance> {
  const state = JSON.parse(readFileSync(stack.stateFile, "utf8")) as { deployment: { resources: Instance[] } };
  const found = state.deployment.resources.filter(({ type }) => type === "aws:ec2/instance:Instance");
  return new Map(found.map((one) => [one.inputs.tags["kilonode:host"], one]));
}

inLab("a cluster on the pretended account of AWS", () => {
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

  nightly("takes another image host by host, and no client notices", async () => {
    const before = instances();
    const image = "ami-0fedcba9876543210";
    stack.configure({ aws: { image } });
    const { stdout: kubeconfig } = await stack.run("kubeconfig");
    let report: WriterReport | undefined;
    const up = async () => ok(await stack.run("up"));
    await whileWriting(kubeconfig, "default", up, (told) => {
      report = told;
      console.log(`another image: ${reportLine(told)}`);
    });
    expect(report).toMatchObject({ failed: [], lost: [] });
    const after = instances();
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [host, { id, inputs }] of after)
      expect([inputs.ami, id]).toEqual([image, expect.not.stringMatching(`^${before.get(host)?.id}$`)]);
    ok(await stack.run("up", "--expect-no-changes"));
    const { healthy, problems } = await stack.json<StatusReport>("status");
    expect([healthy, problems]).toEqual([true, []]);
  });

  it("is destroyed to nothing", async () => {
    ok(await stack.run("destroy", "--yes"));
    expect(readdirSync("/run/netns").filter((name) => name.startsWith("kn-cloud"))).toEqual([]);
    expect(readFileSync("/etc/hosts", "utf8")).not.toContain("kn-cloud");
    expect(existsSync(stack.stateDir)).toBe(false);
  });
});
