/** VPC, subnets, routes, gateways and endpoints. */
import type { Values } from "../../../values/value";
import { blockOf, contains, overlaps } from "../addresses";
import { refuse } from "../api-error";
import type { Cloud, Thing } from "../cloud";
import { failures, isSet, isTrue, objectsAt, textAt, textsAt } from "../inputs";
import { zonesOf } from "../places";
import type { Row } from "../row";
import {
  arn,
  blocksOf,
  dependencies,
  groupRef,
  refTo,
  sameNetwork,
  subnetRef,
  T,
  takeAddress,
  vpcRef,
  zoneOf,
} from "./common";

/** /16 to /28: VPC user guide, "VPC CIDR blocks" and "Subnet CIDR blocks". */
function blockFailures(inputs: Values, property = "cidrBlock") {
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
  check: (inputs) => [
    ...blockFailures(inputs),
    ...failures([
      !isSet(inputs, "cidrBlock"),
      "cidrBlock",
      "cidrBlock is missing: a rehearsal has no address manager (IPAM)",
    ]),
  ],
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
  check: (inputs) => [
    ...blockFailures(inputs),
    ...failures([
      !isSet(inputs, "cidrBlock"),
      "cidrBlock",
      "cidrBlock is missing: a rehearsal has no address manager (IPAM)",
    ]),
  ],
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
  check: (inputs) => [
    ...blockFailures(inputs),
    ...failures([
      !isSet(inputs, "cidrBlock"),
      "cidrBlock",
      "cidrBlock is missing: a rehearsal has no address manager (IPAM)",
    ]),
  ],
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
    for (const other of cloud.all(T.subnet)) {
      const its = blockOf(textAt(other.inputs, "cidrBlock") ?? "");
      if (other.id !== self?.id && other.inputs.vpcId === inputs.vpcId && its !== undefined && overlaps(its, block))
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

const internetGateway: Row = {
  type: T.internetGateway,
  api: ["EC2", "CreateInternetGateway", "DeleteInternetGateway"],
  required: [],
  optional: ["vpcId", "region", "tags"],
  replaces: ["region"],
  source: "terraform-provider-aws vpc_internet_gateway.go",
  computed: ["arn", "ownerId"],
  references: [vpcRef()],
  rules: ({ inputs, cloud, self }) => {
    const other = cloud
      .all(T.internetGateway)
      .find(({ id, inputs: its }) => id !== self?.id && isSet(its, "vpcId") && its.vpcId === inputs.vpcId);
    if (other !== undefined)
      refuse("Resource.AlreadyAssociated", `resource ${inputs.vpcId} is already associated with network ${other.id}`);
  },
  id: ({ cloud }) => cloud.newId("igw"),
  make: (making) => ({ arn: arn(making, "ec2", `internet-gateway/${making.id}`), ownerId: making.account }),
  /** Public addresses of its network keep it (EC2's "DetachInternetGateway"). */
  remove: (thing, cloud) => {
    const mapped = cloud
      .all(T.natGateway)
      .some(
        ({ inputs }) =>
          isSet(inputs, "allocationId") &&
          textAt(cloud.find(T.subnet, String(inputs.subnetId))?.inputs ?? {}, "vpcId") === thing.inputs.vpcId,
      );
    if (mapped)
      refuse(
        "DependencyViolation",
        `Network ${thing.inputs.vpcId} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`,
      );
  },
};

const eip: Row = {
  type: T.eip,
  api: ["EC2", "AllocateAddress", "ReleaseAddress"],
  required: [],
  optional: ["domain", "instance", "networkInterface", "region", "tags"],
  replaces: ["domain", "region"],
  source: "terraform-provider-aws ec2_eip.go",
  computed: ["allocationId", "arn", "associationId", "domain", "privateIp", "publicDns", "publicIp"],
  references: [
    refTo("instance", T.instance, "InvalidInstanceID.NotFound", "instance ID"),
    refTo("networkInterface", T.networkInterface, "InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
  ],
  id: ({ cloud }) => cloud.newId("eipalloc"),
  make: (making) => {
    // A range for documentation (RFC 5737): it leads nowhere.
    const address = making.self
      ? String(making.self.outputs.publicIp)
      : `203.0.113.${making.cloud.all(T.eip).length + 1}`;
    return {
      allocationId: making.id,
      arn: arn(making, "ec2", `elastic-ip/${making.id}`),
      domain: "vpc",
      publicIp: address,
      publicDns: `ec2-${address.replaceAll(".", "-")}.compute-1.amazonaws.com`,
    };
  },
  inUse: (thing) => ["InvalidIPAddress.InUse", `Address ${thing.outputs.publicIp} is in use.`],
};

const natGateway: Row = {
  type: T.natGateway,
  api: ["EC2", "CreateNatGateway", "DeleteNatGateway"],
  required: [],
  optional: ["allocationId", "connectivityType", "privateIp", "region", "subnetId", "tags"],
  replaces: ["allocationId", "connectivityType", "privateIp", "region", "subnetId"],
  source: "terraform-provider-aws vpc_nat_gateway.go; CloudFormation AWS::EC2::NatGateway",
  computed: ["associationId", "connectivityType", "networkInterfaceId", "privateIp", "publicIp"],
  references: [
    subnetRef("subnetId"),
    refTo("allocationId", T.eip, "InvalidAllocationID.NotFound", "allocation ID", { holds: true }),
  ],
  token: true,
  check: (inputs) =>
    failures(
      [!isSet(inputs, "subnetId"), "subnetId", "subnetId is missing: a rehearsal has no regional NAT gateways"],
      [
        inputs.connectivityType !== "private" && !isSet(inputs, "allocationId"),
        "allocationId",
        '"allocation_id" is required when "connectivity_type" is "public"',
      ],
    ),
  rules: ({ inputs, cloud, self }) => {
    const other = cloud
      .all(T.natGateway)
      .find(
        (one) =>
          one.id !== self?.id && isSet(inputs, "allocationId") && one.inputs.allocationId === inputs.allocationId,
      );
    if (other !== undefined)
      refuse(
        "Resource.AlreadyAssociated",
        `Elastic IP address [${inputs.allocationId}] is already associated with ${other.id}`,
      );
    const vpcId = textAt(cloud.find(T.subnet, String(inputs.subnetId))?.inputs ?? {}, "vpcId");
    if (
      isSet(inputs, "allocationId") &&
      !cloud.all(T.internetGateway).some((gateway) => gateway.inputs.vpcId === vpcId)
    )
      refuse("Gateway.NotAttached", `Network ${vpcId} has no Internet gateway attached`);
  },
  id: ({ cloud }) => cloud.newId("nat"),
  make: ({ id, inputs, cloud, self }) => ({
    associationId: id.replace("nat", "eipassoc"),
    connectivityType: inputs.connectivityType ?? "public",
    networkInterfaceId: id.replace("nat", "eni"),
    privateIp: takeAddress(cloud, String(inputs.subnetId), textAt(self?.outputs ?? inputs, "privateIp"), self),
    publicIp: cloud.find(T.eip, String(inputs.allocationId))?.outputs.publicIp ?? "",
  }),
};

const routeTable: Row = {
  type: T.routeTable,
  api: ["EC2", "CreateRouteTable", "DeleteRouteTable"],
  required: ["vpcId"],
  optional: ["region", "routes", "tags"],
  replaces: ["vpcId", "region"],
  source: "terraform-provider-aws vpc_route_table.go; CloudFormation AWS::EC2::RouteTable",
  computed: ["arn", "ownerId", "routes"],
  references: [
    vpcRef(),
    refTo("routes.gatewayId", T.internetGateway, "InvalidGatewayID.NotFound", "gateway ID"),
    refTo("routes.natGatewayId", T.natGateway, "InvalidNatGatewayID.NotFound", "natGateway ID"),
  ],
  id: ({ cloud }) => cloud.newId("rtb"),
  make: (making) => ({
    arn: arn(making, "ec2", `route-table/${making.id}`),
    ownerId: making.account,
    routes: making.inputs.routes ?? [],
  }),
  inUse: dependencies("routeTable"),
};

const destinationOf = (inputs: Values) =>
  textAt(inputs, "destinationCidrBlock") ?? textAt(inputs, "destinationPrefixListId");

const route: Row = {
  type: T.route,
  api: ["EC2", "CreateRoute", "DeleteRoute"],
  required: ["routeTableId"],
  optional: [
    "destinationCidrBlock",
    "destinationPrefixListId",
    "gatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "region",
  ],
  replaces: ["routeTableId", "destinationCidrBlock", "destinationPrefixListId", "region"],
  source: "terraform-provider-aws vpc_route.go; CloudFormation AWS::EC2::Route",
  computed: ["origin", "state"],
  references: [
    refTo("routeTableId", T.routeTable, "InvalidRouteTableID.NotFound", "routeTable ID"),
    refTo("gatewayId", T.internetGateway, "InvalidGatewayID.NotFound", "gateway ID"),
    refTo("natGatewayId", T.natGateway, "InvalidNatGatewayID.NotFound", "natGateway ID"),
    refTo("networkInterfaceId", T.networkInterface, "InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
  ],
  check: (inputs) => [
    ...failures(
      [
        !["destinationCidrBlock", "destinationPrefixListId"].some((name) => isSet(inputs, name)),
        "destinationCidrBlock",
        "one of destinationCidrBlock, destinationPrefixListId must be specified",
      ],
      [
        ["gatewayId", "natGatewayId", "networkInterfaceId"].filter((name) => isSet(inputs, name)).length !== 1,
        "gatewayId",
        "one (and only one) of gatewayId, natGatewayId, networkInterfaceId must be specified",
      ],
    ),
  ],
  rules: ({ inputs, cloud, self }) => {
    const destination = destinationOf(inputs);
    const other = cloud
      .all(T.route)
      .find(
        (one) =>
          one.id !== self?.id &&
          one.inputs.routeTableId === inputs.routeTableId &&
          destinationOf(one.inputs) === destination,
      );
    const table = cloud.find(T.routeTable, String(inputs.routeTableId));
    const local = textAt(cloud.find(T.vpc, String(table?.inputs.vpcId))?.inputs ?? {}, "cidrBlock") === destination;
    if (
      other !== undefined ||
      local ||
      objectsAt(table?.inputs ?? {}, "routes").some(({ cidrBlock }) => cidrBlock === destination)
    )
      refuse("RouteAlreadyExists", `The route identified by ${destination} already exists.`);
  },
  id: ({ inputs }) => `r-${inputs.routeTableId}${destinationOf(inputs)}`,
  make: () => ({ origin: "CreateRoute", state: "active" }),
};

const association: Row = {
  type: T.association,
  api: ["EC2", "AssociateRouteTable", "DisassociateRouteTable"],
  required: ["routeTableId"],
  optional: ["subnetId", "region"],
  replaces: ["subnetId", "region"],
  source:
    "terraform-provider-aws vpc_route_table_association.go (another table is an update, ReplaceRouteTableAssociation)",
  computed: [],
  references: [
    refTo("routeTableId", T.routeTable, "InvalidRouteTableID.NotFound", "routeTable ID", { holds: true }),
    subnetRef("subnetId"),
  ],
  check: (inputs) => failures([!isSet(inputs, "subnetId"), "subnetId", "one of subnetId must be specified"]),
  rules: ({ inputs, cloud, self }) => {
    const other = cloud
      .all(T.association)
      .find((one) => one.id !== self?.id && one.inputs.subnetId === inputs.subnetId);
    if (other !== undefined)
      refuse(
        "Resource.AlreadyAssociated",
        `the specified association for route table ${inputs.routeTableId} conflicts with an existing association: ${other.id}`,
      );
  },
  id: ({ cloud }) => cloud.newId("rtbassoc"),
  make: () => ({}),
};

const endpoint: Row = {
  type: T.endpoint,
  api: ["EC2", "CreateVpcEndpoint", "DeleteVpcEndpoints"],
  required: ["vpcId"],
  optional: [
    ...["ipAddressType", "policy", "privateDnsEnabled", "region", "routeTableIds", "securityGroupIds", "serviceName"],
    ...["subnetIds", "tags", "vpcEndpointType"],
  ],
  replaces: ["vpcId", "serviceName", "vpcEndpointType", "region"],
  source: "terraform-provider-aws vpc_endpoint.go; CloudFormation AWS::EC2::VPCEndpoint",
  computed: [
    ...["arn", "cidrBlocks", "dnsEntries", "ipAddressType", "networkInterfaceIds", "ownerId", "policy", "prefixListId"],
    ...["privateDnsEnabled", "requesterManaged", "routeTableIds", "securityGroupIds", "state", "subnetIds"],
  ],
  references: [
    vpcRef(),
    subnetRef("subnetIds"),
    groupRef("securityGroupIds"),
    refTo("routeTableIds", T.routeTable, "InvalidRouteTableId.NotFound", "routeTable ID", { holds: true }),
  ],
  token: true,
  check: (inputs) => {
    const isGateway = !isSet(inputs, "vpcEndpointType") || inputs.vpcEndpointType === "Gateway";
    return failures(
      [!isSet(inputs, "serviceName"), "serviceName", "one of serviceName must be specified"],
      [
        isGateway && isSet(inputs, "subnetIds"),
        "subnetIds",
        "Subnets cannot be specified with VPC endpoints of type Gateway",
      ],
      [
        isGateway && isTrue(inputs, "privateDnsEnabled"),
        "privateDnsEnabled",
        "Private DNS can't be enabled because the service is a Gateway endpoint",
      ],
      [
        !isGateway && isSet(inputs, "routeTableIds"),
        "routeTableIds",
        "Route table IDs are only supported for Gateway type VPC Endpoint.",
      ],
    );
  },
  rules: ({ inputs, cloud, self, region }) => {
    const service = textAt(inputs, "serviceName") ?? "";
    if (!service.startsWith(`com.amazonaws.${region}.`) && !service.startsWith("aws."))
      refuse("InvalidServiceName", `The Vpc Endpoint Service '${service}' does not exist`);
    sameNetwork(cloud, textsAt(inputs, "securityGroupIds"), textAt(inputs, "subnetIds"));
    const zones = textsAt(inputs, "subnetIds").map((id) => zoneOf(cloud, id));
    const twice = zones.findIndex((zone, i) => zones.indexOf(zone) !== i);
    if (twice >= 0)
      refuse(
        "DuplicateSubnetsInSameZone",
        `Found another VPC endpoint subnet in the availability zone of ${textsAt(inputs, "subnetIds")[twice]}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.`,
      );
    if (isTrue(inputs, "privateDnsEnabled")) privateNames(inputs, cloud, self);
    for (const other of cloud.all(T.endpoint))
      for (const table of textsAt(other.inputs, "routeTableIds"))
        if (
          other.id !== self?.id &&
          other.inputs.serviceName === service &&
          textsAt(inputs, "routeTableIds").includes(table)
        )
          refuse(
            "RouteAlreadyExists",
            `route table ${table} already has a route with destination-prefix-list-id ${other.outputs.prefixListId}`,
          );
  },
  id: ({ cloud }) => cloud.newId("vpce"),
  make: (making) => {
    const { inputs, cloud, id, self } = making;
    const subnets = textsAt(inputs, "subnetIds");
    const service = String(inputs.serviceName).split(".").at(-1);
    const before = objectsAt(self?.outputs ?? {}, "simulatedAddresses");
    return {
      arn: arn(making, "ec2", `vpc-endpoint/${id}`),
      cidrBlocks: [],
      dnsEntries:
        subnets.length === 0
          ? []
          : [{ dnsName: `${id}.${service}.${making.region}.vpce.amazonaws.com`, hostedZoneId: "Z7HUB22UULQXV" }],
      ipAddressType: inputs.ipAddressType ?? "ipv4",
      networkInterfaceIds: subnets.map((subnetId) => id.replace("vpce", `eni-${subnetId.slice(-4)}`)),
      ownerId: making.account,
      policy: inputs.policy ?? '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}',
      prefixListId: subnets.length === 0 ? id.replace("vpce", "pl") : "",
      privateDnsEnabled: inputs.privateDnsEnabled ?? false,
      requesterManaged: false,
      routeTableIds: inputs.routeTableIds ?? [],
      securityGroupIds: inputs.securityGroupIds ?? [],
      state: "available",
      subnetIds: inputs.subnetIds ?? [],
      simulatedAddresses: subnets.map(
        (subnetId) =>
          before.find((one) => one.subnetId === subnetId) ?? { subnetId, address: freshAddress(cloud, subnetId) },
      ),
    };
  },
};

const freshAddress = (cloud: Cloud, subnetId: string) => takeAddress(cloud, subnetId, undefined);

/** Names of a service in the VPC: VPC user guide, "Private DNS for interface endpoints". */
function privateNames(inputs: Values, cloud: Cloud, self: Thing | undefined): void {
  const network = cloud.find(T.vpc, String(inputs.vpcId));
  if (network?.outputs.enableDnsHostnames !== true || network.outputs.enableDnsSupport !== true)
    refuse(
      "InvalidParameter",
      `Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for ${inputs.vpcId}`,
    );
  const other = cloud
    .all(T.endpoint)
    .find(
      (one) =>
        one.id !== self?.id &&
        one.inputs.vpcId === inputs.vpcId &&
        one.inputs.serviceName === inputs.serviceName &&
        isTrue(one.inputs, "privateDnsEnabled"),
    );
  if (other !== undefined)
    refuse(
      "InvalidParameter",
      `private-dns-enabled cannot be set because there is already a conflicting DNS domain for ${inputs.serviceName} in the VPC ${inputs.vpcId}`,
    );
}

export const network = [
  vpc,
  vpcBlock,
  subnet,
  internetGateway,
  eip,
  natGateway,
  routeTable,
  route,
  association,
  endpoint,
];
