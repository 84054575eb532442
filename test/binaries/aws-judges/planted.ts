/** Errors in a plan, each in a resource of its own, and who finds it. */
import { type AwsResource, json, keyOf, type ResourceKey } from "../../../components/platform/aws/resource";
import type { Finding } from "./judges";

interface Mistake {
  readonly error: string;
  readonly in: ResourceKey;
  /** Arguments in the place of the right ones. */
  readonly args: Readonly<Record<string, unknown>>;
}
export interface Planted extends Mistake {
  readonly found: Pick<Finding, "judge" | "rule" | "resource">;
}
export interface Missed extends Mistake {
  /** Logical id in the template. */
  readonly resource: string;
}

const cfnLint = (rule: string, resource: string) => ({ judge: "cfn-lint", rule, resource }) as const;
const checkov = (rule: string, resource: string) => ({ judge: "checkov", rule, resource }) as const;
const parliament = (rule: string, resource: string) => ({ judge: "parliament", rule, resource }) as const;

const allow = (Action: string | readonly string[], Resource: string, more: object = {}) =>
  json({ Version: "2012-10-17", Statement: [{ Sid: "Planted", Effect: "Allow", Action, Resource, ...more }] } as never);

/** In the plan of `test` with volumes of EBS. */
export const planted: readonly Planted[] = [
  {
    error: "subnets overlap",
    in: "ec2/subnet:Subnet::test-services-a",
    args: { cidrBlock: "10.40.0.32/27" },
    found: cfnLint("E3060", "SubnetTestServicesA"),
  },
  {
    error: "a subnet outside the VPC",
    in: "ec2/subnet:Subnet::test-nodes-b",
    args: { cidrBlock: "10.99.0.0/24" },
    found: cfnLint("E3059", "SubnetTestNodesB"),
  },
  {
    error: "a group's description with characters that AWS refuses",
    in: "ec2/securityGroup:SecurityGroup::test-nodes",
    args: { description: "Nodes <of pools>" },
    found: cfnLint("E3031", "SecurityGroupTestNodes"),
  },
  {
    error: "a rule with two sources",
    in: "vpc/securityGroupIngressRule:SecurityGroupIngressRule::test-etcd-main-2379-masters",
    args: { cidrIpv4: "10.40.0.0/20" },
    found: cfnLint("E3014", "SecurityGroupIngressRuleTestEtcdMain2379Masters"),
  },
  {
    error: "SSH for the world",
    in: "vpc/securityGroupIngressRule:SecurityGroupIngressRule::test-hosts-22-10.40.15.0/24",
    args: { cidrIpv4: "0.0.0.0/0" },
    found: checkov("CKV_AWS_24", "SecurityGroupIngressRuleTestHosts22104015024"),
  },
  {
    error: "an image's id that is none",
    in: "ec2/instance:Instance::test-etcd-main-1",
    args: { ami: "ami-debian-13" },
    found: cfnLint("E1152", "InstanceTestEtcdMain1"),
  },
  {
    error: "an instance type that there is not",
    in: "ec2/instance:Instance::test-etcd-main-2",
    args: { instanceType: "i3en.3large" },
    found: cfnLint("E3628", "InstanceTestEtcdMain2"),
  },
  {
    error: "an argument that there is not",
    in: "ec2/instance:Instance::test-etcd-main-3",
    args: { hibernates: true },
    found: cfnLint("E3002", "InstanceTestEtcdMain3"),
  },
  {
    error: "a key of the account in user-data",
    in: "ec2/instance:Instance::test-master-1",
    args: {
      userData:
        "#!/bin/sh\nexport AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nexport AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    },
    found: checkov("CKV_AWS_46", "InstanceTestMaster1"),
  },
  {
    error: "metadata without a token",
    in: "ec2/launchTemplate:LaunchTemplate::test-workers",
    args: { metadataOptions: { httpEndpoint: "enabled", httpTokens: "optional" } },
    found: checkov("CKV_AWS_79", "LaunchTemplateTestWorkers"),
  },
  {
    error: "a volume in clear",
    in: "ebs/volume:Volume::test-etcd-main-1-wal",
    args: { encrypted: false },
    found: checkov("CKV_AWS_3", "VolumeTestEtcdMain1Wal"),
  },
  {
    error: "a type of volume that there is not",
    in: "ebs/volume:Volume::test-etcd-main-2-wal",
    args: { type: "gp4" },
    found: cfnLint("E3030", "VolumeTestEtcdMain2Wal"),
  },
  {
    error: "a key that is never renewed",
    in: "kms/key:Key::test-buckets",
    args: { enableKeyRotation: false },
    found: checkov("CKV_AWS_7", "KeyTestBuckets"),
  },
  {
    error: "a bucket open to the public",
    in: "s3/bucketPublicAccessBlock:BucketPublicAccessBlock::test-snapshots",
    args: { blockPublicAcls: false, blockPublicPolicy: false, ignorePublicAcls: false, restrictPublicBuckets: false },
    found: checkov("CKV_AWS_53", "BucketTestSnapshots"),
  },
  {
    error: "a bucket's name with capitals",
    in: "s3/bucket:Bucket::test-artifacts",
    args: { bucket: "Kilonode_Artifacts" },
    found: cfnLint("E1161", "BucketTestArtifacts"),
  },
  {
    error: "a bucket without versions",
    in: "s3/bucketVersioning:BucketVersioning::test-snapshots",
    args: { versioningConfiguration: { status: "Suspended" } },
    found: checkov("CKV_AWS_21", "BucketTestSnapshots"),
  },
  {
    error: "everything allowed on everything",
    in: "iam/rolePolicy:RolePolicy::test-node",
    args: { policy: allow("*", "*") },
    found: checkov("CKV_AWS_63", "RolePolicyTestNode"),
  },
  {
    error: "an action with a slip in it",
    in: "iam/rolePolicy:RolePolicy::test-etcd",
    args: { policy: allow("s3:PutObjekt", "arn:aws:s3:::kilonode-test/*") },
    found: parliament("UNKNOWN_ACTION", "RolePolicyTestEtcd"),
  },
  {
    error: "a condition that the action does not know",
    in: "iam/rolePolicy:RolePolicy::test-master",
    args: {
      policy: allow("s3:GetObject", "arn:aws:s3:::kilonode-test/*", {
        Condition: { StringEquals: { "s3:colour": "red" } },
      }),
    },
    found: parliament("UNKNOWN_CONDITION_FOR_ACTION", "RolePolicyTestMaster"),
  },
  {
    error: "a protocol that there is not",
    in: "lb/listener:Listener::test-api",
    args: { protocol: "TPC" },
    found: cfnLint("E3030", "ListenerTestApi"),
  },
  {
    error: "a way that a TCP check cannot ask for",
    in: "lb/targetGroup:TargetGroup::test-api",
    args: { healthCheck: { protocol: "TCP", port: "3990", path: "/readyz" } },
    found: cfnLint("E3684", "TargetGroupTestApi"),
  },
  {
    error: "a role for everybody",
    in: "iam/role:Role::test-etcd",
    args: {
      assumeRolePolicy: json({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
      }),
    },
    found: checkov("CKV_AWS_60", "RoleTestEtcd"),
  },
];

/** What none of the three finds. */
export const missed: readonly Missed[] = [
  {
    error: "a zone of another region",
    in: "ec2/subnet:Subnet::test-hosts-c",
    args: { availabilityZone: "us-east-1c" },
    resource: "SubnetTestHostsC",
  },
  {
    error: "a port that there is not",
    in: "vpc/securityGroupIngressRule:SecurityGroupIngressRule::test-masters-6443-load-balancer",
    args: { toPort: 70_000 },
    resource: "SecurityGroupIngressRuleTestMasters6443LoadBalancer",
  },
  {
    error: "metadata without a token, on an instance",
    in: "ec2/instance:Instance::test-master-2",
    args: { metadataOptions: { httpEndpoint: "enabled", httpTokens: "optional" } },
    resource: "InstanceTestMaster2",
  },
  {
    error: "a root disk in clear",
    in: "ec2/instance:Instance::test-master-3",
    args: { rootBlockDevice: { volumeType: "gp3", volumeSize: 30, encrypted: false } },
    resource: "InstanceTestMaster3",
  },
  {
    error: "more IOPS than a volume has",
    in: "ebs/volume:Volume::test-etcd-main-3-wal",
    args: { iops: 300_000 },
    resource: "VolumeTestEtcdMain3Wal",
  },
  {
    error: "an address that is none",
    in: "ec2/networkInterface:NetworkInterface::test-master-1",
    args: { privateIps: ["10.40.0.300"] },
    resource: "NetworkInterfaceTestMaster1",
  },
  {
    error: "a load balancer that the world sees",
    in: "lb/loadBalancer:LoadBalancer::test-api",
    args: { internal: false },
    resource: "LoadBalancerTestApi",
  },
];

/** The plan with all of them in it. */
export function withErrors(resources: readonly AwsResource[]): AwsResource[] {
  const errors: readonly Mistake[] = [...planted, ...missed];
  const missing = errors.filter((one) => !resources.some((other) => keyOf(other) === one.in));
  if (missing.length > 0) throw new Error(`not in the plan: ${missing.map((one) => one.in).join(", ")}`);
  return resources.map((one) => {
    const own = errors.filter((other) => other.in === keyOf(one));
    return { ...one, args: Object.assign({}, one.args, ...own.map(({ args }) => args)) } as AwsResource;
  });
}
