/** The stacks of AWS as a reviewer without an account sees them, and what stops a preview: the program as it is, on the pretended account. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { changesOf, differences } from "../../cli/run/reviewed";
import type { RunReport } from "../../cli/show/summary";
import type { Step } from "../../engine";
import { providers, Rehearsal, serveAws } from "../../engine/rehearsal";
import { Account } from "./support/aws-account";

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "kilonode-aws-"));
afterAll(() => rmSync(home, { recursive: true }));

function preview(stack: string, options: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    KILONODE_STATE_DIR: join(home, "state"),
    AWS_EC2_METADATA_DISABLED: "true",
    ...environment,
  };
  const words = ["cli/kilonode.mjs", "preview", stack, "--engine", "rehearsal", ...options];
  return run(process.execPath, words, { env });
}

describe("a preview from nothing", () => {
  test("makes everything, nothing is wrong with any of it, and nothing is kept of it", async () => {
    const { stdout } = await preview("test", ["--json"]);
    const { changes, costUsdPerMonth = 0, creation, diagnostics, result } = JSON.parse(stdout) as RunReport;
    expect([result, changes]).toEqual(["succeeded", { create: 268 }]);
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(existsSync(join(home, "state")) ? readdirSync(join(home, "state")) : []).toEqual([]);
    expect(costUsdPerMonth).toBeGreaterThan(0);
    expect(creation?.resourcesPerControlPlaneHost).toBe(38.3);
    // All hosts at once: one of them is in the chain, and no other waits for it.
    const chain = creation?.longestChain?.operations ?? [];
    expect(chain.filter(({ type }) => type === "aws:ec2/instance:Instance")).toHaveLength(1);
    expect(chain.map(({ name }) => name)).toContainEqual(expect.stringMatching(/-rollout$/));
  });

  test("says in words what a large cluster takes and costs, and wants no passphrase for that", async () => {
    const { stdout } = await preview("prod-a", []);
    expect(existsSync(join(home, "state"))).toBe(false);
    const [, figures = ""] = stdout.split("preview succeeded");
    expect(figures).toMatch(/ {2}resources {6}586 to create, 20\.9 a control-plane host\n/);
    expect(figures).toMatch(
      / {2}cost {11}22,685 USD a month: instances on demand, Linux, in us-east-1, prices of 2026-07-20; /,
    );
    expect(figures).toMatch(
      / {2}longest chain {2}\d+ operations, about \d+ minutes: .*Instance prod-a-[a-z0-9-]+ 20 s -> host .* -> rollout etcd-main-rollout 60 s/,
    );
  });
});

describe("a preview with credentials", () => {
  const credentials = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: "example" };
  let end: (() => Promise<void>) | undefined;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await end?.();
    end = undefined;
  });

  /** @returns where a pretended account answers */
  async function pretended(plan?: ConstructorParameters<typeof Account>[0]): Promise<Record<string, string>> {
    const account = new Account(plan);
    const api = await serveAws({ cloud: account.provider.cloud, region: "eu-central-1" });
    end = async () => {
      await api.close();
      account.close();
    };
    return api.variables;
  }

  test("refuses what the account has no room for, all of it at once: types in zones, and quotas", async () => {
    const plan = join(home, "plan.json");
    const quotas = { "L-1216C47A": 640, "L-0263D0A3": 2, "L-F678F1CE": 0 };
    const notOffered = { "eu-central-1b": ["m5d.4xlarge", "c7i.8xlarge"] };
    writeFileSync(plan, JSON.stringify({ notOffered, quotas }));
    const refused = preview("prod-a", [], { REHEARSAL_AWS: plan });
    // Not the configuration is wrong, but what it is to be made in.
    await expect(refused).rejects.toMatchObject({ code: 1 });
    const { stdout } = await refused.catch((error: { stdout: string }) => error);
    const [, said = ""] = stdout.split("AWS would refuse this; nothing was touched\n");
    const lines = said.split("\n").flatMap((line) => /^ {4}- (.*)/.exec(line)?.[1] ?? []);
    const free = "no zone of eu-central-1 that is free has it: take another region";
    const more = "aws service-quotas request-service-quota-increase --region eu-central-1";
    expect(lines).toEqual([
      `eu-central-1b has no c7i.8xlarge, which 4 hosts (prod-a-master-2) of it need; ${free}`,
      `eu-central-1b has no m5d.4xlarge, which 5 hosts (prod-a-etcd-main-2) of it need; ${free}`,
      "quota L-1216C47A, vCPUs of on-demand standard instances in eu-central-1, is 640: prod-a takes 11024 (hosts 624, nodes of pools 10400), of which 0 are there, and 0 are in use by others, together 11024. " +
        `Ask for more: ${more} --service-code ec2 --quota-code L-1216C47A --desired-value 11024`,
      "quota L-0263D0A3, Elastic IP addresses in eu-central-1, is 2: prod-a takes 3, of which 0 are there, and 0 are in use by others, together 3. " +
        `Ask for more: ${more} --service-code ec2 --quota-code L-0263D0A3 --desired-value 3`,
      "quota L-F678F1CE, VPCs in eu-central-1, is 0: prod-a takes 1, of which 0 are there, and 0 are in use by others, together 1. " +
        `Ask for more: ${more} --service-code vpc --quota-code L-F678F1CE --desired-value 1`,
    ]);
  });

  test("asks no host for its content before what it fetches is there, and its right to", async () => {
    const environment = { ...credentials, ...(await pretended()), AWS_EC2_METADATA_DISABLED: "true" };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const stateFile = join(home, "order.json");
    const stack = new Rehearsal({ projectDir: ".", stack: "test", stateFile, passphrase: "a", providers });
    const { result, steps } = await stack.preview();
    expect(result).toBe("succeeded");
    const byUrn = new Map(steps.map((step) => [step.urn, step]));
    const waitsFor = (urn: string, found = new Set<string>()): Set<string> => {
      const { dependencies = [], parent } = byUrn.get(urn) as Step;
      for (const other of [...dependencies, ...(parent === undefined ? [] : [parent])])
        if (!found.has(other)) waitsFor(other, found.add(other));
      return found;
    };
    const fetched = steps.filter(({ type }) => /:BucketObjectv2$|:RolePolicy$/.test(type)).map(({ urn }) => urn);
    const contents = steps.filter(({ name, type }) => type === "command:remote:Command" && name.endsWith("-machine"));
    // Six binaries, the policies of three roles.
    expect([fetched.length, contents.length]).toEqual([9, 7]);
    for (const { urn } of contents) {
      const waited = waitsFor(urn);
      expect(fetched.filter((one) => !waited.has(one))).toEqual([]);
    }
  });

  test("comes out the same for who reviews it and for the update that is held to it", async () => {
    const environment = { ...credentials, ...(await pretended()), AWS_EC2_METADATA_DISABLED: "true" };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const stateFile = join(home, "reviewed.json");
    const stack = new Rehearsal({ projectDir: ".", stack: "test", stateFile, passphrase: "a", providers });
    const changes = async (mark: string) => {
      vi.stubEnv("KILONODE_INCARNATION", mark);
      return changesOf((await stack.preview()).steps);
    };
    const reviewed = await changes("00000001");
    expect(Object.keys(reviewed).length).toBeGreaterThan(200);
    expect(differences(reviewed, await changes("00000001"))).toEqual([]);
    // What is made anew bears the mark, and nothing else does.
    const again = await changes("00000002");
    const others = Object.keys(reviewed).filter((urn) => reviewed[urn]?.sha256 !== again[urn]?.sha256);
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter((urn) => !/::test-(etcd|master)-[^:]*$/.test(urn))).toEqual([]);
  });

  test("names every right that they lack", async () => {
    const ofEc2 =
      "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation.</Message></Error></Errors></Response>";
    const ofQuotas = JSON.stringify({ __type: "AccessDeniedException", message: "You are not authorized." });
    const denied = createServer(({ headers }, response) =>
      response.writeHead(403).end(headers["x-amz-target"] === undefined ? ofEc2 : ofQuotas),
    );
    await new Promise<void>((resolve) => denied.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(denied.address() as AddressInfo).port}`;
    const endpoints = { AWS_ENDPOINT_URL_EC2: url, AWS_ENDPOINT_URL_SERVICE_QUOTAS: url };
    for (const [name, value] of Object.entries({ ...credentials, ...endpoints })) vi.stubEnv(name, value);
    try {
      const stateFile = join(home, "denied.json");
      const stack = new Rehearsal({ projectDir: ".", stack: "prod-a", stateFile, passphrase: "a", providers });
      const { diagnostics, result } = await stack.preview();
      expect(result).toBe("failed");
      expect(diagnostics.map(({ message }) => message).join("\n")).toContain(
        "lack ec2:DescribeInstances, ec2:DescribeInstanceTypeOfferings, servicequotas:GetServiceQuota, ec2:DescribeAddresses and ec2:DescribeVpcs in eu-central-1",
      );
    } finally {
      denied.close();
    }
  });
});
