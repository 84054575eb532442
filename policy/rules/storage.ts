/** What is at rest: encrypted by a key of the cluster's own, and open to nobody else. */
import { at, isMissing, isOff, listAt, type Resource, shown, textAt, unknown } from "../resource";
import type { Finding, Rule } from "../rule";

const isBucket = ({ type }: Resource) => type === "aws:s3/bucket:Bucket";

export const storageRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "encrypted-disks",
    severity: "mandatory",
    of: /^aws:(ebs\/volume:|ec2\/(instance:|launchTemplate:))/,
    asks: "Every volume is encrypted with a KMS key of the cluster's own.",
    why: "A snapshot or a disk that leaves the account is unreadable without the key, and a volume cannot be encrypted later (AWS Foundational Security Best Practices, EC2.3; kops encrypts etcd's volumes by default).",
    remedy: "set `encrypted: true` and `kmsKeyId` to the key of the cluster's disks",
    judge: (resource) =>
      disksOf(resource).flatMap(([what, disk]) => [
        ...(isOff(at(disk, "encrypted")) ? [`${what} is not encrypted`] : []),
        ...(isMissing(at(disk, "kmsKeyId")) ? [`${what} names no KMS key`] : []),
      ]),
  },
  {
    kind: "resource",
    name: "key-rotation",
    severity: "mandatory",
    of: /^aws:kms\/key:/,
    asks: "KMS keys are rotated.",
    why: "KMS makes a new one each year and keeps the old ones for what they have encrypted (AWS Foundational Security Best Practices, KMS.4).",
    remedy: "set `enableKeyRotation: true`",
    judge: ({ name, props }) => (isOff(props.enableKeyRotation) ? [`KMS key ${name} is not rotated`] : []),
  },
  {
    kind: "stack",
    name: "bucket-closed",
    severity: "mandatory",
    asks: "Every bucket is closed to the public by all four of its blocks, belongs to its owner alone, and speaks TLS alone.",
    why: "Snapshots of etcd hold all that the cluster holds (AWS Foundational Security Best Practices, S3.2, S3.5, S3.8, S3.12).",
    remedy:
      "give the bucket its BucketPublicAccessBlock, BucketOwnershipControls (BucketOwnerEnforced) and a policy that denies what is not `aws:SecureTransport`",
    judge: eachBucket((bucket, beside) => {
      const [block] = beside("bucketPublicAccessBlock:BucketPublicAccessBlock");
      const [ownership] = beside("bucketOwnershipControls:BucketOwnershipControls");
      const [policy] = beside("bucketPolicy:BucketPolicy");
      const open = blocks.filter((name) => isOff(block?.props[name]));
      const owner = at(ownership?.props, "rule", "objectOwnership");
      return [
        ...(open.length > 0 ? [`bucket ${bucket.name} is open to the public: ${open.join(", ")} are not on`] : []),
        ...(owner === "BucketOwnerEnforced" || owner === unknown
          ? []
          : [`objects of bucket ${bucket.name} belong to ${shown(owner)}; "BucketOwnerEnforced" is allowed`]),
        ...(policy && deniesPlainText(policy) ? [] : [`bucket ${bucket.name} takes requests without TLS`]),
      ];
    }),
  },
  {
    kind: "stack",
    name: "bucket-encrypted",
    severity: "mandatory",
    asks: "Every bucket encrypts what is in it with a KMS key of the cluster's own.",
    why: "S3's own encryption gives plain text to everybody who may read the object; a KMS key is a second right that is needed (AWS Foundational Security Best Practices, S3.17).",
    remedy: 'give the bucket a BucketServerSideEncryptionConfiguration with `sseAlgorithm: "aws:kms"` and the key',
    judge: eachBucket((bucket, beside) => {
      const rules = beside("bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").flatMap(
        ({ props }) => listAt(props, "rules").map((rule) => at(rule, "applyServerSideEncryptionByDefault")),
      );
      return rules.some((by) => at(by, "sseAlgorithm") === "aws:kms" && !isMissing(at(by, "kmsMasterKeyId")))
        ? []
        : [
            `bucket ${bucket.name} encrypts by ${shown(at(rules[0], "sseAlgorithm"))} without a key of its own; "aws:kms" with one is allowed`,
          ];
    }),
  },
  {
    kind: "stack",
    name: "bucket-versioned",
    severity: "mandatory",
    asks: "Every bucket keeps versions.",
    why: "What somebody overwrites or deletes, a thief of a host's role among them, can be had again (AWS Foundational Security Best Practices, S3.14).",
    remedy: 'give the bucket a BucketVersioning of status "Enabled"',
    judge: eachBucket((bucket, beside) => {
      const status = at(beside("bucketVersioning:BucketVersioning")[0]?.props, "versioningConfiguration", "status");
      return status === "Enabled" || status === unknown
        ? []
        : [`bucket ${bucket.name} has versioning ${shown(status)}; "Enabled" is allowed`];
    }),
  },
];

const blocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

function disksOf({ name, props, type }: Resource): (readonly [string, unknown])[] {
  if (type === "aws:ebs/volume:Volume") return [[`volume ${name}`, props]];
  if (type === "aws:ec2/launchTemplate:LaunchTemplate")
    return listAt(props, "blockDeviceMappings").map(
      (mapping) =>
        [`the disk ${shown(at(mapping, "deviceName"))} of launch template ${name}`, at(mapping, "ebs")] as const,
    );
  return [
    [`the root disk of ${name}`, at(props, "rootBlockDevice")],
    ...listAt(props, "ebsBlockDevices").map(
      (disk) => [`the disk ${shown(at(disk, "deviceName"))} of ${name}`, disk] as const,
    ),
  ];
}

type Beside = (type: string) => readonly Resource[];

/** What else is said of the bucket, by resources that are made from it. */
function eachBucket(judge: (bucket: Resource, beside: Beside) => readonly string[]) {
  return (resources: readonly Resource[]): Finding[] =>
    resources.filter(isBucket).flatMap((bucket) => {
      const beside = resources.filter(
        ({ madeFrom, props }) =>
          madeFrom.bucket?.includes(bucket.urn) || (props.bucket !== undefined && props.bucket === bucket.props.bucket),
      );
      return judge(bucket, (type) => beside.filter((one) => one.type === `aws:s3/${type}`)).map((problem) => ({
        urn: bucket.urn,
        problem,
      }));
    });
}

/** A policy that names the bucket's ARN is known once the bucket is. */
function deniesPlainText({ props }: Resource): boolean {
  if (props.policy === unknown) return true;
  const statements = listAt(JSON.parse(textAt(props, "policy") ?? "{}"), "Statement");
  return statements.some(
    (one) =>
      at(one, "Effect") === "Deny" &&
      at(one, "Principal") === "*" &&
      at(one, "Action") === "s3:*" &&
      at(one, "Condition", "Bool", "aws:SecureTransport") === "false",
  );
}
