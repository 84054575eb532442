/**
 * Which member of which API call an input ends in. An input `cidrBlock` is `CidrBlock` of the call that makes the resource unless it
 * stands here otherwise; `undefined` is what the provider keeps for itself.
 */
import { T } from "../rows/common";

export interface CallMembers {
  /** botocore's name of the service, and the call. */
  readonly call: readonly [service: string, operation: string];
  readonly members?: Readonly<
    Record<string, readonly [service: string, operation: string, member: string] | string | undefined>
  >;
}

const modifyVpc = (name: string) => ["ec2", "ModifyVpcAttribute", name] as const;
const modifySubnet = (name: string) => ["ec2", "ModifySubnetAttribute", name] as const;
const bucketOnly = { call: ["s3", "CreateBucket"] as const };
/** A rule's source and ports stand in a list of permissions. */
const permission = {
  cidrIpv4: "IpPermissions.IpRanges.CidrIp",
  cidrIpv6: "IpPermissions.Ipv6Ranges.CidrIpv6",
  description: "IpPermissions.IpRanges.Description",
  fromPort: "IpPermissions.FromPort",
  ipProtocol: "IpPermissions.IpProtocol",
  prefixListId: "IpPermissions.PrefixListIds.PrefixListId",
  referencedSecurityGroupId: "IpPermissions.UserIdGroupPairs.GroupId",
  securityGroupId: "GroupId",
  toPort: "IpPermissions.ToPort",
};
/** What an instance has in its template stands one level deeper there. */
const data = (name: string) => `LaunchTemplateData.${name}`;
/** Load balancers and target groups have attributes, texts without bounds in the models. */
const attribute = (operation: string) => ["elbv2", operation, "Attributes.Value"] as const;
const balancerAttribute = attribute("ModifyLoadBalancerAttributes");
const groupAttribute = attribute("ModifyTargetGroupAttributes");
const enforcement = ["elbv2", "SetSecurityGroups", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] as const;

export const calls: Readonly<Record<string, CallMembers>> = {
  [T.vpc]: {
    call: ["ec2", "CreateVpc"],
    members: { enableDnsHostnames: modifyVpc("EnableDnsHostnames"), enableDnsSupport: modifyVpc("EnableDnsSupport") },
  },
  [T.vpcBlock]: { call: ["ec2", "AssociateVpcCidrBlock"] },
  [T.subnet]: {
    call: ["ec2", "CreateSubnet"],
    members: {
      enableResourceNameDnsARecordOnLaunch: modifySubnet("EnableResourceNameDnsARecordOnLaunch"),
      mapPublicIpOnLaunch: modifySubnet("MapPublicIpOnLaunch"),
      privateDnsHostnameTypeOnLaunch: modifySubnet("PrivateDnsHostnameTypeOnLaunch"),
    },
  },
  [T.internetGateway]: { call: ["ec2", "AttachInternetGateway"] },
  [T.eip]: {
    call: ["ec2", "AllocateAddress"],
    members: {
      instance: ["ec2", "AssociateAddress", "InstanceId"],
      networkInterface: ["ec2", "AssociateAddress", "NetworkInterfaceId"],
    },
  },
  [T.natGateway]: { call: ["ec2", "CreateNatGateway"], members: { privateIp: "PrivateIpAddress" } },
  [T.routeTable]: { call: ["ec2", "CreateRouteTable"], members: { routes: undefined } },
  [T.route]: { call: ["ec2", "CreateRoute"] },
  [T.association]: { call: ["ec2", "AssociateRouteTable"] },
  [T.endpoint]: { call: ["ec2", "CreateVpcEndpoint"], members: { policy: "PolicyDocument" } },
  [T.group]: {
    call: ["ec2", "CreateSecurityGroup"],
    members: { name: "GroupName", namePrefix: undefined, revokeRulesOnDelete: undefined },
  },
  [T.defaultGroup]: {
    call: ["ec2", "RevokeSecurityGroupIngress"],
    members: { revokeRulesOnDelete: undefined, vpcId: undefined },
  },
  [T.ingress]: { call: ["ec2", "AuthorizeSecurityGroupIngress"], members: permission },
  [T.egress]: { call: ["ec2", "AuthorizeSecurityGroupEgress"], members: permission },
  [T.networkInterface]: {
    call: ["ec2", "CreateNetworkInterface"],
    members: {
      privateIps: "PrivateIpAddresses.PrivateIpAddress",
      securityGroups: "Groups",
      sourceDestCheck: ["ec2", "ModifyNetworkInterfaceAttribute", "SourceDestCheck"],
    },
  },
  [T.instance]: {
    call: ["ec2", "RunInstances"],
    members: {
      ami: "ImageId",
      availabilityZone: "Placement.AvailabilityZone",
      forceDestroy: undefined,
      placementGroup: "Placement.GroupName",
      primaryNetworkInterface: "NetworkInterfaces",
      privateIp: "PrivateIpAddress",
      rootBlockDevice: "BlockDeviceMappings.Ebs",
      sourceDestCheck: ["ec2", "ModifyInstanceAttribute", "SourceDestCheck"],
      tenancy: "Placement.Tenancy",
      userDataBase64: "UserData",
      userDataReplaceOnChange: undefined,
      volumeTags: undefined,
      vpcSecurityGroupIds: "SecurityGroupIds",
    },
  },
  [T.placementGroup]: { call: ["ec2", "CreatePlacementGroup"], members: { name: "GroupName" } },
  [T.launchTemplate]: {
    call: ["ec2", "CreateLaunchTemplate"],
    members: {
      defaultVersion: ["ec2", "ModifyLaunchTemplate", "DefaultVersion"],
      description: "VersionDescription",
      name: "LaunchTemplateName",
      namePrefix: undefined,
      updateDefaultVersion: undefined,
      vpcSecurityGroupIds: data("SecurityGroupIds"),
      ...Object.fromEntries(
        [
          ...["BlockDeviceMappings", "DisableApiTermination", "EbsOptimized", "IamInstanceProfile", "ImageId"],
          ...["InstanceInitiatedShutdownBehavior", "InstanceType", "MaintenanceOptions", "MetadataOptions"],
          ...["Monitoring", "NetworkInterfaces", "Placement", "PrivateDnsNameOptions", "TagSpecifications", "UserData"],
        ].map((name) => [name.charAt(0).toLowerCase() + name.slice(1), data(name)]),
      ),
    },
  },
  [T.autoScaling]: {
    call: ["autoscaling", "CreateAutoScalingGroup"],
    members: {
      enabledMetrics: ["autoscaling", "EnableMetricsCollection", "Metrics"],
      forceDelete: ["autoscaling", "DeleteAutoScalingGroup", "ForceDelete"],
      instanceRefresh: ["autoscaling", "StartInstanceRefresh", "Preferences"],
      launchTemplate: "LaunchTemplate",
      metricsGranularity: ["autoscaling", "EnableMetricsCollection", "Granularity"],
      name: "AutoScalingGroupName",
      namePrefix: undefined,
      protectFromScaleIn: "NewInstancesProtectedFromScaleIn",
      serviceLinkedRoleArn: "ServiceLinkedRoleARN",
      suspendedProcesses: ["autoscaling", "SuspendProcesses", "ScalingProcesses"],
      targetGroupArns: "TargetGroupARNs",
      vpcZoneIdentifiers: undefined,
      waitForCapacityTimeout: undefined,
      waitForElbCapacity: undefined,
    },
  },
  [T.volume]: { call: ["ec2", "CreateVolume"], members: { finalSnapshot: undefined, type: "VolumeType" } },
  [T.attachment]: {
    call: ["ec2", "AttachVolume"],
    members: {
      deviceName: "Device",
      forceDetach: ["ec2", "DetachVolume", "Force"],
      skipDestroy: undefined,
      stopInstanceBeforeDetaching: undefined,
    },
  },
  [T.loadBalancer]: {
    call: ["elbv2", "CreateLoadBalancer"],
    members: {
      accessLogs: balancerAttribute,
      dnsRecordClientRoutingPolicy: balancerAttribute,
      enableCrossZoneLoadBalancing: balancerAttribute,
      enableDeletionProtection: balancerAttribute,
      enableZonalShift: balancerAttribute,
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: enforcement,
      internal: undefined,
      loadBalancerType: "Type",
      namePrefix: undefined,
    },
  },
  [T.targetGroup]: {
    call: ["elbv2", "CreateTargetGroup"],
    members: {
      connectionTermination: groupAttribute,
      deregistrationDelay: groupAttribute,
      healthCheck: undefined,
      "healthCheck.enabled": "HealthCheckEnabled",
      "healthCheck.healthyThreshold": "HealthyThresholdCount",
      "healthCheck.interval": "HealthCheckIntervalSeconds",
      "healthCheck.matcher": "Matcher.HttpCode",
      "healthCheck.path": "HealthCheckPath",
      "healthCheck.port": "HealthCheckPort",
      "healthCheck.protocol": "HealthCheckProtocol",
      "healthCheck.timeout": "HealthCheckTimeoutSeconds",
      "healthCheck.unhealthyThreshold": "UnhealthyThresholdCount",
      loadBalancingCrossZoneEnabled: groupAttribute,
      namePrefix: undefined,
      preserveClientIp: groupAttribute,
      proxyProtocolV2: groupAttribute,
      stickiness: groupAttribute,
      targetGroupHealth: groupAttribute,
      targetHealthStates: groupAttribute,
    },
  },
  [T.target]: {
    call: ["elbv2", "RegisterTargets"],
    members: { availabilityZone: "Targets.AvailabilityZone", port: "Targets.Port", targetId: "Targets.Id" },
  },
  [T.listener]: {
    call: ["elbv2", "CreateListener"],
    members: {
      alpnPolicy: undefined,
      certificateArn: "Certificates.CertificateArn",
      tcpIdleTimeoutSeconds: attribute("ModifyListenerAttributes"),
    },
  },
  [T.zone]: {
    call: ["route53", "CreateHostedZone"],
    members: {
      comment: "HostedZoneConfig.Comment",
      forceDestroy: undefined,
      vpcs: undefined,
      "vpcs.vpcId": "VPC.VPCId",
      "vpcs.vpcRegion": "VPC.VPCRegion",
    },
  },
  [T.record]: {
    call: ["route53", "ChangeResourceRecordSets"],
    members: {
      aliases: undefined,
      allowOverwrite: undefined,
      name: "ChangeBatch.Changes.ResourceRecordSet.Name",
      records: "ChangeBatch.Changes.ResourceRecordSet.ResourceRecords.Value",
      setIdentifier: "ChangeBatch.Changes.ResourceRecordSet.SetIdentifier",
      ttl: "ChangeBatch.Changes.ResourceRecordSet.TTL",
      type: "ChangeBatch.Changes.ResourceRecordSet.Type",
      weightedRoutingPolicies: undefined,
      "weightedRoutingPolicies.weight": "ChangeBatch.Changes.ResourceRecordSet.Weight",
      zoneId: "HostedZoneId",
    },
  },
  [T.role]: {
    call: ["iam", "CreateRole"],
    members: {
      assumeRolePolicy: "AssumeRolePolicyDocument",
      forceDetachPolicies: undefined,
      managedPolicyArns: ["iam", "AttachRolePolicy", "PolicyArn"],
      name: "RoleName",
      namePrefix: undefined,
    },
  },
  [T.rolePolicy]: {
    call: ["iam", "PutRolePolicy"],
    members: { name: "PolicyName", namePrefix: undefined, policy: "PolicyDocument", role: "RoleName" },
  },
  [T.profile]: {
    call: ["iam", "CreateInstanceProfile"],
    members: {
      name: "InstanceProfileName",
      namePrefix: undefined,
      role: ["iam", "AddRoleToInstanceProfile", "RoleName"],
    },
  },
  [T.key]: {
    call: ["kms", "CreateKey"],
    members: {
      bypassPolicyLockoutSafetyCheck: "BypassPolicyLockoutSafetyCheck",
      customerMasterKeySpec: "KeySpec",
      deletionWindowInDays: ["kms", "ScheduleKeyDeletion", "PendingWindowInDays"],
      enableKeyRotation: undefined,
      isEnabled: undefined,
      rotationPeriodInDays: ["kms", "EnableKeyRotation", "RotationPeriodInDays"],
    },
  },
  [T.alias]: { call: ["kms", "CreateAlias"], members: { name: "AliasName", namePrefix: undefined } },
  [T.bucket]: {
    ...bucketOnly,
    members: { bucketPrefix: undefined, forceDestroy: undefined, objectLockEnabled: "ObjectLockEnabledForBucket" },
  },
  [T.versioning]: {
    call: ["s3", "PutBucketVersioning"],
    members: { mfa: "MFA", versioningConfiguration: "VersioningConfiguration" },
  },
  [T.encryption]: {
    call: ["s3", "PutBucketEncryption"],
    members: {
      rules: "ServerSideEncryptionConfiguration.Rules",
      "rules.applyServerSideEncryptionByDefault.sseAlgorithm":
        "ServerSideEncryptionConfiguration.Rules.ApplyServerSideEncryptionByDefault.SSEAlgorithm",
    },
  },
  [T.accessBlock]: {
    call: ["s3", "PutPublicAccessBlock"],
    members: {
      blockPublicAcls: "PublicAccessBlockConfiguration.BlockPublicAcls",
      blockPublicPolicy: "PublicAccessBlockConfiguration.BlockPublicPolicy",
      ignorePublicAcls: "PublicAccessBlockConfiguration.IgnorePublicAcls",
      restrictPublicBuckets: "PublicAccessBlockConfiguration.RestrictPublicBuckets",
      skipDestroy: undefined,
    },
  },
  [T.bucketPolicy]: { call: ["s3", "PutBucketPolicy"] },
  [T.lifecycle]: {
    call: ["s3", "PutBucketLifecycleConfiguration"],
    members: { rules: "LifecycleConfiguration.Rules" },
  },
  [T.ownership]: {
    call: ["s3", "PutBucketOwnershipControls"],
    members: { rule: "OwnershipControls.Rules" },
  },
  [T.objectLock]: {
    call: ["s3", "PutObjectLockConfiguration"],
    members: {
      objectLockEnabled: "ObjectLockConfiguration.ObjectLockEnabled",
      rule: "ObjectLockConfiguration.Rule",
      "rule.defaultRetention": "ObjectLockConfiguration.Rule.DefaultRetention",
    },
  },
  [T.object]: {
    call: ["s3", "PutObject"],
    members: {
      acl: "ACL",
      content: undefined,
      contentBase64: undefined,
      forceDestroy: undefined,
      kmsKeyId: "SSEKMSKeyId",
      source: undefined,
      sourceHash: undefined,
    },
  },
};

/** Of every type: the region is a setting of the client, tags have rules of their own (check.ts). */
export const GENERAL = ["region", "tags"];
