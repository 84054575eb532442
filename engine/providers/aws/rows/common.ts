/** What several rows need: ARNs, tags' outputs, and where the columns come from. */
import { addressOf, addressText, type Block, blockOf } from "../addresses";
import { refuse } from "../api-error";
import type { Cloud, Reference, Thing } from "../cloud";
import { objectsAt, textAt, textsAt } from "../inputs";
import { partitionOf } from "../places";
import type { Making } from "../row";

export const T = {
  vpc: "aws:ec2/vpc:Vpc",
  vpcBlock: "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
  subnet: "aws:ec2/subnet:Subnet",
  routeTable: "aws:ec2/routeTable:RouteTable",
  route: "aws:ec2/route:Route",
  association: "aws:ec2/routeTableAssociation:RouteTableAssociation",
  internetGateway: "aws:ec2/internetGateway:InternetGateway",
  natGateway: "aws:ec2/natGateway:NatGateway",
  eip: "aws:ec2/eip:Eip",
  endpoint: "aws:ec2/vpcEndpoint:VpcEndpoint",
  group: "aws:ec2/securityGroup:SecurityGroup",
  defaultGroup: "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  ingress: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  egress: "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  networkInterface: "aws:ec2/networkInterface:NetworkInterface",
  instance: "aws:ec2/instance:Instance",
  placementGroup: "aws:ec2/placementGroup:PlacementGroup",
  launchTemplate: "aws:ec2/launchTemplate:LaunchTemplate",
  attachment: "aws:ec2/volumeAttachment:VolumeAttachment",
  volume: "aws:ebs/volume:Volume",
  autoScaling: "aws:autoscaling/group:Group",
  loadBalancer: "aws:lb/loadBalancer:LoadBalancer",
  targetGroup: "aws:lb/targetGroup:TargetGroup",
  target: "aws:lb/targetGroupAttachment:TargetGroupAttachment",
  listener: "aws:lb/listener:Listener",
  zone: "aws:route53/zone:Zone",
  record: "aws:route53/record:Record",
  role: "aws:iam/role:Role",
  rolePolicy: "aws:iam/rolePolicy:RolePolicy",
  profile: "aws:iam/instanceProfile:InstanceProfile",
  key: "aws:kms/key:Key",
  alias: "aws:kms/alias:Alias",
  bucket: "aws:s3/bucket:Bucket",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
  encryption: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  accessBlock: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  bucketPolicy: "aws:s3/bucketPolicy:BucketPolicy",
  lifecycle: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  ownership: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  object: "aws:s3/bucketObjectv2:BucketObjectv2",
  objectLock: "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
} as const;

export function arn({ region, account }: Making, service: string, what: string): string {
  return `arn:${partitionOf(region)}:${service}:${region}:${account}:${what}`;
}

/** Of what has no region. */
export function iamArn({ region, account }: Making, what: string): string {
  return `arn:${partitionOf(region)}:iam::${account}:${what}`;
}

/** Of what has neither region nor account. */
export function bareArn({ region }: Making, service: string, what: string): string {
  return `arn:${partitionOf(region)}:${service}:::${what}`;
}

/** A resource that belongs to another by its id, which cannot go before it. */
export const refTo = (
  path: string,
  to: string,
  code: string,
  what: string,
  more: Partial<Reference> = {},
): Reference => ({
  path,
  to: [to],
  code,
  reason: (value) => `The ${what} '${value}' does not exist`,
  ...more,
});

export const vpcRef = (path = "vpcId", more: Partial<Reference> = { holds: true }): Reference =>
  refTo(path, T.vpc, "InvalidVpcID.NotFound", "vpc ID", more);
export const subnetRef = (path: string): Reference =>
  refTo(path, T.subnet, "InvalidSubnetID.NotFound", "subnet ID", { holds: true });
export const groupRef = (path: string): Reference =>
  refTo(path, T.group, "InvalidGroup.NotFound", "security group", { holds: true });
export const keyRef = (path: string): Reference => ({
  path,
  to: [T.key, T.alias],
  unless: /^(alias\/|arn:[^:]*:kms:[^:]*:[^:]*:alias\/)aws\//,
  code: "NotFoundException",
  reason: (value) => `Key '${value}' does not exist`,
});

export const dependencies = (what: string) => (thing: Thing) =>
  ["DependencyViolation", `The ${what} '${thing.id}' has dependencies and cannot be deleted.`] as const;

/** The VPC of a subnet, by the subnet's id. */
export function vpcOf(cloud: Cloud, subnet: string | undefined): string | undefined {
  return textAt(cloud.find(T.subnet, subnet ?? "")?.inputs ?? {}, "vpcId");
}

/** Ranges of a VPC: its own, and those that were added. */
export function blocksOf(cloud: Cloud, vpcId: unknown): Block[] {
  const added = cloud.all(T.vpcBlock).filter(({ inputs }) => inputs.vpcId === vpcId);
  const all = [cloud.find(T.vpc, String(vpcId)), ...added].flatMap((one) => textsAt(one?.inputs ?? {}, "cidrBlock"));
  return all.flatMap((text) => blockOf(text) ?? []);
}

export function zoneOf(cloud: Cloud, subnet: string | undefined): string | undefined {
  return textAt(cloud.find(T.subnet, subnet ?? "")?.outputs ?? {}, "availabilityZone");
}

/** Private addresses that are taken in a subnet, with what has them. */
export function addressesIn(cloud: Cloud, subnet: string): Map<string, string> {
  const taken = new Map<string, string>();
  for (const thing of cloud.everything) {
    for (const { subnetId, address } of objectsAt(thing.outputs, "simulatedAddresses"))
      if (subnetId === subnet && typeof address === "string") taken.set(address, thing.id);
    if (
      textsAt(thing.outputs, "subnetId").includes(subnet) &&
      textAt(thing.inputs, "primaryNetworkInterface.networkInterfaceId") === undefined
    )
      for (const address of [...textsAt(thing.outputs, "privateIp"), ...textsAt(thing.outputs, "privateIps")])
        taken.set(address, thing.id);
  }
  return taken;
}

/** AWS keeps the first four addresses of a subnet and the last (VPC user guide, "Subnet CIDR blocks"). */
const isReserved = (block: Block, address: number): boolean => address < block.first + 4 || address === block.last;

/** The address asked for, or the first that is free. */
export function takeAddress(cloud: Cloud, subnet: string, wanted: string | undefined, self?: Thing): string {
  const block = blockOf(textAt(cloud.find(T.subnet, subnet)?.inputs ?? {}, "cidrBlock") ?? "");
  if (block === undefined) return refuse("InvalidSubnetID.NotFound", `The subnet ID '${subnet}' does not exist`);
  const taken = addressesIn(cloud, subnet);
  if (wanted !== undefined) {
    const address = addressOf(wanted);
    if (address === undefined) refuse("InvalidParameterValue", `invalid value for parameter address: ${wanted}`);
    if (address < block.first || address > block.last)
      refuse(
        "InvalidParameterValue",
        `Address does not fall within the subnet's address range: ${wanted} is not in ${block.text}`,
      );
    if (isReserved(block, address))
      refuse("InvalidParameterValue", `Address ${wanted} is in subnet's reserved address range`);
    const owner = taken.get(wanted);
    if (owner !== undefined && owner !== self?.id)
      refuse("InvalidIPAddress.InUse", `The specified address is already in use: ${wanted} is of ${owner}.`);
    return wanted;
  }
  for (let address = block.first + 4; address < block.last; address++)
    if (!taken.has(addressText(address))) return addressText(address);
  return refuse(
    "InsufficientFreeAddressesInSubnet",
    `The specified subnet does not have enough free addresses to satisfy the request.`,
  );
}

/** Groups and subnet must be of one VPC. */
export function sameNetwork(cloud: Cloud, groups: readonly string[], subnet: string | undefined): void {
  const vpc = vpcOf(cloud, subnet);
  for (const group of groups) {
    const other = cloud.find(T.group, group)?.outputs.vpcId;
    if (vpc !== undefined && other !== vpc)
      refuse("InvalidParameter", `Security group ${group} and subnet ${subnet} belong to different networks.`);
  }
}

export const dnsName = (address: string, region: string): string =>
  `ip-${address.replaceAll(".", "-")}.${region === "us-east-1" ? "ec2" : `${region}.compute`}.internal`;

/** All of a kind but the one that is being changed. */
export const othersOf = (cloud: Cloud, type: string, self: Thing | undefined): Thing[] =>
  cloud.all(type).filter(({ id }) => id !== self?.id);

/** Objects of one kind whose tags' name would not tell them apart. */
export function taken(cloud: Cloud, type: string, property: string, value: string | undefined, self?: Thing): boolean {
  return othersOf(cloud, type, self).some(({ inputs, outputs }) => (outputs[property] ?? inputs[property]) === value);
}

export const isJson = (text: string | undefined): boolean => {
  if (text === undefined) return true;
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
};
