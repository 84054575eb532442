/** Interfaces, instances, their volumes and groups, launch templates and what grows from them. */
import { isObject, type Values } from "../../../values/value";
import { refuse } from "../api-error";
import type { Cloud, Thing } from "../cloud";
import { failures, isSet, isTrue, numberAt, objectsAt, textAt, textsAt } from "../inputs";
import { zonesOf } from "../places";
import type { Making, Row } from "../row";
import {
  arn,
  dnsName,
  groupRef,
  iamArn,
  keyRef,
  refTo,
  sameNetwork,
  subnetRef,
  T,
  takeAddress,
  taken,
  zoneOf,
} from "./common";
import { volumeFailures } from "./volumes";

/** Own rule: EC2 user guide, "user data is limited to 16 KB, in raw form, before it is base64-encoded". */
const USER_DATA_BYTES = 16_384;
/** Own rule: VPC user guide, "Amazon VPC quotas", L-2AFB9258. */
const GROUPS_PER_INTERFACE = 5;
/** Own rule: EC2 user guide, "Placement groups": at most seven running instances per zone in a group of strategy spread. */
const SPREAD_PER_ZONE = 7;

function userDataFailures(inputs: Values, base64: string, plain?: string) {
  const [encoded, text] = [textAt(inputs, base64), plain && textAt(inputs, plain)];
  const wrong = encoded !== undefined && !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded);
  const bytes = encoded === undefined ? Buffer.byteLength(text ?? "") : Buffer.from(encoded, "base64").length;
  const property = encoded === undefined ? (plain ?? base64) : base64;
  return failures(
    [wrong, base64, "InvalidUserData.Malformed: Invalid BASE64 encoding of user data."],
    [
      bytes > USER_DATA_BYTES,
      property,
      `InvalidParameterValue: User data is limited to ${USER_DATA_BYTES} bytes; this has ${bytes}`,
    ],
  );
}

function imageFailures(inputs: Values, property: string) {
  const image = textAt(inputs, property);
  return failures([
    image !== undefined && !/^(ami-[0-9a-f]{8}([0-9a-f]{9})?|resolve:ssm:.+)$/.test(image),
    property,
    `InvalidAMIID.Malformed: Invalid id: "${image}" (expecting "ami-...")`,
  ]);
}

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

/** vCPUs by the size's name (EC2 user guide, "Amazon EC2 instance type naming conventions"); of bare metal types we do not know them. */
export function vcpusOf(type: string): number {
  const size = type.split(".")[1] ?? "";
  const [, times] = /^(\d+)xlarge$/.exec(size) ?? [];
  if (times !== undefined) return 4 * Number(times);
  return { xlarge: 4, large: 2, medium: 1 }[size] ?? 2;
}

/** Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, quota L-1216C47A, which counts vCPUs. */
const isStandard = (type: string): boolean => /^[acdhimrtz]/.test(type);

export function runningVcpus(cloud: Cloud, besides?: Thing): number {
  const types = cloud
    .all(T.instance)
    .flatMap((one) => (one.id === besides?.id ? [] : textsAt(one.outputs, "instanceType")));
  const pools = cloud.all(T.autoScaling).flatMap((pool) => {
    const template = cloud.named([T.launchTemplate], textAt(pool.inputs, "launchTemplate.id") ?? "");
    const type = textAt(template?.inputs ?? {}, "instanceType");
    return type === undefined || pool.id === besides?.id ? [] : Array<string>(desiredOf(pool.inputs)).fill(type);
  });
  return [...types, ...pools].filter(isStandard).reduce((sum, type) => sum + vcpusOf(type), 0);
}

export const desiredOf = (inputs: Values): number =>
  numberAt(inputs, "desiredCapacity") ?? numberAt(inputs, "minSize") ?? 0;

function vcpuQuota({ cloud, self }: Making, type: string, count: number): void {
  const limit = cloud.quota("L-1216C47A");
  if (isStandard(type) && runningVcpus(cloud, self) + count * vcpusOf(type) > limit)
    refuse(
      "VcpuLimitExceeded",
      `You have requested more vCPU capacity than your current vCPU limit of ${limit} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
    );
}

const METADATA_FAILURES = (inputs: Values, at = "metadataOptions") => {
  const hops = numberAt(inputs, `${at}.httpPutResponseHopLimit`);
  // Own rule: EC2 API reference, InstanceMetadataOptionsRequest, "Possible values: Integers from 1 to 64".
  return failures([
    hops !== undefined && (hops < 1 || hops > 64),
    at,
    `expected metadata_options.0.http_put_response_hop_limit to be in the range (1 - 64), got ${hops}`,
  ]);
};

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
    ...METADATA_FAILURES(inputs),
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
      const other = cloud.all(T.instance).find((one) => one.id !== self?.id && interfacesOf(one.inputs).includes(id));
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
  const others = cloud
    .all(T.instance)
    .filter(
      (one) =>
        one.id !== self?.id &&
        one.inputs.placementGroup === inputs.placementGroup &&
        one.outputs.availabilityZone === zone,
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

const launchTemplate: Row = {
  type: T.launchTemplate,
  api: ["EC2", "CreateLaunchTemplate", "DeleteLaunchTemplate"],
  required: [],
  optional: [
    ...["blockDeviceMappings", "defaultVersion", "description", "disableApiTermination", "ebsOptimized"],
    ...["iamInstanceProfile", "imageId", "instanceInitiatedShutdownBehavior", "instanceType", "maintenanceOptions"],
    ...["metadataOptions", "monitoring", "name", "namePrefix", "networkInterfaces", "placement"],
    ...["privateDnsNameOptions", "region", "tagSpecifications", "tags", "updateDefaultVersion", "userData"],
    "vpcSecurityGroupIds",
  ],
  replaces: ["name", "namePrefix", "region"],
  source:
    "terraform-provider-aws ec2_launch_template.go (all else makes a new version); CloudFormation AWS::EC2::LaunchTemplate",
  computed: ["arn", "defaultVersion", "latestVersion"],
  renewed: ["latestVersion", "defaultVersion"],
  // terraform-provider-aws: names of 3 to 128 characters; CloudFormation's schema says the same.
  naming: { property: "name", prefix: "namePrefix", longest: 128 },
  references: [
    groupRef("vpcSecurityGroupIds"),
    groupRef("networkInterfaces.securityGroups"),
    keyRef("blockDeviceMappings.ebs.kmsKeyId"),
    {
      path: "iamInstanceProfile.name",
      to: [T.profile],
      code: "InvalidIamInstanceProfile.NotFound",
      reason: (name) => `Invalid IAM Instance Profile name: ${name}`,
      retried: true,
    },
    {
      path: "iamInstanceProfile.arn",
      to: [T.profile],
      code: "InvalidIamInstanceProfileArn.NotFound",
      reason: (name) => `Invalid IAM Instance Profile ARN: ${name}`,
      retried: true,
    },
  ],
  token: true,
  check: (inputs) => [
    ...imageFailures(inputs, "imageId"),
    ...userDataFailures(inputs, "userData"),
    ...METADATA_FAILURES(inputs),
    ...objectsAt(inputs, "blockDeviceMappings").flatMap((mapping, i) =>
      volumeFailures(mapping, "ebs.", { type: "volumeType", size: "volumeSize" }).map(({ reason }) => ({
        property: `blockDeviceMappings[${i}].ebs`,
        reason,
      })),
    ),
  ],
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.launchTemplate, "name", textAt(inputs, "name"), self))
      refuse("InvalidLaunchTemplateName.AlreadyExistsException", `Launch template name already in use.`);
  },
  id: ({ cloud }) => cloud.newId("lt"),
  make: (making) => {
    const before = numberAt(making.self?.outputs ?? {}, "latestVersion") ?? 0;
    const fixed =
      numberAt(making.inputs, "defaultVersion") ?? numberAt(making.self?.outputs ?? {}, "defaultVersion") ?? 1;
    return {
      arn: arn(making, "ec2", `launch-template/${making.id}`),
      defaultVersion: isTrue(making.inputs, "updateDefaultVersion") ? before + 1 : fixed,
      latestVersion: before + 1,
    };
  },
};

/** vCPU, subnets and sizes are looked at; its instances do not exist in a rehearsal. */
const autoScaling: Row = {
  type: T.autoScaling,
  api: ["Auto Scaling", "CreateAutoScalingGroup", "DeleteAutoScalingGroup"],
  required: ["maxSize", "minSize"],
  optional: [
    ...["availabilityZoneDistribution", "capacityRebalance", "defaultCooldown", "defaultInstanceWarmup"],
    ...["desiredCapacity", "enabledMetrics", "forceDelete", "healthCheckGracePeriod", "healthCheckType"],
    ...["instanceMaintenancePolicy", "instanceRefresh", "launchTemplate", "maxInstanceLifetime"],
    ...["metricsGranularity", "name", "namePrefix", "protectFromScaleIn", "region", "serviceLinkedRoleArn"],
    ...["suspendedProcesses", "tags", "targetGroupArns", "terminationPolicies", "vpcZoneIdentifiers"],
    ...["waitForCapacityTimeout", "waitForElbCapacity"],
  ],
  replaces: ["name", "namePrefix", "region"],
  source: "terraform-provider-aws autoscaling/group.go; CloudFormation AWS::AutoScaling::AutoScalingGroup",
  computed: [
    ...["arn", "availabilityZones", "defaultCooldown", "desiredCapacity", "healthCheckType", "predictedCapacity"],
    ...["serviceLinkedRoleArn", "targetGroupArns", "vpcZoneIdentifiers", "warmPoolSize"],
  ],
  naming: { property: "name", prefix: "namePrefix", longest: 255 },
  references: [
    subnetRef("vpcZoneIdentifiers"),
    {
      path: "launchTemplate.id",
      to: [T.launchTemplate],
      code: "ValidationError",
      reason: (id) =>
        `You must use a valid fully-formed launch template. The specified launch template, with template ID ${id}, does not exist.`,
    },
    {
      path: "targetGroupArns",
      to: [T.targetGroup],
      code: "ValidationError",
      reason: (one) => `Provided Target Groups may not be valid. Please ensure they exist and try again: ${one}`,
    },
  ],
  check: (inputs) => {
    const [least, most, wanted] = ["minSize", "maxSize", "desiredCapacity"].map((name) => numberAt(inputs, name));
    return failures(
      [
        least !== undefined && most !== undefined && least > most,
        "minSize",
        `ValidationError: Max bound, ${most}, must be greater than or equal to min bound, ${least}`,
      ],
      [
        wanted !== undefined && ((most !== undefined && wanted > most) || (least !== undefined && wanted < least)),
        "desiredCapacity",
        `ValidationError: Desired capacity:${wanted} must be between the specified min size:${least} and max size:${most}`,
      ],
      [!isSet(inputs, "launchTemplate"), "launchTemplate", "one of `launchTemplate` must be specified"],
    );
  },
  rules: (making) => {
    const { inputs, cloud, self } = making;
    if (taken(cloud, T.autoScaling, "name", textAt(inputs, "name"), self))
      refuse(
        "AlreadyExists",
        `AutoScalingGroup by this name already exists - A group with the name ${inputs.name} already exists`,
      );
    const template = cloud.find(T.launchTemplate, textAt(inputs, "launchTemplate.id") ?? "");
    const type = textAt(template?.inputs ?? {}, "instanceType");
    if (type === undefined) return;
    for (const id of textsAt(inputs, "vpcZoneIdentifiers")) {
      const zone = zoneOf(cloud, id) ?? "";
      if (!cloud.offers(type, zone))
        refuse(
          "ValidationError",
          `You must use a valid fully-formed launch template. Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}).`,
        );
    }
    vcpuQuota(making, type, desiredOf(inputs));
  },
  id: ({ inputs }) => String(inputs.name),
  make: (making) => ({
    arn: arn(making, "autoscaling", `autoScalingGroup:${making.id}:autoScalingGroupName/${making.id}`),
    availabilityZones: [
      ...new Set(textsAt(making.inputs, "vpcZoneIdentifiers").map((id) => zoneOf(making.cloud, id) ?? "")),
    ].sort(),
    defaultCooldown: making.inputs.defaultCooldown ?? 300,
    desiredCapacity: desiredOf(making.inputs),
    healthCheckType: making.inputs.healthCheckType ?? "EC2",
    predictedCapacity: 0,
    serviceLinkedRoleArn: iamArn(
      making,
      "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
    ),
    targetGroupArns: making.inputs.targetGroupArns ?? [],
    vpcZoneIdentifiers: making.inputs.vpcZoneIdentifiers ?? [],
    warmPoolSize: 0,
  }),
};

export const instances = [networkInterface, instance, placementGroup, launchTemplate, autoScaling];
