/** By what things of AWS are known. */
import { at, isMissing, shown, unknown } from "../resource";
import type { Rule } from "../rule";

const required = ["Name", "kilonode:cluster", "kilonode:owner"];

/** Types of AWS that have none. */
const untagged = [
  "ec2/route:Route",
  "ec2/routeTableAssociation:RouteTableAssociation",
  "ec2/volumeAttachment:VolumeAttachment",
  "ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
  "iam/rolePolicy:RolePolicy",
  "lb/targetGroupAttachment:TargetGroupAttachment",
  "route53/record:Record",
  "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
  "s3/bucketOwnershipControls:BucketOwnershipControls",
  "s3/bucketPolicy:BucketPolicy",
  "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "s3/bucketVersioning:BucketVersioning",
];

export const tagRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "required-tags",
    severity: "mandatory",
    of: /^aws:/,
    asks: `Everything of AWS that has tags says whose it is: ${required.join(", ")}.`,
    why: "By them costs are told apart, a look at the account finds the hosts of one state alone, and what a crash left is known. Tags of the provider (`defaultTags`) are missing from diffs (pulumi/pulumi-aws#1655).",
    remedy:
      "give the resource its tags by `tagsOf` (components/platform/aws/names.ts); a type that has none belongs in policy/rules/tags.ts",
    judge: ({ name, props, type }, stack) => {
      if (untagged.includes(type.slice("aws:".length)) || props.tags === unknown) return [];
      const tags = asMap(props.tags);
      const missing = required.filter((key) => isMissing(tags[key]));
      const cluster = tags["kilonode:cluster"];
      return [
        ...(missing.length > 0 ? [`${name} (${type}) has no tag ${missing.join(", ")}`] : []),
        ...(isMissing(cluster) || cluster === unknown || cluster === stack.name
          ? []
          : [`${name} (${type}) is tagged as of cluster ${shown(cluster)}; "${stack.name}" is allowed`]),
      ];
    },
  },
];

/** A group of instances has its tags in a list. */
function asMap(tags: unknown): Readonly<Record<string, unknown>> {
  if (!Array.isArray(tags)) return (tags ?? {}) as Record<string, unknown>;
  return Object.fromEntries(tags.map((tag) => [String(at(tag, "key")), at(tag, "value")]));
}
