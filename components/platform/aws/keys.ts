/** KMS keys: one that disks are encrypted with, one for buckets. A key outlives what is encrypted with it. */
import { nameOf, tagsOf } from "./names";
import { type AwsParts, type Keys, type KmsKey, keptUnless } from "./parts";
import { type JsonValue, json, resource } from "./resource";

export function keys(parts: AwsParts): Keys {
  const { pools } = parts.plan;
  const disks = key(parts, "disks", "Disks of hosts and nodes", pools.length > 0 ? [autoScaling(parts)] : []);
  const buckets = key(parts, "buckets", "Artifacts and snapshots", []);
  return { resources: [disks, buckets], disks, buckets };
}

function key(parts: AwsParts, holds: string, description: string, more: readonly JsonValue[]): KmsKey {
  const { account, partition, plan } = parts;
  const name = nameOf(parts, holds);
  return resource(
    "kms/key:Key",
    name,
    {
      description,
      enableKeyRotation: true,
      deletionWindowInDays: plan.ephemeral ? 7 : 30,
      policy: json({
        Version: "2012-10-17",
        Statement: [
          {
            // So that roles and users get it by their own policies: without this nobody could ever change the key's (KMS developer guide).
            Sid: "Account",
            Effect: "Allow",
            Principal: { AWS: `arn:${partition}:iam::${account}:root` },
            Action: "kms:*",
            Resource: "*",
          },
          ...more,
        ],
      }),
      tags: tagsOf(parts, name),
    },
    keptUnless(plan.ephemeral),
  );
}

/**
 * Auto Scaling starts the nodes, with a role that no policy of ours can be given to. As a condition: as a principal it would have to exist
 * already, which it does not before the account's first group.
 */
function autoScaling({ account, partition }: AwsParts): JsonValue {
  const role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
  return {
    Sid: "AutoScaling",
    Effect: "Allow",
    Principal: { AWS: "*" },
    Action: [
      "kms:CreateGrant",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:ReEncrypt*",
    ],
    Resource: "*",
    Condition: {
      StringEquals: {
        "kms:CallerAccount": account,
        "aws:PrincipalArn": `arn:${partition}:iam::${account}:${role}`,
      },
    },
  };
}
