/**
 * The network: a VPC over the zones, or one that exists. In each zone a subnet for control-plane hosts, whose addresses are all planned; one
 * for load balancer and endpoints, which take addresses of their own choice; one for the nodes of pools. Nothing in them has a public address.
 */
import { addressAt, type Cidr, sizeOf } from "../../../config/cidr";
import { maxZones } from "../../../config/cluster";
import { range } from "../../plan/parts";
import { nameOf, tagsOf } from "./names";
import type { AwsParts, AwsZone, Network } from "./parts";
import { type AwsResource, type AwsResourceOf, refTo, resource, type Text } from "./resource";

/** Services of AWS that hosts ask without a way out. S3 has a gateway, which costs nothing. */
const interfaceEndpoints = ["ec2", "ecr.api", "ecr.dkr", "kms", "logs", "sts"];

export function network(parts: AwsParts): Network {
  const { vpc: existing } = parts.knobs;
  if (existing) {
    const { id, hosts, nodes, services } = existing;
    return { resources: [], vpc: id, hosts, services, nodes };
  }
  return ownNetwork(parts);
}

function ownNetwork(parts: AwsParts): Network {
  const { knobs, plan, zones } = parts;
  const name = nameOf(parts);
  const vpc = resource("ec2/vpc:Vpc", name, {
    cidrBlock: plan.network.hosts,
    // The cluster's private zone, and names of endpoints.
    enableDnsSupport: true,
    enableDnsHostnames: true,
    tags: tagsOf(parts, name),
  });
  const nodeRange = resource("ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation", nameOf(parts, "nodes"), {
    vpcId: refTo(vpc, "id"),
    cidrBlock: plan.network.nodes,
  });
  // Without a rule: whoever forgets to name a group reaches nothing.
  const defaultGroup = resource("ec2/defaultSecurityGroup:DefaultSecurityGroup", nameOf(parts, "default"), {
    vpcId: refTo(vpc, "id"),
    tags: tagsOf(parts, nameOf(parts, "default")),
  });
  const subnet = (zone: AwsZone, kind: string, cidrBlock: string, vpcId: Text = refTo(vpc, "id")) =>
    resource("ec2/subnet:Subnet", nameOf(parts, kind, zone.name), {
      vpcId,
      availabilityZone: zone.availabilityZone,
      cidrBlock,
      mapPublicIpOnLaunch: false,
      tags: tagsOf(parts, nameOf(parts, kind, zone.name)),
    });
  const ranges = subnetRanges(plan.network, zones.length);
  // It is the association that lets the VPC have subnets of this range.
  const nodesVpc = refTo(nodeRange, "vpcId");
  const zoned = zones.map((zone, index) => ({
    zone,
    hosts: subnet(zone, "hosts", zone.range),
    services: subnet(zone, "services", ranges.services[index] as string),
    nodes: subnet(zone, "nodes", ranges.nodes[index] as string, nodesVpc),
    way: subnet(zone, "public", ranges.ways[index] as string, nodesVpc),
  }));
  const withWay = knobs.egress === "none" ? [] : knobs.egress === "one-nat" ? zoned.slice(0, 1) : zoned;
  const ways = withWay.length === 0 ? undefined : waysOut(parts, vpc, withWay);
  const tables = zoned.map(({ zone, hosts, services, nodes }) => {
    const own = nameOf(parts, "private", zone.name);
    const nat = ways?.nats.get(zone.name) ?? ways?.nats.values().next().value;
    const table = resource("ec2/routeTable:RouteTable", own, { vpcId: refTo(vpc, "id"), tags: tagsOf(parts, own) });
    const out = nat
      ? [
          resource("ec2/route:Route", own, {
            routeTableId: refTo(table, "id"),
            destinationCidrBlock: "0.0.0.0/0",
            natGatewayId: refTo(nat, "id"),
          }),
        ]
      : [];
    return { table, resources: [table, ...out, ...[hosts, services, nodes].map((one) => associated(one, table))] };
  });
  return {
    resources: [
      vpc,
      nodeRange,
      defaultGroup,
      ...zoned.flatMap(({ hosts, services, nodes }) => [hosts, services, nodes]),
      ...(ways?.resources ?? []),
      ...tables.flatMap(({ resources }) => resources),
      ...endpoints(
        parts,
        vpc,
        zoned.map(({ services }) => services),
        tables.map(({ table }) => table),
      ),
    ],
    vpc: refTo(vpc, "id"),
    hosts: byZone(zoned.map(({ zone, hosts }) => [zone, hosts])),
    services: byZone(zoned.map(({ zone, services }) => [zone, services])),
    nodes: byZone(zoned.map(({ zone, nodes }) => [zone, nodes])),
  };
}

type Subnet = AwsResourceOf<"ec2/subnet:Subnet">;
type RouteTable = AwsResourceOf<"ec2/routeTable:RouteTable">;

const byZone = (subnets: readonly (readonly [AwsZone, Subnet])[]) =>
  Object.fromEntries(subnets.map(([{ name }, subnet]) => [name, refTo(subnet, "id")]));

const associated = (subnet: Subnet, table: RouteTable): AwsResource =>
  resource("ec2/routeTableAssociation:RouteTableAssociation", subnet.name, {
    subnetId: refTo(subnet, "id"),
    routeTableId: refTo(table, "id"),
  });

/** NAT gateways, and the only public subnets: what stands in them is of AWS. */
function waysOut(
  parts: AwsParts,
  vpc: AwsResourceOf<"ec2/vpc:Vpc">,
  zones: readonly { readonly zone: AwsZone; readonly way: Subnet }[],
) {
  const name = nameOf(parts, "public");
  const tags = tagsOf(parts, name);
  const gateway = resource("ec2/internetGateway:InternetGateway", name, { vpcId: refTo(vpc, "id"), tags });
  const table = resource("ec2/routeTable:RouteTable", name, { vpcId: refTo(vpc, "id"), tags });
  const route = resource("ec2/route:Route", name, {
    routeTableId: refTo(table, "id"),
    destinationCidrBlock: "0.0.0.0/0",
    gatewayId: refTo(gateway, "id"),
  });
  const made = zones.map(({ zone, way }) => {
    const own = nameOf(parts, "nat", zone.name);
    const address = resource("ec2/eip:Eip", own, { domain: "vpc", tags: tagsOf(parts, own) });
    const nat = resource(
      "ec2/natGateway:NatGateway",
      own,
      { subnetId: refTo(way, "id"), allocationId: refTo(address, "id"), tags: tagsOf(parts, own) },
      { dependsOn: [`ec2/internetGateway:InternetGateway::${name}`] },
    );
    return { zone, nat, resources: [way, associated(way, table), address, nat] };
  });
  return {
    resources: [gateway, table, route, ...made.flatMap(({ resources }) => resources)],
    nats: new Map(made.map(({ zone, nat }) => [zone.name, nat])),
  };
}

function endpoints(
  parts: AwsParts,
  vpc: AwsResourceOf<"ec2/vpc:Vpc">,
  subnets: readonly Subnet[],
  tables: readonly RouteTable[],
): AwsResource[] {
  const name = nameOf(parts, "endpoints");
  const group = resource("ec2/securityGroup:SecurityGroup", name, {
    vpcId: refTo(vpc, "id"),
    namePrefix: `${name}-`,
    description: "Endpoints of AWS services",
    tags: tagsOf(parts, name),
  });
  const { hosts, nodes } = parts.plan.network;
  const rules = Object.entries({ hosts, nodes }).map(([from, cidrIpv4]) =>
    resource("vpc/securityGroupIngressRule:SecurityGroupIngressRule", nameOf(parts, "endpoints", "https", from), {
      securityGroupId: refTo(group, "id"),
      description: `HTTPS from ${from}`,
      ipProtocol: "tcp",
      fromPort: 443,
      toPort: 443,
      cidrIpv4,
      tags: tagsOf(parts, nameOf(parts, "endpoints", "https", from)),
    }),
  );
  const serviceName = (service: string) => `com.amazonaws.${parts.region}.${service}`;
  const s3 = nameOf(parts, "s3");
  return [
    group,
    ...rules,
    resource("ec2/vpcEndpoint:VpcEndpoint", s3, {
      vpcId: refTo(vpc, "id"),
      serviceName: serviceName("s3"),
      vpcEndpointType: "Gateway",
      routeTableIds: tables.map((table) => refTo(table, "id")),
      tags: tagsOf(parts, s3),
    }),
    ...interfaceEndpoints.map((service) => {
      const own = nameOf(parts, service.replace(".", "-"));
      return resource("ec2/vpcEndpoint:VpcEndpoint", own, {
        vpcId: refTo(vpc, "id"),
        serviceName: serviceName(service),
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: subnets.map((subnet) => refTo(subnet, "id")),
        securityGroupIds: [refTo(group, "id")],
        tags: tagsOf(parts, own),
      });
    }),
  ];
}

/** A subnet of load balancer and endpoints: the former wants 8 free addresses, the latter take one each, AWS keeps 5. */
const servicesPrefix = 27;
/** The smallest that there is. */
const wayPrefix = 28;
/** Zones, and what is not theirs, as a power of two: so a zone that is added changes no subnet. */
const nodeBlocks = 8;

/** Ranges of subnets by index of the zone, beside the hosts' own /24 each. */
export function subnetRanges(
  { hosts, nodes }: { readonly hosts: string; readonly nodes: string },
  zones: number,
): Readonly<Record<"services" | "nodes" | "ways", readonly string[]>> {
  const lastOfHosts = partOf(range(hosts), 24, sizeOf(range(hosts)) / 256 - 1);
  const blockPrefix = range(nodes).prefix + Math.log2(nodeBlocks);
  const ofNodes = (index: number) => partOf(range(nodes), blockPrefix, index);
  const each = (make: (index: number) => Cidr) =>
    Array.from({ length: Math.min(zones, maxZones) }, (_, index) => rangeText(make(index)));
  return {
    services: each((index) => partOf(lastOfHosts, servicesPrefix, index)),
    nodes: each(ofNodes),
    ways: each((index) => partOf(ofNodes(nodeBlocks - 1), wayPrefix, index)),
  };
}

/** AWS keeps the first four addresses of a subnet and the last (VPC user guide, subnet sizing). */
export const reservedAddresses = 5;

/** How many nodes a zone has room for. */
export const nodesInZone = (nodes: string): number => sizeOf(range(nodes)) / nodeBlocks - reservedAddresses;

/** The `index`-th of the parts of this size. */
function partOf(whole: Cidr, prefix: number, index: number): Cidr {
  const base = whole.base + index * 2 ** (32 - prefix);
  return { base, prefix };
}

const rangeText = (cidr: Cidr) => `${addressAt(cidr, 0)}/${cidr.prefix}`;
