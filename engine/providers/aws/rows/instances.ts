/** Interfaces, instances and their placement groups. */
import { isObject, type Values } from "../../../values/value";
import { refuse } from "../api-error";
import type { Cloud, Thing } from "../cloud";
import { failures, isSet, isTrue, numberAt, textAt, textsAt } from "../inputs";
import { zonesOf } from "../places";
import type { Making, Row } from "../row";
import {
  arn,
  dnsName,
  groupRef,
  keyRef,
  othersOf,
  refTo,
  sameNetwork,
  subnetRef,
  T,
  takeAddress,
  taken,
  zoneOf,
} from "./common";
import { imageFailures, metadataFailures, userDataFailures, vcpuQuota, vcpusOf } from "./machines";
import { volumeFailures } from "./volumes";

/** Own rule: VPC user guide, "Amazon VPC quotas", L-2AFB9258. */
const GROUPS_PER_INTERFACE = 5;
/** Own rule: EC2 user guide, "Placement groups": at most seven running instances per zone in a group of strategy spread. */
const SPREAD_PER_ZONE = 7;

const networkInterface: Row = {
  type: T.networkInterface,
  api: ["EC2", "CreateNetworkInterface", "DeleteNetworkInterface"],
  required: ["subnetId"],
  optional: ["description", "privateIps", "region", "securityGroups", "sourceDestCheck", "tags"],
  replaces: ["subnetId", "region"],
  source:
    "terraform-provider-aws vpc_network_interface.go (privateIps: the first cannot be taken away, see replacesAlso)",
  replacesAlso: (before, after) => (textAt(before, "privateIps") === textAt(after, "privateIps") ? [] : ["privateIps"]),
  computed: ["arn", "macAddress", "ownerId", "privateDnsName", "privateIp", "privateIps", "securityGroups"],
  references: [subnetRef("subnetId"), groupRef("securityGroups")],
  token: true,
  check: (inputs) =>
    failures([
      textsAt(inputs, "securityGroups").length > GROUPS_PER_INTERFACE,
      "securityGroups",
      `SecurityGroupsPerInterfaceLimitExceeded: The maximum number of security groups per interface has been reached: ${GROUPS_PER_INTERFACE}`,
    ]),
  rules: ({ inputs, cloud, self }) => {
    sameNetwork(cloud, textsAt(inputs, "securityGroups"), textAt(inputs, "subnetId"));
    for (const address of textsAt(inputs, "privateIps")) takeAddress(cloud, String(inputs.subnetId), address, self);
  },
  id: ({ cloud }) => cloud.newId("eni"),
  make: (making) => {
    const { inputs, cloud, id, self } = making;
    const [first] = textsAt(inputs, "privateIps");
    const address = takeAddress(
      cloud,
      String(inputs.subnetId),
      first ?? textAt(self?.outputs ?? {}, "privateIp"),
      self,
    );
    return {
      arn: arn(making, "ec2", `network-interface/${id}`),
      macAddress: `02:${id.slice(-10).replaceAll(/(..)(?=.)/g, "$1:")}`,
      ownerId: making.account,
      privateDnsName: dnsName(address, making.region),
      privateIp: address,
      privateIps: inputs.privateIps ?? [address],
      securityGroups: inputs.securityGroups ?? [],
    };
  },
  inUse: (thing) => ["InvalidParameterValue", `Network interface '${thing.id}' is currently in use.`],
};

/** Interfaces that an instance takes with it. */
const interfacesOf = (inputs: Values): string[] => textsAt(inputs, "primaryNetworkInterface.networkInterfaceId");

/** Zone, subnet, groups and address of an instance, from its interface or its own inputs. */
function placeOf(inputs: Values, cloud: Cloud): { subnet: string | undefined; zone: string | undefined } {
  const [first] = interfacesOf(inputs);
  const subnet = first
    ? textAt(cloud.find(T.networkInterface, first)?.inputs ?? {}, "subnetId")
    : textAt(inputs, "subnetId");
  return { subnet, zone: zoneOf(cloud, subnet) ?? textAt(inputs, "availabilityZone") };
}

const instance: Row = {
  type: T.instance,
  api: ["EC2", "RunInstances", "TerminateInstances"],
  required: [],
  optional: [
    ...["ami", "availabilityZone", "capacityReservationSpecification", "cpuOptions", "disableApiStop"],
    ...["disableApiTermination", "ebsOptimized", "forceDestroy", "iamInstanceProfile"],
    ...["instanceInitiatedShutdownBehavior", "instanceType", "maintenanceOptions", "metadataOptions", "monitoring"],
    ...["placementGroup", "primaryNetworkInterface", "privateDnsNameOptions", "privateIp", "region"],
    ...["rootBlockDevice", "sourceDestCheck", "subnetId", "tags", "tenancy", "userData", "userDataBase64"],
    ...["userDataReplaceOnChange", "volumeTags", "vpcSecurityGroupIds"],
  ],
  replaces: [
    ...["ami", "availabilityZone", "cpuOptions", "placementGroup", "primaryNetworkInterface", "privateIp", "region"],
    ...["rootBlockDevice.encrypted", "rootBlockDevice.kmsKeyId", "subnetId", "tenancy"],
  ],
  source:
    "terraform-provider-aws ec2_instance.go, ForceNew; type, user data, profile and root volume's size are changed in place, by stop and start where needed; CloudFormation AWS::EC2::Instance",
  restarts: ["instanceType", "userData", "userDataBase64"],
  replacesAlso: (before, after) =>
    isTrue(after, "userDataReplaceOnChange")
      ? ["userData", "userDataBase64"].filter((name) => textAt(before, name) !== textAt(after, name))
      : [],
  computed: [
    ...["ami", "arn", "availabilityZone", "capacityReservationSpecification", "cpuOptions", "disableApiStop"],
    ...["disableApiTermination", "ebsOptimized", "instanceInitiatedShutdownBehavior", "instanceState"],
    ...["maintenanceOptions", "metadataOptions", "monitoring", "placementGroup", "primaryNetworkInterfaceId"],
    ...["privateDns", "privateDnsNameOptions", "privateIp", "publicDns", "publicIp", "rootBlockDevice", "subnetId"],
    ...["tenancy", "vpcSecurityGroupIds"],
  ],
  references: [
    subnetRef("subnetId"),
    groupRef("vpcSecurityGroupIds"),
    refTo(
      "primaryNetworkInterface.networkInterfaceId",
      T.networkInterface,
      "InvalidNetworkInterfaceID.NotFound",
      "networkInterface ID",
      { holds: true },
    ),
    refTo("placementGroup", T.placementGroup, "InvalidPlacementGroup.Unknown", "Placement Group", { holds: true }),
    keyRef("rootBlockDevice.kmsKeyId"),
    {
      path: "iamInstanceProfile",
      to: [T.profile],
      code: "InvalidParameterValue",
      reason: (name) =>
        `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
      retried: true,
    },
  ],
  token: true,
  check: (inputs) => [
    ...imageFailures(inputs, "ami"),
    ...userDataFailures(inputs, "userDataBase64", "userData"),
    ...metadataFailures(inputs),
    ...volumeFailures(inputs, "rootBlockDevice.", { type: "volumeType", size: "volumeSize" }),
    ...failures(
      [!isSet(inputs, "ami"), "ami", "one of `ami,launchTemplate` must be specified"],
      [!isSet(inputs, "instanceType"), "instanceType", "one of `instanceType,launchTemplate` must be specified"],
      [isSet(inputs, "userData") && isSet(inputs, "userDataBase64"), "userData", "conflicts with userDataBase64"],
      ...["subnetId", "privateIp", "vpcSecurityGroupIds", "sourceDestCheck"].map(
        (name) =>
          [
            isSet(inputs, "primaryNetworkInterface") && isSet(inputs, name),
            name,
            "conflicts with primaryNetworkInterface",
          ] as const,
      ),
      [
        !isSet(inputs, "primaryNetworkInterface") && !isSet(inputs, "subnetId"),
        "subnetId",
        "subnetId is missing: a rehearsal has no default VPC",
      ],
    ),
  ],
  rules: (making) => {
    const { inputs, cloud, self, region } = making;
    const type = String(inputs.instanceType);
    const { subnet, zone = "" } = placeOf(inputs, cloud);
    const asked = textAt(inputs, "availabilityZone");
    if (asked !== undefined && asked !== zone)
      refuse(
        "InvalidParameterValue",
        `The availability zone '${asked}' is not that of the subnet or interface, '${zone}'.`,
      );
    if (!cloud.offers(type, zone))
      refuse(
        "Unsupported",
        `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}). Please retry your request by not specifying an Availability Zone or choosing ${zonesOf(
          region,
        )
          .filter((other) => cloud.offers(type, other))
          .join(", ")}.`,
      );
    for (const id of interfacesOf(inputs)) {
      const other = othersOf(cloud, T.instance, self).find((one) => interfacesOf(one.inputs).includes(id));
      if (other !== undefined)
        refuse("InvalidNetworkInterface.InUse", `Interface: [${id}] in use: it is attached to ${other.id}.`);
    }
    sameNetwork(cloud, textsAt(inputs, "vpcSecurityGroupIds"), subnet);
    if (interfacesOf(inputs).length === 0) takeAddress(cloud, String(subnet), textAt(inputs, "privateIp"), self);
    spread(making, zone);
    vcpuQuota(making, type, 1);
  },
  id: ({ cloud }) => cloud.newId("i"),
  make: (making) => {
    const { inputs, cloud, id, self, region } = making;
    const [taken] = interfacesOf(inputs);
    const { subnet, zone } = placeOf(inputs, cloud);
    const own = taken === undefined ? undefined : cloud.find(T.networkInterface, taken);
    const address =
      textAt(own?.outputs ?? {}, "privateIp") ??
      takeAddress(cloud, String(subnet), textAt(inputs, "privateIp") ?? textAt(self?.outputs ?? {}, "privateIp"), self);
    return {
      ami: inputs.ami ?? null,
      arn: arn(making, "ec2", `instance/${id}`),
      availabilityZone: zone ?? null,
      capacityReservationSpecification: inputs.capacityReservationSpecification ?? {
        capacityReservationPreference: "open",
      },
      cpuOptions: inputs.cpuOptions ?? {
        coreCount: Math.ceil(vcpusOf(String(inputs.instanceType)) / 2),
        threadsPerCore: 2,
      },
      disableApiStop: inputs.disableApiStop ?? false,
      disableApiTermination: inputs.disableApiTermination ?? false,
      ebsOptimized: inputs.ebsOptimized ?? false,
      instanceInitiatedShutdownBehavior: inputs.instanceInitiatedShutdownBehavior ?? "stop",
      instanceState: "running",
      maintenanceOptions: inputs.maintenanceOptions ?? { autoRecovery: "default" },
      metadataOptions: {
        ...{
          httpEndpoint: "enabled",
          httpProtocolIpv6: "disabled",
          httpPutResponseHopLimit: 1,
          httpTokens: "optional",
        },
        instanceMetadataTags: "disabled",
        ...(isObject(inputs.metadataOptions) ? inputs.metadataOptions : {}),
      },
      monitoring: inputs.monitoring ?? false,
      placementGroup: inputs.placementGroup ?? "",
      primaryNetworkInterfaceId: taken ?? id.replace("i-", "eni-"),
      privateDns: dnsName(address, region),
      privateDnsNameOptions: inputs.privateDnsNameOptions ?? { hostnameType: "ip-name" },
      privateIp: address,
      publicDns: "",
      publicIp: "",
      rootBlockDevice: {
        ...{ deleteOnTermination: true, deviceName: "/dev/xvda", encrypted: false, volumeSize: 8, volumeType: "gp3" },
        ...(isObject(inputs.rootBlockDevice) ? inputs.rootBlockDevice : {}),
        volumeId: id.replace("i-", "vol-"),
      },
      subnetId: subnet ?? null,
      tenancy: inputs.tenancy ?? "default",
      vpcSecurityGroupIds: inputs.vpcSecurityGroupIds ?? own?.outputs.securityGroups ?? [],
    };
  },
  remove: (thing, cloud) => {
    if (thing.outputs.disableApiTermination === true && !isTrue(thing.inputs, "forceDestroy"))
      refuse(
        "OperationNotPermitted",
        `The instance '${thing.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
      );
    terminate(thing, cloud);
  },
};

/** What comes of an instance that ends, by whomever: its volumes are free, its targets stay registered and answer no more. */
export function terminate(thing: Thing, cloud: Cloud): void {
  for (const attachment of cloud.all(T.attachment))
    if (attachment.inputs.instanceId === thing.id) cloud.remove(attachment);
  cloud.put({ ...thing, outputs: { ...thing.outputs, instanceState: "terminated" }, gone: "terminated" });
}

/** The code is from memory: no account was at hand to see it. */
function spread({ inputs, cloud, self }: Making, zone: string): void {
  const group = cloud.named([T.placementGroup], textAt(inputs, "placementGroup") ?? "");
  if (group?.inputs.strategy !== "spread") return;
  const others = othersOf(cloud, T.instance, self).filter(
    (one) => one.inputs.placementGroup === inputs.placementGroup && one.outputs.availabilityZone === zone,
  );
  if (others.length >= SPREAD_PER_ZONE)
    refuse(
      "InstanceLimitExceeded",
      `A spread placement group has at most ${SPREAD_PER_ZONE} running instances in an Availability Zone: ${group.id} has ${others.length} in ${zone}.`,
    );
}

const placementGroup: Row = {
  type: T.placementGroup,
  api: ["EC2", "CreatePlacementGroup", "DeletePlacementGroup"],
  required: ["strategy"],
  optional: ["name", "partitionCount", "region", "spreadLevel", "tags"],
  replaces: ["name", "partitionCount", "region", "spreadLevel", "strategy"],
  source: "terraform-provider-aws ec2_placement_group.go; CloudFormation AWS::EC2::PlacementGroup",
  computed: ["arn", "partitionCount", "placementGroupId", "spreadLevel"],
  naming: { property: "name", longest: 255 },
  // Own rule: EC2 user guide, "Partition placement groups: a maximum of seven partitions per Availability Zone".
  check: (inputs) => {
    const count = numberAt(inputs, "partitionCount");
    return failures(
      [
        count !== undefined && (count < 1 || count > 7),
        "partitionCount",
        `InvalidParameterValue: Value (${count}) for parameter partitionCount is invalid. It must be between 1 and 7.`,
      ],
      [
        count !== undefined && inputs.strategy !== "partition",
        "partitionCount",
        `partition_count must not be set when strategy = "${inputs.strategy}"`,
      ],
    );
  },
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.placementGroup, "name", textAt(inputs, "name"), self))
      refuse("InvalidPlacementGroup.Duplicate", `The Placement Group '${inputs.name}' already exists.`);
  },
  id: ({ inputs }) => String(inputs.name),
  make: (making) => ({
    arn: arn(making, "ec2", `placement-group/${making.id}`),
    partitionCount: making.inputs.partitionCount ?? (making.inputs.strategy === "partition" ? 2 : 0),
    placementGroupId: making.self?.outputs.placementGroupId ?? making.cloud.newId("pg"),
    spreadLevel: making.inputs.spreadLevel ?? (making.inputs.strategy === "spread" ? "rack" : ""),
  }),
  inUse: (thing) => [
    "InvalidPlacementGroup.InUse",
    `The placement group '${thing.id}' is in use and may not be deleted.`,
  ],
};

export const instances = [networkInterface, instance, placementGroup];
