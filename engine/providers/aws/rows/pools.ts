import { refuse } from "../api-error";
import { failures, isSet, isTrue, numberAt, objectsAt, textAt, textsAt } from "../inputs";
import type { Row } from "../row";
import { arn, groupRef, iamArn, keyRef, subnetRef, T, taken, zoneOf } from "./common";
import { desiredOf, imageFailures, metadataFailures, userDataFailures, vcpuQuota } from "./machines";
import { volumeFailures } from "./volumes";

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
    ...metadataFailures(inputs),
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

export const pools = [launchTemplate, autoScaling];
