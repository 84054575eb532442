/** The policy pack through the SDK's own analyzer: silent on a cluster of the full size, biting where something of each family is planted. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { PolicyViolation } from "../../engine";
import { providers, Rehearsal } from "../../engine/rehearsal";

const home = mkdtempSync(join(tmpdir(), "kilonode-policy-"));
beforeAll(() => vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true"));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

type Options = Partial<ConstructorParameters<typeof Rehearsal>[0]>;

function rehearsal(stack: string, more: Options = {}): Rehearsal {
  const stateFile = join(home, `${stack}.json`);
  const policyPacks = [{ path: "policy" }];
  return new Rehearsal({ projectDir: ".", stack, stateFile, passphrase: "a", providers, policyPacks, ...more });
}

/** Rule, level, resource. */
const errors = (diagnostics: readonly { readonly severity: string; readonly message: string }[]) =>
  diagnostics.flatMap(({ message, severity }) => (severity === "error" ? [message] : []));

const told = (violations: readonly PolicyViolation[]) =>
  violations.map(({ level, policy, urn }) => `${policy} ${level} ${urn.split("::").at(-1)}`).sort();

class Planned extends pulumi.CustomResource {}
const make = (type: string, name: string, inputs: pulumi.Inputs, options?: pulumi.CustomResourceOptions) =>
  new Planned(type, name, inputs, options);

const local = (name: string, inputs: pulumi.Inputs) =>
  make("command:local:Command", name, { create: "true", ...inputs });

/** A host's document, and who is connected to in vain: previews connect to nobody. */
const machine = (name: string, document: object) =>
  make("command:remote:Command", `${name}-machine`, {
    connection: { host: "203.0.113.1", user: "root", privateKey: "none", hostKey: "ssh-ed25519 AAAA" },
    create: "true",
    stdin: JSON.stringify({ firewall: { allowed: [] }, files: {}, binaries: {}, volumes: [], ...document }),
  });

const tags = (name: string) => ({ Name: name, "kilonode:cluster": "prod-a", "kilonode:owner": "00" });

describe("a cluster of 11 masters and 17 members", () => {
  it("breaks no rule", async () => {
    const { changes, policy, result } = await rehearsal("prod-a").preview();
    expect([result, changes, told(policy)]).toEqual(["succeeded", { create: 586 }, []]);
  });
});

describe("what is planted", () => {
  it("bites by each rule on resources, and all of it is told", async () => {
    const { diagnostics, policy, result } = await rehearsal("prod-a", {
      program: async () => {
        const vpcId = make("aws:ec2/vpc:Vpc", "vpc", { cidrBlock: "10.0.0.0/16" }).id;
        const group = make("aws:ec2/securityGroup:SecurityGroup", "group", { vpcId, tags: tags("group") });
        make("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "open", {
          securityGroupId: group.id,
          ipProtocol: "tcp",
          fromPort: 6443,
          toPort: 6443,
          cidrIpv4: "0.0.0.0/0",
          tags: tags("open"),
        });
        make("aws:kms/key:Key", "key", { enableKeyRotation: false, tags: tags("key") });
        const role = make("aws:iam/role:Role", "role", {
          assumeRolePolicy: '{"Version":"2012-10-17","Statement":[]}',
          tags: tags("role"),
        });
        make("aws:iam/rolePolicy:RolePolicy", "wide", {
          role: role.id,
          policy: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
        });
        make("aws:ebs/volume:Volume", "disk", {
          availabilityZone: "eu-central-1a",
          type: "gp3",
          size: 10,
          tags: tags("disk"),
        });
        machine("prod-a-etcd-main-1", {
          files: { "/etc/etcd/etcd.env": { content: "ETCD_DATA_DIR=/var/lib/etcd\nETCD_WAL_DIR=/wal\n" } },
          volumes: [
            { name: "wal", mount: "/wal", device: "/dev/a" },
            { name: "database", mount: "/var/lib/etcd/member/snap", device: "/dev/a" },
          ],
        });
        return undefined;
      },
    }).preview();
    expect([result, errors(diagnostics)]).toEqual(["failed", ["preview failed"]]);
    expect(told(policy)).toEqual([
      "deletion-protection mandatory disk",
      "deletion-protection mandatory key",
      "encrypted-disks mandatory disk",
      "encrypted-disks mandatory disk",
      "key-rotation mandatory key",
      "no-star-on-star mandatory wide",
      "open-to-the-world mandatory open",
      "required-tags mandatory vpc",
      "wal-and-database-apart mandatory prod-a-etcd-main-1-machine",
      "wal-dir-below-mount mandatory prod-a-etcd-main-1-machine",
    ]);
    expect(policy.find(({ policy: rule }) => rule === "open-to-the-world")).toMatchObject({
      pack: "kilonode",
      message:
        "Nothing takes connections from 0.0.0.0/0 or ::/0, or from a range so wide that it is a part of them; every host has a firewall.\nopen takes connections from 0.0.0.0/0; ranges of at least /8 (IPv6: /32) are allowed. What to do: name the ranges that operators really come from: `network.operators`",
    });
  });

  it("bites by the rules on the whole stack, with the severities of the stack's file", async () => {
    const { diagnostics, policy, result } = await rehearsal("prod-a", {
      config: { "policy:severities": { object: { "bucket-versioned": "advisory", "bucket-encrypted": "disabled" } } },
      program: async () => {
        make("aws:s3/bucket:Bucket", "prod-a-snapshots", { tags: tags("prod-a-snapshots") }, { protect: true });
        for (const number of [1, 2]) local(`prod-a-etcd-main-${number}-membership`, {});
        local("commitments", {
          environment: {
            COMMITMENTS: JSON.stringify({
              places: { "prod-a-etcd-main-1": "a 10.0.0.1", "prod-a-etcd-main-2": "b 10.0.1.1" },
              storage: {},
              settings: { quotaGiB: 16 },
            }),
          },
        });
        const binaries = (version: string) => ({ "/usr/local/bin/etcd": { name: "etcd", version } });
        machine("prod-a-etcd-main-1", { binaries: binaries("3.5.1") });
        machine("prod-a-etcd-main-2", { binaries: binaries("3.8.0") });
        return undefined;
      },
    }).preview();
    expect([result, errors(diagnostics)]).toEqual(["failed", ["preview failed"]]);
    expect(told(policy)).toEqual([
      "bucket-closed mandatory prod-a-snapshots",
      "bucket-closed mandatory prod-a-snapshots",
      "bucket-closed mandatory prod-a-snapshots",
      "bucket-versioned advisory prod-a-snapshots",
      "etcd-quota mandatory kilonode-prod-a",
      "events-on-own-hosts mandatory kilonode-prod-a",
      "odd-voters mandatory prod-a-etcd-main-1-membership",
      "quorum-without-a-zone mandatory prod-a-etcd-main-1-membership",
      "quorum-without-a-zone mandatory prod-a-etcd-main-1-membership",
      "version-skew mandatory prod-a-etcd-main-2-machine",
    ]);
  });

  it("stops an update before the resource is made", async () => {
    const { diagnostics, policy, result, steps } = await rehearsal("prod-a", {
      program: async () => {
        make("tls:index/privateKey:PrivateKey", "before", { algorithm: "ED25519" });
        machine("prod-a-etcd-main-1", {
          files: { "/etc/etcd/etcd.env": { content: "ETCD_WAL_DIR=/wal\n" } },
          volumes: [{ name: "wal", mount: "/wal", device: "/dev/a" }],
        });
        return undefined;
      },
    }).up();
    expect(errors(diagnostics)).toEqual([]);
    expect([result, told(policy)]).toEqual(["failed", ["wal-dir-below-mount mandatory prod-a-etcd-main-1-machine"]]);
    expect(steps.map(({ name }) => name)).not.toContain("prod-a-etcd-main-1-machine");
  });

  it("is no pack with a severity that there is not", async () => {
    const config = { "policy:severities": { object: { "no-such-rule": "advisory" } } };
    await expect(rehearsal("prod-a", { config, program: async () => undefined }).preview()).rejects.toThrow(
      "policy:severities.no-such-rule: there is no such rule; there are odd-voters, ",
    );
  });
});

it("starts as the Pulumi CLI starts it, with the compiler that Pulumi puts in front", async () => {
  const pack = join(process.cwd(), "policy");
  const child = spawn(process.execPath, [require.resolve("@pulumi/pulumi/cmd/run-policy-pack"), "127.0.0.1:1", pack], {
    cwd: pack,
    env: { ...process.env, PULUMI_CONFIG: '{"kilonode:platform":"lab"}', PULUMI_NODEJS_STACK: "lab" },
  });
  const output = { stdout: "", stderr: "" };
  try {
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.stderr.on("data", (chunk) => {
        output.stderr += chunk;
      });
      child.stdout.on("data", (chunk) => {
        output.stdout += chunk;
        if (/^\d+\n/.test(output.stdout)) resolve();
      });
    });
  } finally {
    child.kill();
  }
  // The port that it listens on.
  expect(output).toEqual({ stdout: expect.stringMatching(/^\d+\n$/), stderr: "" });
});
