/**
 * A small cluster of the real classes of @pulumi/aws, 28 resources: network, groups, two hosts with volumes, a load balancer, names,
 * roles, a key and a bucket. What is changed between runs is an argument.
 */
import { Volume } from "@pulumi/aws/ebs/volume";
import { Eip } from "@pulumi/aws/ec2/eip";
import { Instance } from "@pulumi/aws/ec2/instance";
import { InternetGateway } from "@pulumi/aws/ec2/internetGateway";
import { NatGateway } from "@pulumi/aws/ec2/natGateway";
import { NetworkInterface } from "@pulumi/aws/ec2/networkInterface";
import { PlacementGroup } from "@pulumi/aws/ec2/placementGroup";
import { Route } from "@pulumi/aws/ec2/route";
import { RouteTable } from "@pulumi/aws/ec2/routeTable";
import { RouteTableAssociation } from "@pulumi/aws/ec2/routeTableAssociation";
import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup";
import { Subnet } from "@pulumi/aws/ec2/subnet";
import { VolumeAttachment } from "@pulumi/aws/ec2/volumeAttachment";
import { Vpc } from "@pulumi/aws/ec2/vpc";
import { InstanceProfile } from "@pulumi/aws/iam/instanceProfile";
import { Role } from "@pulumi/aws/iam/role";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy";
import { Alias } from "@pulumi/aws/kms/alias";
import { Key } from "@pulumi/aws/kms/key";
import { Listener } from "@pulumi/aws/lb/listener";
import { LoadBalancer } from "@pulumi/aws/lb/loadBalancer";
import { TargetGroup } from "@pulumi/aws/lb/targetGroup";
import { TargetGroupAttachment } from "@pulumi/aws/lb/targetGroupAttachment";
import { Provider } from "@pulumi/aws/provider";
import { Record as DnsRecord } from "@pulumi/aws/route53/record";
import { Zone } from "@pulumi/aws/route53/zone";
import { Bucket } from "@pulumi/aws/s3/bucket";
import { BucketObjectv2 } from "@pulumi/aws/s3/bucketObjectv2";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule";
import * as pulumi from "@pulumi/pulumi";

export interface Change {
  readonly ami?: string;
  readonly instanceType?: string;
  readonly hosts?: readonly string[];
  /** A setting that needs no new machine. */
  readonly hopLimit?: number;
}

const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ec2.amazonaws.com" } }],
});

export function program({
  ami = "ami-0123456789abcdef0",
  instanceType = "m6i.large",
  hosts = ["a", "b"],
  hopLimit = 1,
}: Change = {}) {
  const provider = new Provider("simulated", { region: "eu-central-1", allowedAccountIds: ["111122223333"] });
  const opts = { provider };
  const tags = { Name: "test" };
  const vpc = new Vpc("net", { cidrBlock: "10.0.0.0/16", enableDnsHostnames: true, tags }, opts);
  const gateway = new InternetGateway("net", { vpcId: vpc.id, tags }, opts);
  const zones = ["a", "b"];
  const subnets = zones.map(
    (zone, i) =>
      new Subnet(
        zone,
        { vpcId: vpc.id, cidrBlock: `10.0.${i}.0/24`, availabilityZone: `eu-central-1${zone}`, tags },
        opts,
      ),
  );
  const [first] = subnets as [Subnet, Subnet];
  const eip = new Eip("nat", { domain: "vpc", tags }, opts);
  const nat = new NatGateway(
    "nat",
    { allocationId: eip.id, subnetId: first.id, tags },
    { ...opts, dependsOn: [gateway] },
  );
  const table = new RouteTable("private", { vpcId: vpc.id, tags }, opts);
  new Route("out", { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", natGatewayId: nat.id }, opts);
  for (const [i, subnet] of subnets.entries())
    new RouteTableAssociation(zones[i] as string, { routeTableId: table.id, subnetId: subnet.id }, opts);
  const group = new SecurityGroup("hosts", { vpcId: vpc.id, description: "hosts", namePrefix: "hosts-", tags }, opts);
  new SecurityGroupIngressRule(
    "peers",
    {
      securityGroupId: group.id,
      referencedSecurityGroupId: group.id,
      ipProtocol: "tcp",
      fromPort: 2379,
      toPort: 2380,
      tags,
    },
    opts,
  );
  const role = new Role("host", { assumeRolePolicy: trust, tags }, opts);
  new RolePolicy("host", { role: role.name, policy: trust.replace("sts:AssumeRole", "s3:GetObject") }, opts);
  const profile = new InstanceProfile("host", { role: role.name, tags }, opts);
  const key = new Key("volumes", { enableKeyRotation: true, deletionWindowInDays: 7, tags }, opts);
  new Alias("volumes", { name: "alias/volumes", targetKeyId: key.keyId }, opts);
  const spread = new PlacementGroup("hosts", { strategy: "spread", tags }, opts);
  const balancer = new LoadBalancer(
    "api",
    {
      loadBalancerType: "network",
      internal: true,
      subnets: subnets.map(({ id }) => id),
      securityGroups: [group.id],
      tags,
    },
    opts,
  );
  const targets = new TargetGroup(
    "api",
    {
      port: 6443,
      protocol: "TCP",
      targetType: "ip",
      vpcId: vpc.id,
      healthCheck: { protocol: "HTTP", port: "3990", path: "/" },
      tags,
    },
    opts,
  );
  new Listener(
    "api",
    {
      loadBalancerArn: balancer.arn,
      port: 6443,
      protocol: "TCP",
      defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
      tags,
    },
    opts,
  );
  const zone = new Zone("api", { name: "test.internal", vpcs: [{ vpcId: vpc.id }], tags }, opts);
  new DnsRecord(
    "api",
    {
      zoneId: zone.zoneId,
      name: "api",
      type: "A",
      aliases: [{ name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: false }],
    },
    opts,
  );
  const bucket = new Bucket("artifacts", { bucket: "artifacts-111122223333", tags }, opts);
  const versioned = new BucketVersioning(
    "artifacts",
    { bucket: bucket.id, versioningConfiguration: { status: "Enabled" } },
    opts,
  );
  new BucketObjectv2(
    "etcd",
    { bucket: bucket.id, key: "etcd", source: new pulumi.asset.StringAsset("binary"), tags },
    { ...opts, dependsOn: [versioned] },
  );
  for (const [i, name] of hosts.entries()) {
    const subnet = subnets[i % 2] as Subnet;
    const card = new NetworkInterface(
      name,
      { subnetId: subnet.id, privateIps: [`10.0.${i % 2}.${10 + i}`], securityGroups: [group.id], tags },
      opts,
    );
    const instance = new Instance(
      name,
      {
        ami,
        instanceType,
        primaryNetworkInterface: { networkInterfaceId: card.id },
        iamInstanceProfile: profile.name,
        placementGroup: spread.name,
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: hopLimit },
        rootBlockDevice: { encrypted: true, kmsKeyId: key.arn, volumeType: "gp3", volumeSize: 20 },
        userData: "#cloud-config\n",
        tags,
      },
      { ...opts, deleteBeforeReplace: true },
    );
    const volume = new Volume(
      name,
      { availabilityZone: subnet.availabilityZone, type: "gp3", size: 50, encrypted: true, kmsKeyId: key.arn, tags },
      opts,
    );
    new VolumeAttachment(
      name,
      { deviceName: "/dev/sdf", instanceId: instance.id, volumeId: volume.id },
      { ...opts, deleteBeforeReplace: true },
    );
    new TargetGroupAttachment(name, { targetGroupArn: targets.arn, targetId: card.privateIp, port: 6443 }, opts);
  }
  return { dnsName: balancer.dnsName };
}
