/** Routes of subnets, and the gateways that they lead to. */
import type { Values } from "../../../values/value";
import { refuse } from "../api-error";
import { failures, isSet, objectsAt, textAt } from "../inputs";
import type { Row } from "../row";
import { arn, dependencies, othersOf, refTo, subnetRef, T, takeAddress, vpcRef } from "./common";

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
    const other = othersOf(cloud, T.internetGateway, self).find(
      ({ inputs: its }) => isSet(its, "vpcId") && its.vpcId === inputs.vpcId,
    );
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
    const other = othersOf(cloud, T.natGateway, self).find(
      (one) => isSet(inputs, "allocationId") && one.inputs.allocationId === inputs.allocationId,
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
    const other = othersOf(cloud, T.route, self).find(
      (one) => one.inputs.routeTableId === inputs.routeTableId && destinationOf(one.inputs) === destination,
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
    const other = othersOf(cloud, T.association, self).find((one) => one.inputs.subnetId === inputs.subnetId);
    if (other !== undefined)
      refuse(
        "Resource.AlreadyAssociated",
        `the specified association for route table ${inputs.routeTableId} conflicts with an existing association: ${other.id}`,
      );
  },
  id: ({ cloud }) => cloud.newId("rtbassoc"),
  make: () => ({}),
};

export const routes = [internetGateway, eip, natGateway, routeTable, route, association];
