/**
 * A plan for AWS as a CloudFormation template, for linters that read nothing else: nobody deploys it. An argument is called the same there
 * but for its first letter, unless the table says otherwise; what the table does not know, cfn-lint does not know either (E3002).
 */
import {
  type AwsResource,
  type AwsType,
  dependenciesOf,
  isGiven,
  isJoined,
  isJsonText,
  isReference,
  keyOf,
  type PlannedArgs,
  type Reference,
  type ResourceKey,
  references,
} from "../../../components/platform/aws/resource";

export interface Template {
  readonly AWSTemplateFormatVersion: "2010-09-09";
  /** What only a run knows. */
  readonly Parameters: Readonly<Record<string, { readonly Type: "String" }>>;
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}
export interface TemplateResource {
  readonly Type: string;
  readonly Properties: Properties;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: "Retain";
  readonly UpdateReplacePolicy?: "Retain";
}
type Properties = Readonly<Record<string, unknown>>;

/** Why something has no counterpart, or needs none. */
interface Without {
  readonly without: string;
}
/** What an argument is called, or the properties that it becomes. Properties of the same name are lists, and joined. */
type Argument<V> = string | ((value: NonNullable<V>) => Properties) | Without;
type Arguments<T extends AwsType> = { readonly [A in keyof PlannedArgs<T>]?: Argument<PlannedArgs<T>[A]> };

type Row<T extends AwsType> =
  | Without
  | {
      readonly type: string;
      /** By output: "Ref", an attribute, or (in parentheses) the argument whose value it has. */
      readonly outputs?: Readonly<Record<string, string>>;
      readonly args?: Arguments<T>;
      /** What else it is there. */
      readonly also?: {
        readonly type: string;
        readonly args: readonly (keyof PlannedArgs<T>)[];
        readonly self: string;
      };
    }
  /** Properties of the resource that the argument refers to. */
  | { readonly into: keyof PlannedArgs<T>; readonly args: Arguments<T> };

const named: Without = { without: "CloudFormation chooses the name" };
const untagged: Without = { without: "takes no tags there" };
const providers: Without = { without: "tells the provider how, not AWS what" };
const attributes =
  (list: string, key: string) =>
  (value: unknown): Properties => ({ [list]: [{ Key: key, Value: String(value) }] });

const rule = {
  securityGroupId: "GroupId",
  cidrIpv4: "CidrIp",
  tags: untagged,
} as const;

const table: { readonly [T in AwsType]: Row<T> } = {
  "autoscaling/group:Group": {
    type: "AWS::AutoScaling::AutoScalingGroup",
    args: {
      vpcZoneIdentifiers: "VPCZoneIdentifier",
      launchTemplate: ({ id, version }) => ({ LaunchTemplate: { LaunchTemplateId: id, Version: version } }),
      instanceRefresh: { without: "an action, which CloudFormation has an update policy for" },
      waitForCapacityTimeout: providers,
    },
  },
  "ebs/volume:Volume": { type: "AWS::EC2::Volume", outputs: { id: "Ref" }, args: { type: "VolumeType" } },
  "ec2/defaultSecurityGroup:DefaultSecurityGroup": { without: "CloudFormation adopts nothing that AWS made" },
  "ec2/eip:Eip": { type: "AWS::EC2::EIP", outputs: { id: "AllocationId" } },
  "ec2/instance:Instance": {
    type: "AWS::EC2::Instance",
    outputs: { id: "Ref" },
    args: {
      ami: "ImageId",
      userData: (text) => ({ UserData: { "Fn::Base64": text } }),
      userDataReplaceOnChange: providers,
      primaryNetworkInterface: ({ networkInterfaceId }) => ({
        NetworkInterfaces: [{ DeviceIndex: "0", NetworkInterfaceId: networkInterfaceId }],
      }),
      placementGroup: "PlacementGroupName",
      rootBlockDevice: ({ tags, ...ebs }) => ({
        BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: capitalised(ebs) }],
      }),
      forceDestroy: providers,
    },
  },
  "ec2/internetGateway:InternetGateway": {
    type: "AWS::EC2::InternetGateway",
    outputs: { id: "Ref" },
    args: { vpcId: { without: "of the attachment" } },
    also: { type: "AWS::EC2::VPCGatewayAttachment", args: ["vpcId"], self: "InternetGatewayId" },
  },
  "ec2/launchTemplate:LaunchTemplate": {
    type: "AWS::EC2::LaunchTemplate",
    outputs: { id: "Ref", latestVersion: "LatestVersionNumber" },
    args: {
      ...inside("LaunchTemplateData", "imageId", "instanceType", "userData", "iamInstanceProfile", "metadataOptions"),
      vpcSecurityGroupIds: (ids) => ({ LaunchTemplateData: { SecurityGroupIds: ids } }),
      ebsOptimized: (text) => ({ LaunchTemplateData: { EbsOptimized: text === "true" } }),
      blockDeviceMappings: (disks) => ({
        LaunchTemplateData: {
          BlockDeviceMappings: disks.map(({ ebs, ...disk }) => ({
            ...capitalised(disk),
            Ebs: capitalised({
              ...ebs,
              encrypted: ebs?.encrypted === "true",
              deleteOnTermination: ebs?.deleteOnTermination === "true",
            }),
          })),
        },
      }),
      updateDefaultVersion: providers,
      tagSpecifications: (made) => ({
        LaunchTemplateData: {
          TagSpecifications: made.map(({ resourceType, tags }) => ({ ResourceType: resourceType, ...tagList(tags) })),
        },
      }),
      tags: (tags) => ({ TagSpecifications: [{ ResourceType: "launch-template", ...tagList(tags) }] }),
    },
  },
  "ec2/natGateway:NatGateway": { type: "AWS::EC2::NatGateway", outputs: { id: "Ref" } },
  "ec2/networkInterface:NetworkInterface": {
    type: "AWS::EC2::NetworkInterface",
    outputs: { id: "Ref" },
    args: {
      privateIps: ([first, ...more]) => ({
        PrivateIpAddress: first,
        ...(more.length > 0 && {
          SecondaryPrivateIpAddresses: more.map((one) => ({ PrivateIpAddress: one, Primary: false })),
        }),
      }),
      securityGroups: "GroupSet",
    },
  },
  "ec2/placementGroup:PlacementGroup": {
    type: "AWS::EC2::PlacementGroup",
    outputs: { name: "Ref" },
    args: { name: named },
  },
  "ec2/route:Route": { type: "AWS::EC2::Route" },
  "ec2/routeTable:RouteTable": { type: "AWS::EC2::RouteTable", outputs: { id: "Ref" } },
  "ec2/routeTableAssociation:RouteTableAssociation": { type: "AWS::EC2::SubnetRouteTableAssociation" },
  "ec2/securityGroup:SecurityGroup": {
    type: "AWS::EC2::SecurityGroup",
    outputs: { id: "GroupId" },
    args: { description: "GroupDescription", namePrefix: named },
  },
  "ec2/subnet:Subnet": { type: "AWS::EC2::Subnet", outputs: { id: "Ref" } },
  "ec2/volumeAttachment:VolumeAttachment": {
    type: "AWS::EC2::VolumeAttachment",
    args: { deviceName: "Device", stopInstanceBeforeDetaching: providers },
  },
  "ec2/vpc:Vpc": { type: "AWS::EC2::VPC", outputs: { id: "Ref" } },
  "ec2/vpcEndpoint:VpcEndpoint": { type: "AWS::EC2::VPCEndpoint" },
  "ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": {
    type: "AWS::EC2::VPCCidrBlock",
    outputs: { vpcId: "(vpcId)" },
  },
  "iam/instanceProfile:InstanceProfile": {
    type: "AWS::IAM::InstanceProfile",
    outputs: { name: "Ref", arn: "Arn" },
    args: { role: (name) => ({ Roles: [name] }), namePrefix: named, tags: untagged },
  },
  "iam/role:Role": {
    type: "AWS::IAM::Role",
    outputs: { name: "Ref" },
    args: { assumeRolePolicy: "AssumeRolePolicyDocument", namePrefix: named },
  },
  "iam/rolePolicy:RolePolicy": {
    type: "AWS::IAM::Policy",
    args: { name: "PolicyName", policy: "PolicyDocument", role: (name) => ({ Roles: [name] }) },
  },
  "kms/key:Key": {
    type: "AWS::KMS::Key",
    outputs: { id: "Ref", arn: "Arn" },
    args: { deletionWindowInDays: "PendingWindowInDays", policy: "KeyPolicy" },
  },
  "lb/listener:Listener": {
    type: "AWS::ElasticLoadBalancingV2::Listener",
    args: { tcpIdleTimeoutSeconds: attributes("ListenerAttributes", "tcp.idle_timeout.seconds"), tags: untagged },
  },
  "lb/loadBalancer:LoadBalancer": {
    type: "AWS::ElasticLoadBalancingV2::LoadBalancer",
    outputs: { arn: "Ref", dnsName: "DNSName", zoneId: "CanonicalHostedZoneID" },
    args: {
      loadBalancerType: "Type",
      internal: (internal) => ({ Scheme: internal ? "internal" : "internet-facing" }),
      enableCrossZoneLoadBalancing: attributes("LoadBalancerAttributes", "load_balancing.cross_zone.enabled"),
    },
  },
  "lb/targetGroup:TargetGroup": {
    type: "AWS::ElasticLoadBalancingV2::TargetGroup",
    outputs: { arn: "Ref" },
    args: {
      preserveClientIp: attributes("TargetGroupAttributes", "preserve_client_ip.enabled"),
      healthCheck: ({ protocol, port, path, matcher, interval, timeout, healthyThreshold, unhealthyThreshold }) => ({
        HealthCheckProtocol: protocol,
        HealthCheckPort: port,
        HealthCheckPath: path,
        Matcher: { HttpCode: matcher },
        HealthCheckIntervalSeconds: interval,
        HealthCheckTimeoutSeconds: timeout,
        HealthyThresholdCount: healthyThreshold,
        UnhealthyThresholdCount: unhealthyThreshold,
      }),
      connectionTermination: attributes("TargetGroupAttributes", "deregistration_delay.connection_termination.enabled"),
      targetHealthStates: ([state]) => ({
        TargetGroupAttributes: [
          {
            Key: "target_health_state.unhealthy.connection_termination.enabled",
            Value: String(state?.enableUnhealthyConnectionTermination),
          },
          {
            Key: "target_health_state.unhealthy.draining_interval_seconds",
            Value: String(state?.unhealthyDrainingInterval),
          },
        ],
      }),
      deregistrationDelay: attributes("TargetGroupAttributes", "deregistration_delay.timeout_seconds"),
    },
  },
  "lb/targetGroupAttachment:TargetGroupAttachment": {
    into: "targetGroupArn",
    args: { targetId: (id) => ({ Targets: [{ Id: id }] }), port: { without: "that of the group" } },
  },
  "route53/record:Record": {
    type: "AWS::Route53::RecordSet",
    args: {
      zoneId: "HostedZoneId",
      aliases: ([alias]) => ({
        AliasTarget: {
          DNSName: alias?.name,
          HostedZoneId: alias?.zoneId,
          EvaluateTargetHealth: alias?.evaluateTargetHealth,
        },
      }),
    },
  },
  "route53/zone:Zone": {
    type: "AWS::Route53::HostedZone",
    outputs: { zoneId: "Ref" },
    args: {
      comment: (comment) => ({ HostedZoneConfig: { Comment: comment } }),
      vpcs: (vpcs) => ({ VPCs: vpcs.map(({ vpcId }) => ({ VPCId: vpcId, VPCRegion: { Ref: "AWS::Region" } })) }),
      tags: (tags) => ({ HostedZoneTags: tagList(tags).Tags }),
    },
  },
  "s3/bucket:Bucket": {
    type: "AWS::S3::Bucket",
    outputs: { id: "Ref", bucket: "Ref", arn: "Arn" },
    args: { bucket: "BucketName", forceDestroy: providers },
  },
  "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    into: "bucket",
    args: {
      rules: (rules) => ({
        LifecycleConfiguration: {
          Rules: rules.map(({ expiration, filter, ...one }) => ({
            ...capitalised(one),
            Prefix: filter?.prefix,
            ...(expiration && { ExpiredObjectDeleteMarker: expiration.expiredObjectDeleteMarker }),
          })),
        },
      }),
    },
  },
  "s3/bucketObjectv2:BucketObjectv2": { without: "CloudFormation stores no objects" },
  "s3/bucketOwnershipControls:BucketOwnershipControls": {
    into: "bucket",
    args: { rule: (one) => ({ OwnershipControls: { Rules: [capitalised(one)] } }) },
  },
  "s3/bucketPolicy:BucketPolicy": { type: "AWS::S3::BucketPolicy", args: { policy: "PolicyDocument" } },
  "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    into: "bucket",
    args: inside(
      "PublicAccessBlockConfiguration",
      "blockPublicAcls",
      "blockPublicPolicy",
      "ignorePublicAcls",
      "restrictPublicBuckets",
    ),
  },
  "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    into: "bucket",
    args: {
      rules: (rules) => ({
        BucketEncryption: {
          ServerSideEncryptionConfiguration: rules.map(
            ({ applyServerSideEncryptionByDefault: byDefault, bucketKeyEnabled }) => ({
              BucketKeyEnabled: bucketKeyEnabled,
              ServerSideEncryptionByDefault: {
                SSEAlgorithm: byDefault?.sseAlgorithm,
                KMSMasterKeyID: byDefault?.kmsMasterKeyId,
              },
            }),
          ),
        },
      }),
    },
  },
  "s3/bucketVersioning:BucketVersioning": { into: "bucket", args: {} },
  "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": {
    into: "bucket",
    args: inside("ObjectLockConfiguration", "rule"),
  },
  "vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
    type: "AWS::EC2::SecurityGroupEgress",
    args: { ...rule, referencedSecurityGroupId: "DestinationSecurityGroupId" },
  },
  "vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
    type: "AWS::EC2::SecurityGroupIngress",
    args: { ...rule, referencedSecurityGroupId: "SourceSecurityGroupId" },
  },
};

/** Arguments that are properties of one property there. */
function inside<A extends string>(property: string, ...names: readonly A[]): Record<A, (value: unknown) => Properties> {
  const entries = names.map((name) => [name, (value: unknown) => ({ [property]: capitalised({ [name]: value }) })]);
  return Object.fromEntries(entries) as Record<A, (value: unknown) => Properties>;
}

const tagList = (tags: unknown) => ({
  Tags: Object.entries(tags ?? {}).map(([Key, Value]) => ({ Key, Value })),
});

const capital = (name: string) => name.slice(0, 1).toUpperCase() + name.slice(1);

/** With all names of properties, however deep, as CloudFormation writes them. */
function capitalised(value: unknown): Properties;
function capitalised(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => capitalised(one));
  if (isReference(value) || isJoined(value) || isJsonText(value) || isGiven(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [capital(name), capitalised(one)]));
}

/** As properties, with the plan's references still in them. */
function propertiesOf(args: object, special: Readonly<Record<string, Argument<unknown> | undefined>>): Properties {
  const all = Object.entries(args).map(([name, value]): Properties => {
    const how = special[name];
    if (typeof how === "function") return how(value as object);
    if (typeof how === "object") return {};
    if (how === undefined && name === "tags" && !Array.isArray(value)) return tagList(value);
    return { [how ?? capital(name)]: capitalised(value) };
  });
  return all.reduce(joined, {});
}

/** Both; lists one behind the other. */
function joined(one: Properties, other: Properties): Properties {
  const both = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const had = both[name];
    if (had === undefined) both[name] = value;
    else if (Array.isArray(had) && Array.isArray(value)) both[name] = [...had, ...value];
    else both[name] = joined(had as Properties, value as Properties);
  }
  return both;
}

/** "SubnetProdAHostsA" of "ec2/subnet:Subnet::prod-a-hosts-a": letters and digits alone. */
export function logicalId(key: ResourceKey): string {
  const [type, name] = key.split("::") as [string, string];
  return [type.split(":")[1] ?? "", ...name.split(/[^A-Za-z0-9]/).map(capital)].join("");
}

export function cloudFormation(resources: readonly AwsResource[]): Template {
  const byKey = new Map(resources.map((one) => [keyOf(one), one]));
  const given = new Set<string>();

  const rowOf = (type: AwsType) => table[type] as Row<AwsType>;
  const argsOf = (row: Row<AwsType>) =>
    ("args" in row ? row.args : {}) as Readonly<Record<string, Argument<unknown> | undefined>>;
  /** What a reference refers to there, and by which output. */
  function target({ $ref, output }: Reference): { readonly id: string; readonly output: string } {
    const found = byKey.get($ref);
    if (!found) throw new Error(`${$ref} is not planned`);
    const row = rowOf(found.type);
    const as = "type" in row ? row.outputs?.[output] : undefined;
    if (as === undefined) throw new Error(`${found.type}: what is its output ${output} in CloudFormation?`);
    const argument = /^\((.*)\)$/.exec(as)?.[1];
    return argument === undefined
      ? { id: logicalId($ref), output: as }
      : target((found.args as unknown as Record<string, Reference>)[argument] as Reference);
  }
  function substituted(part: string | Reference): string {
    if (typeof part === "string") return part;
    const { id, output } = target(part);
    return output === "Ref" ? `\${${id}}` : `\${${id}.${output}}`;
  }
  function resolved(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(resolved);
    if (isReference(value)) {
      const { id, output } = target(value);
      return output === "Ref" ? { Ref: id } : { "Fn::GetAtt": [id, output] };
    }
    if (isJoined(value)) return { "Fn::Sub": value.$join.map(substituted).join("") };
    if (isJsonText(value)) return resolved(value.$json);
    if (isGiven(value)) {
      const name = capital(value.$given.replace(/[^A-Za-z0-9]/g, ""));
      given.add(name);
      return { Ref: name };
    }
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one)]));
  }

  const made: Record<string, TemplateResource> = {};
  const add = (id: string, one: TemplateResource) => {
    if (made[id]) throw new Error(`two resources are called ${id}`);
    made[id] = one;
  };
  const parts = resources.flatMap((one) => {
    const row = rowOf(one.type);
    if (!("into" in row)) return [];
    const { [row.into]: whole, ...args } = one.args as unknown as Record<string, unknown>;
    return [{ of: (whole as Reference).$ref, properties: propertiesOf(args, argsOf(row)) }];
  });
  for (const one of resources) {
    const row = rowOf(one.type);
    if (!("type" in row)) continue;
    const [key, id] = [keyOf(one), logicalId(keyOf(one))];
    const own = propertiesOf(one.args, argsOf(row));
    const whole = parts.filter(({ of }) => of === key).reduce((all, { properties }) => joined(all, properties), own);
    const used = references(whole).map((reference) => target(reference).id);
    // References make an order by themselves, but for those that lead through another resource.
    const waits = dependenciesOf(one)
      .filter((dependency) => "type" in rowOf(dependency.split("::")[0] as AwsType))
      .map(logicalId)
      .filter((other) => !used.includes(other));
    add(id, {
      Type: row.type,
      ...(waits.length > 0 && { DependsOn: waits }),
      ...(one.options.retainOnDelete && { DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain" }),
      Properties: resolved(whole) as Properties,
    });
    if (row.also) {
      const args = Object.fromEntries(
        Object.entries(one.args).filter(([name]) => row.also?.args.includes(name as never)),
      );
      const Properties = { ...(resolved(propertiesOf(args, {})) as Properties), [row.also.self]: { Ref: id } };
      add(`${id}Attachment`, { Type: row.also.type, Properties });
    }
  }
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Parameters: Object.fromEntries([...given].sort().map((name) => [name, { Type: "String" as const }])),
    Resources: made,
  };
}
