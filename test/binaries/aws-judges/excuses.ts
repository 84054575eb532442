/** What the judges find and is as it should be, each with its reason. */
import type { Finding, Judge } from "./judges";

export interface Excuse {
  readonly judge: Judge;
  readonly rule: string;
  /** Logical ids in templates. */
  readonly resource: RegExp;
  /** All, if absent. */
  readonly message?: RegExp;
  readonly because: string;
}

export const excuses: readonly Excuse[] = [
  {
    judge: "cfn-lint",
    rule: "W3010",
    resource: /^(Subnet|Volume)/,
    because: "which zones a cluster has is configured: the template is one cluster's, not one for all regions",
  },
  {
    judge: "cfn-lint",
    rule: "I3011",
    resource: /^(Key|Volume)Test/,
    because: "`test` is ephemeral: its data goes with it",
  },
  {
    judge: "checkov",
    rule: "CKV_AWS_18",
    resource: /^Bucket/,
    because: "who asked a bucket for what is CloudTrail's to say, for a whole account; logs here want a third bucket",
  },
  {
    judge: "checkov",
    rule: "CKV_AWS_33",
    resource: /^Key\w+Disks$/,
    because: "its conditions name one role of one account, which may not exist yet: see keys.ts",
  },
  {
    judge: "checkov",
    rule: "CKV_AWS_91",
    resource: /^LoadBalancer/,
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html
    because:
      "AWS writes these logs for TLS listeners alone, and this one is of TCP; the API server's audit log has the requests",
  },
  {
    judge: "checkov",
    rule: "CKV_AWS_111",
    resource: /Deployer$/,
    because:
      "it does not see conditions: what is allowed on everything is so in one region; docs/aws.md asks for an account",
  },
  {
    judge: "parliament",
    rule: "RESOURCE_STAR",
    resource: /Deployer$/,
    message: /^(autoscaling|ec2|elasticloadbalancing|kms|route53):/,
    because: "ids are AWS's choice, and not known before: the region bounds them; docs/aws.md asks for an account",
  },
  {
    judge: "parliament",
    rule: "RESOURCE_MISMATCH",
    resource: /Deployer$/,
    message: /^(iam|s3):(Get|List)/,
    because: "a wildcard of reading: what is not of a bucket or a role in it, it does not allow",
  },
  {
    judge: "parliament",
    rule: "MISMATCHED_TYPE_BUT_USABLE",
    resource: /^BoundedDeployer$/,
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    because: "AWS's own examples compare a boundary as a text, which takes no pattern",
  },
];

export const excused = ({ judge, message, resource, rule }: Finding): readonly Excuse[] =>
  excuses.filter(
    (one) =>
      one.judge === judge &&
      one.rule === rule &&
      one.resource.test(resource) &&
      (one.message === undefined || one.message.test(message)),
  );
