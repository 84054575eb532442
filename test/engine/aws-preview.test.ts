/** The stacks of AWS as a reviewer without an account sees them, and what stops a preview: the program as it is, on the pretended account. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import type { RunReport } from "../../cli/show/summary";
import { serveEc2 } from "../../engine/rehearsal";
import { Account } from "./support/aws-account";

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "kilonode-aws-"));
afterAll(() => rmSync(home, { recursive: true }));

function preview(stack: string, options: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    KILONODE_STATE_DIR: join(home, "state"),
    PULUMI_CONFIG_PASSPHRASE: "a",
    AWS_EC2_METADATA_DISABLED: "true",
    ...environment,
  };
  const words = ["cli/kilonode.mjs", "preview", stack, "--engine", "rehearsal", ...options];
  return run(process.execPath, words, { env });
}

describe("a preview from nothing, without credentials", () => {
  test.each([
    ["test", 251, 35.9],
    ["prod-a", 564, 20.1],
  ])("of %s makes %i resources, and nothing is wrong with any of them", async (stack, resources, each) => {
    const { stdout } = await preview(stack, ["--json"]);
    const { changes, costUsdPerMonth = 0, creation, diagnostics, result } = JSON.parse(stdout) as RunReport;
    expect([result, changes]).toEqual(["succeeded", { create: resources }]);
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(diagnostics.map(({ message }) => message).join("\n")).toContain("nobody has looked at what exists in");
    expect(existsSync(join(home, "state")) ? readdirSync(join(home, "state")) : []).toEqual([]);
    expect(costUsdPerMonth).toBeGreaterThan(0);
    expect(creation?.resourcesPerControlPlaneHost).toBe(each);
    // All hosts at once: one of them is in the chain, and no other waits for it.
    const chain = creation?.longestChain?.operations ?? [];
    expect(chain.filter(({ type }) => type === "aws:ec2/instance:Instance")).toHaveLength(1);
    expect(chain.map(({ name }) => name)).toContain("masters-rollout");
  });

  test("says in words what it costs and takes", async () => {
    const { stdout } = await preview("prod-a", []);
    const [, figures = ""] = stdout.split("preview succeeded");
    expect(figures).toMatch(/ {2}resources {6}564 to create, 20\.1 a control-plane host\n/);
    expect(figures).toMatch(
      / {2}cost {11}22,685 USD a month: instances on demand, Linux, in us-east-1, prices of 2026-07-20; /,
    );
    expect(figures).toMatch(
      / {2}longest chain {2}\d+ operations, about \d+ minutes: .*Instance prod-a-[a-z0-9-]+ 20 s -> host .* -> rollout masters-rollout 60 s/,
    );
  });
});

describe("a preview with credentials", () => {
  const credentials = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: "example" };

  test("refuses a type that a zone does not have, and names the zones that do", async () => {
    const account = new Account({ notOffered: { "eu-central-1b": ["m5d.4xlarge", "c7i.8xlarge"] } });
    const api = await serveEc2({ cloud: account.provider.cloud, region: "eu-central-1" });
    try {
      const refused = preview("prod-a", [], { ...credentials, AWS_ENDPOINT_URL_EC2: api.url });
      const failure = await refused.then(
        () => "",
        ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}${stderr}`,
      );
      expect(failure).toContain("AWS would refuse this; nothing was touched");
      for (const words of [
        "eu-central-1b has no c7i.8xlarge, which 4 hosts (prod-a-master-2) of it need; eu-central-1a, eu-central-1c have it",
        "eu-central-1b has no m5d.4xlarge, which 5 hosts (prod-a-etcd-main-2) of it need; eu-central-1a, eu-central-1c have it",
      ])
        expect(failure).toContain(words);
    } finally {
      await api.close();
      account.close();
    }
  });

  test("names every right that they lack", async () => {
    const denied = createServer((_, response) =>
      response
        .writeHead(403, { "content-type": "text/xml" })
        .end(
          "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation.</Message></Error></Errors></Response>",
        ),
    );
    await new Promise<void>((resolve) => denied.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(denied.address() as AddressInfo).port}`;
    try {
      await expect(preview("prod-a", [], { ...credentials, AWS_ENDPOINT_URL_EC2: url })).rejects.toMatchObject({
        stdout: expect.stringContaining(
          "lack ec2:DescribeInstances and ec2:DescribeInstanceTypeOfferings in eu-central-1",
        ),
      });
    } finally {
      denied.close();
    }
  });
});
