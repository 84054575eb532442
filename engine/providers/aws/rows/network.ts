/** VPC, its ranges, subnets. */
import type { Values } from "../../../values/value";
import { blockOf, contains, overlaps } from "../addresses";
import { refuse } from "../api-error";
import { failures, isSet, textAt } from "../inputs";
import { zonesOf } from "../places";
import type { Row } from "../row";
import { arn, blocksOf, dependencies, othersOf, T, vpcRef } from "./common";

/** /16 to /28: VPC user guide, "VPC CIDR blocks" and "Subnet CIDR blocks". */
function blockFailures(inputs: Values) {
  const property = "cidrBlock";
  if (!isSet(inputs, property))
    return failures([true, property, "cidrBlock is missing: a rehearsal has no address manager (IPAM)"]);
  const text = textAt(inputs, property);
  const block = blockOf(text ?? "");
  if (text === undefined) return [];
  if (block === undefined) return failures([true, property, `"${text}" is not a valid IPv4 CIDR block`]);
  return failures(
    [block.text !== text, property, `"${text}" is not a valid IPv4 CIDR block; did you mean "${block.text}"?`],
    [
      block.prefix < 16 || block.prefix > 28,
      property,
      `the block size must be between a /28 netmask and /16 netmask: ${text}`,
    ],
  );
}

const vpc: Row = {
  type: T.vpc,
  api: ["EC2", "CreateVpc", "DeleteVpc"],
  required: [],
  optional: ["cidrBlock", "enableDnsHostnames", "enableDnsSupport", "instanceTenancy", "region", "tags"],
  replaces: ["cidrBlock", "region"],
  source:
    "terraform-provider-aws vpc_.go; CloudFormation AWS::EC2::VPC (instance_tenancy only from default: not supported)",
  computed: [
    ...["arn", "defaultNetworkAclId", "defaultRouteTableId", "defaultSecurityGroupId", "dhcpOptionsId"],
    ...["enableDnsHostnames", "enableDnsSupport", "instanceTenancy", "mainRouteTableId", "ownerId"],
  ],
  check: blockFailures,
  id: ({ cloud }) => cloud.newId("vpc"),
  make: (making) => {
    const table = making.self ? String(making.self.outputs.mainRouteTableId) : making.cloud.newId("rtb");
    return {
      arn: arn(making, "ec2", `vpc/${making.id}`),
      defaultNetworkAclId: making.id.replace("vpc", "acl"),
      defaultRouteTableId: table,
      mainRouteTableId: table,
      defaultSecurityGroupId: making.id.replace("vpc", "sg"),
      dhcpOptionsId: "dopt-00000000000000000",
      enableDnsHostnames: making.inputs.enableDnsHostnames ?? false,
      enableDnsSupport: making.inputs.enableDnsSupport ?? true,
      instanceTenancy: making.inputs.instanceTenancy ?? "default",
      ownerId: making.account,
    };
  },
  inUse: dependencies("vpc"),
};

/** VPC user guide, "Amazon VPC quotas", L-83CA0A9D: IPv4 CIDR blocks per VPC. */
const BLOCKS_PER_VPC = 5;

const vpcBlock: Row = {
  type: T.vpcBlock,
  api: ["EC2", "AssociateVpcCidrBlock", "DisassociateVpcCidrBlock"],
  required: ["vpcId"],
  optional: ["cidrBlock", "region"],
  replaces: ["cidrBlock", "region", "vpcId"],
  source: "terraform-provider-aws vpc_ipv4_cidr_block_association.go",
  computed: [],
  // A VPC takes its ranges with it.
  references: [vpcRef("vpcId", {})],
  check: blockFailures,
  rules: ({ inputs, cloud, self }) => {
    if (self !== undefined) return;
    const block = blockOf(textAt(inputs, "cidrBlock") ?? "");
    const others = blocksOf(cloud, inputs.vpcId);
    const other = others.find((one) => block !== undefined && overlaps(one, block));
    if (other !== undefined)
      refuse("InvalidVpc.Range", `The CIDR '${inputs.cidrBlock}' conflicts with another of the VPC: ${other.text}`);
    if (others.length >= BLOCKS_PER_VPC)
      refuse("VpcCidrLimitExceeded", `This VPC has already the most CIDR blocks: ${BLOCKS_PER_VPC}`);
  },
  id: ({ cloud }) => cloud.newId("vpc-cidr-assoc"),
  make: () => ({}),
  /** The code is from memory: no account was at hand to see it. */
  remove: (thing, cloud) => {
    const block = blockOf(textAt(thing.inputs, "cidrBlock") ?? "");
    const inside = cloud.all(T.subnet).find(({ inputs }) => {
      const its = blockOf(textAt(inputs, "cidrBlock") ?? "");
      return inputs.vpcId === thing.inputs.vpcId && block !== undefined && its !== undefined && contains(block, its);
    });
    if (inside !== undefined)
      refuse(
        "DependencyViolation",
        `The vpc ${thing.inputs.vpcId} has a subnet in the CIDR block ${block?.text}: ${inside.id}`,
      );
  },
};

const subnet: Row = {
  type: T.subnet,
  api: ["EC2", "CreateSubnet", "DeleteSubnet"],
  required: ["vpcId"],
  optional: [
    ...["availabilityZone", "availabilityZoneId", "cidrBlock", "enableResourceNameDnsARecordOnLaunch"],
    ...["mapPublicIpOnLaunch", "privateDnsHostnameTypeOnLaunch", "region", "tags"],
  ],
  replaces: ["vpcId", "availabilityZone", "availabilityZoneId", "cidrBlock", "region"],
  source: "terraform-provider-aws vpc_subnet.go; CloudFormation AWS::EC2::Subnet",
  computed: ["arn", "availabilityZone", "availabilityZoneId", "ownerId", "privateDnsHostnameTypeOnLaunch"],
  references: [vpcRef()],
  check: blockFailures,
  rules: ({ inputs, cloud, self, region }) => {
    const zone = textAt(inputs, "availabilityZone");
    if (zone !== undefined && !zonesOf(region).includes(zone))
      refuse(
        "InvalidParameterValue",
        `Value (${zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ${zonesOf(region).join(", ")}.`,
      );
    const cidr = textAt(inputs, "cidrBlock") ?? "";
    const block = blockOf(cidr);
    const ranges = blocksOf(cloud, inputs.vpcId);
    if (block === undefined || !ranges.some((range) => contains(range, block)))
      refuse(
        "InvalidSubnet.Range",
        `The CIDR '${cidr}' is invalid: it is not in ${ranges.map(({ text }) => text).join(", ")}.`,
      );
    for (const other of othersOf(cloud, T.subnet, self)) {
      const its = blockOf(textAt(other.inputs, "cidrBlock") ?? "");
      if (other.inputs.vpcId === inputs.vpcId && its !== undefined && overlaps(its, block))
        refuse(
          "InvalidSubnet.Conflict",
          `The CIDR '${cidr}' conflicts with another subnet: ${its.text} of ${other.id}`,
        );
    }
  },
  id: ({ cloud }) => cloud.newId("subnet"),
  make: (making) => {
    const zones = zonesOf(making.region);
    const zone = textAt(making.inputs, "availabilityZone") ?? String(zones[0]);
    return {
      arn: arn(making, "ec2", `subnet/${making.id}`),
      availabilityZone: zone,
      availabilityZoneId: `${making.region.replace(/^(..)-(.)\w*-(\d)$/, "$1$2$3")}-az${zones.indexOf(zone) + 1}`,
      ownerId: making.account,
      privateDnsHostnameTypeOnLaunch: making.inputs.privateDnsHostnameTypeOnLaunch ?? "ip-name",
    };
  },
  inUse: dependencies("subnet"),
};

export const network = [vpc, vpcBlock, subnet];
