/** Endpoints of AWS's services in a VPC. */
import type { Values } from "../../../values/value";
import { refuse } from "../api-error";
import type { Cloud, Thing } from "../cloud";
import { failures, isSet, isTrue, objectsAt, textAt, textsAt } from "../inputs";
import type { Row } from "../row";
import { arn, groupRef, othersOf, refTo, sameNetwork, subnetRef, T, takeAddress, vpcRef, zoneOf } from "./common";

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
    for (const other of othersOf(cloud, T.endpoint, self))
      for (const table of textsAt(other.inputs, "routeTableIds"))
        if (other.inputs.serviceName === service && textsAt(inputs, "routeTableIds").includes(table))
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
  const other = othersOf(cloud, T.endpoint, self).find(
    (one) =>
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

export const endpoints = [endpoint];
