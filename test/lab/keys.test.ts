/** Every key of a cluster gives way to another one while clients write, and each step can be taken again. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import { reportLine, whileWriting } from "../../bench/lib/writer";
import type { StatusReport } from "../../cli/hosts/status-types";
import type { ClusterPlan } from "../../components/plan/types";
import { inLabNightly } from "./support/lab";

const stack = new TestStack("keys");
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-keys"], { stdio: "inherit" });
const kubectl = async (...words: string[]) => {
  const ran = await stack.run("kubectl", ...words);
  ok(ran);
  return ran.stdout.trim();
};

/** As outside of the cluster: it has the kubeconfig of the step before. */
async function writingThrough(what: string, work: () => Promise<void>): Promise<void> {
  const { stdout: kubeconfig } = await stack.run("kubeconfig");
  await whileWriting(kubeconfig, "default", work, (report) => {
    console.log(`${what}: ${reportLine(report)}`);
    expect([report.failed, report.lost]).toEqual([[], []]);
    expect(report.acknowledged).toBeGreaterThan(0);
  });
}

inLabNightly("the keys of a cluster", () => {
  let authorities: ClusterPlan["authorities"] = [];

  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
    ({ authorities } = await stack.json<ClusterPlan>("plan"));
    await kubectl("create", "secret", "generic", "hidden", "--from-literal=word=hush");
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("all authorities and the key of service accounts: trusted, used, and the old ones gone", async () => {
    const token = await kubectl("create", "token", "default", "--duration=2h");
    const accepted = async () => {
      const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
      const file = `${stack.stateDir}/review.json`;
      execFileSync("tee", [file], { input: JSON.stringify(review), stdio: ["pipe", "ignore", "inherit"] });
      return (await kubectl("create", "-f", file, "-o", "jsonpath={.status.authenticated}")) === "true";
    };
    for (const numbers of [[1, 2], [2, 1], [2]]) {
      const all = Object.fromEntries(authorities.map((name) => [name, numbers]));
      stack.configure({ keys: { authorities: all, serviceAccount: numbers } });
      await writingThrough(`keys ${numbers.join(", ")}`, async () => ok(await stack.run("up")));
      expect(await accepted()).toBe(numbers.includes(1));
    }
    const { certificates, problems } = await stack.json<StatusReport>("status");
    expect(problems).toEqual([]);
    const trusted = certificates.filter(({ authority }) => authority).map(({ name }) => name);
    expect(trusted.sort()).toEqual(authorities.map((name) => `keys ${name} CA-2`).sort());
  });

  it("the key of Secrets: none goes while a Secret is stored under it, and rotate writes all of them again", async () => {
    const stored = () =>
      stack.ssh(
        "etcd-main-1",
        "set -a; . /etc/etcd/etcdctl.env; etcdctl get /registry/secrets/default/hidden --print-value-only | head -c 27",
      );
    expect(await stored()).toMatch(/^k8s:enc:secretbox:v1:key1:/);
    for (const encryption of [
      [1, 2],
      [2, 1],
    ]) {
      stack.configure({ keys: { encryption } });
      await writingThrough(`encryption ${encryption.join(", ")}`, async () => ok(await stack.run("up")));
    }
    stack.configure({ keys: { encryption: [2] } });
    const refused = await stack.run("up");
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringMatching(/\d+ are stored under key1/)]);
    stack.configure({ keys: { encryption: [2, 1] } });
    await writingThrough("rotate encryption-key", async () => ok(await stack.run("rotate", "encryption-key")));
    expect(await stored()).toMatch(/^k8s:enc:secretbox:v1:key2:/);
    expect((stack.configuration.keys as { encryption: number[] }).encryption).toEqual([2]);
    expect(await kubectl("get", "secret", "hidden", "-o", "jsonpath={.data.word}")).toBe(
      Buffer.from("hush").toString("base64"),
    );
  });

  it("the SSH key, by rotate", async () => {
    await writingThrough("rotate ssh-key", async () => ok(await stack.run("rotate", "ssh-key")));
    expect((stack.configuration.keys as { ssh: number }).ssh).toBe(2);
    expect(await stack.ssh("master-1", "hostname")).toContain("master-1");
    ok(await stack.run("up", "--expect-no-changes"));
  });
});
