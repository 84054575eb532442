/** Who may do what on AWS, what becomes of data, and that names fit. */
import { describe, expect, it } from "vitest";
import { deployerPolicy } from "../../components/platform/aws/deployer";
import { bucketName } from "../../components/platform/aws/names";
import { awsParts } from "../../components/platform/aws/parts";
import { awsPlan, wholeCluster } from "../../components/platform/aws/plan";
import { partitions } from "../../components/platform/aws/regions";
import type { AwsResource } from "../../components/platform/aws/resource";
import { awsPlanOf, awsStacks, ofType } from "../support/aws";
import { clusterOf, rawOf } from "../support/plans";

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}
const statements = (policy: unknown) =>
  (policy as { readonly $json: { readonly Statement: readonly Statement[] } }).$json.Statement;

describe("what hosts may do", () => {
  it("is to fetch artifacts, and of members to store snapshots that they cannot delete", () => {
    const policies = ofType(awsPlanOf("prod-a").resources, "iam/rolePolicy:RolePolicy");
    const actions = policies.map(({ args, name }) => [name, statements(args.policy).flatMap(({ Action }) => Action)]);
    expect(Object.fromEntries(actions)).toEqual({
      "prod-a-etcd": [
        "s3:GetObject",
        "kms:Decrypt",
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "kms:GenerateDataKey",
      ],
      "prod-a-master": ["s3:GetObject", "kms:Decrypt"],
      "prod-a-node": [
        "s3:GetObject",
        "kms:Decrypt",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetAuthorizationToken",
      ],
    });
    const s3 = policies
      .flatMap(({ args }) => statements(args.policy))
      .filter(({ Action }) => String(Action).startsWith("s3:"));
    expect(new Set(s3.map(({ Action, Resource }) => `${Action} ${JSON.stringify(Resource)}`))).toEqual(
      new Set([
        's3:GetObject {"$join":[{"$ref":"s3/bucket:Bucket::prod-a-artifacts","output":"arn"},"/*"]}',
        's3:ListBucket {"$ref":"s3/bucket:Bucket::prod-a-snapshots","output":"arn"}',
        's3:GetObject,s3:PutObject {"$join":[{"$ref":"s3/bucket:Bucket::prod-a-snapshots","output":"arn"},"/*"]}',
        's3:DeleteObject {"$join":[{"$ref":"s3/bucket:Bucket::prod-a-snapshots","output":"arn"},"/*/locks/*"]}',
      ]),
    );
  });

  it("is nothing on everything, but to ask the registry for a token", () => {
    for (const stack of awsStacks) {
      const policies = ofType(awsPlanOf(stack).resources, "iam/rolePolicy:RolePolicy");
      const wide = policies.flatMap(({ args }) => statements(args.policy)).filter(({ Resource }) => Resource === "*");
      expect(wide.flatMap(({ Action }) => Action)).toEqual(["ecr:GetAuthorizationToken"]);
    }
  });

  it("is bounded where the configuration says so", () => {
    const permissionsBoundary = "arn:aws:iam::123456789012:policy/boundary";
    const { resources } = awsPlanOf("prod-a", { aws: { ...(rawOf("prod-a").aws as object), permissionsBoundary } });
    const roles = ofType(resources, "iam/role:Role");
    expect(roles).toHaveLength(3);
    for (const { args } of roles) expect(args).toMatchObject({ permissionsBoundary, path: "/kilonode/prod-a/" });
  });
});

describe("what a deployer may do", () => {
  it("is in docs/aws-deployer.json, for prod-a (refresh: npm run golden)", async () => {
    const policy = deployerPolicy(awsPlanOf("prod-a").parts);
    await expect(`${JSON.stringify(policy, null, 2)}\n`).toMatchFileSnapshot("../../docs/aws-deployer.json");
    // A managed policy has at most 6,144 characters, without white space (IAM user guide, quotas).
    expect(JSON.stringify(policy).length).toBeLessThanOrEqual(6144);
  });

  it("is to pass the cluster's own roles alone, and to hosts alone", () => {
    const { Statement } = deployerPolicy(awsPlanOf("prod-a").parts);
    const passing = Statement.filter(({ Action }) => Action.includes("iam:PassRole"));
    expect(passing).toEqual([
      {
        Sid: "RolesOfHosts",
        Effect: "Allow",
        Action: ["iam:PassRole"],
        Resource: "arn:aws:iam::123456789012:role/kilonode/prod-a/*",
        Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
      },
    ]);
  });

  it("is to make no role without the boundary, where there is one", () => {
    const permissionsBoundary = "arn:aws:iam::123456789012:policy/boundary";
    const { parts } = awsPlanOf("prod-a", { aws: { ...(rawOf("prod-a").aws as object), permissionsBoundary } });
    const { Statement } = deployerPolicy(parts);
    const making = Statement.filter(({ Action }) =>
      ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePermissionsBoundary"].some((one) => Action.includes(one)),
    );
    expect(making.map(({ Condition }) => Condition)).toEqual([
      { StringEquals: { "iam:PermissionsBoundary": permissionsBoundary } },
    ]);
  });
});

/** What no update and no destroy may take. */
const kept = (resources: readonly AwsResource[]) =>
  resources
    .filter(({ options }) => options.protect && options.retainOnDelete)
    .map(({ name, type }) => `${type.split(":")[1]} ${name}`)
    .sort();

describe("data", () => {
  it("stays in production: snapshots with all that keeps them private, and what they are encrypted with", () => {
    expect(kept(awsPlanOf("prod-a").resources)).toEqual([
      "Bucket prod-a-snapshots",
      "BucketLifecycleConfiguration prod-a-snapshots",
      "BucketObjectLockConfiguration prod-a-snapshots",
      "BucketOwnershipControls prod-a-snapshots",
      "BucketPolicy prod-a-snapshots",
      "BucketPublicAccessBlock prod-a-snapshots",
      "BucketServerSideEncryptionConfiguration prod-a-snapshots",
      "BucketVersioning prod-a-snapshots",
      "Key prod-a-buckets",
      "Key prod-a-disks",
    ]);
    const buckets = ofType(awsPlanOf("prod-a").resources, "s3/bucket:Bucket");
    expect(buckets.map(({ args, name }) => [name, args.forceDestroy])).toEqual([
      ["prod-a-artifacts", true],
      ["prod-a-snapshots", false],
    ]);
  });

  it("goes with a cluster that is made to be thrown away", () => {
    expect(kept(awsPlanOf("test").resources)).toEqual([]);
    for (const { args } of ofType(awsPlanOf("test").resources, "s3/bucket:Bucket"))
      expect(args.forceDestroy).toBe(true);
  });

  it("is encrypted with keys that are renewed every year", () => {
    for (const stack of awsStacks) {
      const { resources } = awsPlanOf(stack);
      for (const { args } of ofType(resources, "kms/key:Key")) expect(args.enableKeyRotation).toBe(true);
      const rules = ofType(
        resources,
        "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      ).flatMap(({ args }) => args.rules);
      expect(rules).toHaveLength(2);
      for (const rule of rules)
        expect(rule).toMatchObject({
          applyServerSideEncryptionByDefault: {
            sseAlgorithm: "aws:kms",
            kmsMasterKeyId: { $ref: `kms/key:Key::${stack}-buckets`, output: "arn" },
          },
        });
    }
  });
});

describe("names", () => {
  it("fit where the stack's is the longest that there can be, in every region", () => {
    const stack = "abcdefghijkl";
    for (const region of Object.values(partitions).flat())
      for (const holds of ["artifacts", "snapshots"])
        expect(bucketName(stack, holds, "111122223333", region)).toMatch(/^[a-z0-9-]{3,63}$/);
    const { plan, spec } = clusterOf(stack, rawOf("prod-a"));
    for (const { args, type } of awsPlan(awsParts(spec, plan)).resources) {
      const { namePrefix = "", description = "" } = args as { namePrefix?: string; description?: string };
      // The provider adds 26 characters; IAM's roles have 64, and security groups 255.
      expect(namePrefix.length).toBeLessThanOrEqual(type.startsWith("iam/") ? 38 : 100);
      expect(description.length).toBeLessThanOrEqual(255);
    }
  });

  it("and tags are on everything that can have some", () => {
    const plan = awsPlanOf("prod-a", { aws: { ...(rawOf("prod-a").aws as object), tags: { team: "platform" } } });
    const resources = wholeCluster(plan);
    const tagged = resources.filter(({ args }) => "tags" in args);
    expect(tagged.length).toBeGreaterThan(resources.length / 2);
    // Of a group of instances they are a list.
    const tagsOf = (tags: unknown) =>
      Array.isArray(tags) ? Object.fromEntries(tags.map(({ key, value }) => [key, value])) : tags;
    for (const { args, name } of tagged)
      expect(tagsOf((args as { tags: object }).tags)).toMatchObject({
        team: "platform",
        Name: name,
        "kilonode:cluster": "prod-a",
        "kilonode:owner": { $given: "owner" },
      });
  });
});
