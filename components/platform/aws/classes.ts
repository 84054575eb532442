/**
 * The resource types of AWS that a cluster is made of, each with its class by a deep import: the whole package takes thirty times as long
 * to load. At run time place.ts alone imports this file; plans only take its types.
 */
import { Group } from "@pulumi/aws/autoscaling/group";
import { Volume } from "@pulumi/aws/ebs/volume";
import { DefaultSecurityGroup } from "@pulumi/aws/ec2/defaultSecurityGroup";
import { Eip } from "@pulumi/aws/ec2/eip";
import { Instance } from "@pulumi/aws/ec2/instance";
import { InternetGateway } from "@pulumi/aws/ec2/internetGateway";
import { LaunchTemplate } from "@pulumi/aws/ec2/launchTemplate";
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
import { VpcEndpoint } from "@pulumi/aws/ec2/vpcEndpoint";
import { VpcIpv4CidrBlockAssociation } from "@pulumi/aws/ec2/vpcIpv4CidrBlockAssociation";
import { InstanceProfile } from "@pulumi/aws/iam/instanceProfile";
import { Role } from "@pulumi/aws/iam/role";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy";
import { Key } from "@pulumi/aws/kms/key";
import { Listener } from "@pulumi/aws/lb/listener";
import { LoadBalancer } from "@pulumi/aws/lb/loadBalancer";
import { TargetGroup } from "@pulumi/aws/lb/targetGroup";
import { TargetGroupAttachment } from "@pulumi/aws/lb/targetGroupAttachment";
import { Record as DnsRecord } from "@pulumi/aws/route53/record";
import { Zone } from "@pulumi/aws/route53/zone";
import { Bucket } from "@pulumi/aws/s3/bucket";
import { BucketLifecycleConfiguration } from "@pulumi/aws/s3/bucketLifecycleConfiguration";
import { BucketObjectLockConfiguration } from "@pulumi/aws/s3/bucketObjectLockConfiguration";
import { BucketObjectv2 } from "@pulumi/aws/s3/bucketObjectv2";
import { BucketOwnershipControls } from "@pulumi/aws/s3/bucketOwnershipControls";
import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning";
import { SecurityGroupEgressRule } from "@pulumi/aws/vpc/securityGroupEgressRule";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule";

/** By type token without its "aws:". */
export const classes = {
  "autoscaling/group:Group": Group,
  "ebs/volume:Volume": Volume,
  "ec2/defaultSecurityGroup:DefaultSecurityGroup": DefaultSecurityGroup,
  "ec2/eip:Eip": Eip,
  "ec2/instance:Instance": Instance,
  "ec2/internetGateway:InternetGateway": InternetGateway,
  "ec2/launchTemplate:LaunchTemplate": LaunchTemplate,
  "ec2/natGateway:NatGateway": NatGateway,
  "ec2/networkInterface:NetworkInterface": NetworkInterface,
  "ec2/placementGroup:PlacementGroup": PlacementGroup,
  "ec2/route:Route": Route,
  "ec2/routeTable:RouteTable": RouteTable,
  "ec2/routeTableAssociation:RouteTableAssociation": RouteTableAssociation,
  "ec2/securityGroup:SecurityGroup": SecurityGroup,
  "ec2/subnet:Subnet": Subnet,
  "ec2/volumeAttachment:VolumeAttachment": VolumeAttachment,
  "ec2/vpc:Vpc": Vpc,
  "ec2/vpcEndpoint:VpcEndpoint": VpcEndpoint,
  "ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": VpcIpv4CidrBlockAssociation,
  "iam/instanceProfile:InstanceProfile": InstanceProfile,
  "iam/role:Role": Role,
  "iam/rolePolicy:RolePolicy": RolePolicy,
  "kms/key:Key": Key,
  "lb/listener:Listener": Listener,
  "lb/loadBalancer:LoadBalancer": LoadBalancer,
  "lb/targetGroup:TargetGroup": TargetGroup,
  "lb/targetGroupAttachment:TargetGroupAttachment": TargetGroupAttachment,
  "route53/record:Record": DnsRecord,
  "route53/zone:Zone": Zone,
  "s3/bucket:Bucket": Bucket,
  "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": BucketLifecycleConfiguration,
  "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": BucketObjectLockConfiguration,
  "s3/bucketObjectv2:BucketObjectv2": BucketObjectv2,
  "s3/bucketOwnershipControls:BucketOwnershipControls": BucketOwnershipControls,
  "s3/bucketPolicy:BucketPolicy": BucketPolicy,
  "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": BucketPublicAccessBlock,
  "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration":
    BucketServerSideEncryptionConfiguration,
  "s3/bucketVersioning:BucketVersioning": BucketVersioning,
  "vpc/securityGroupEgressRule:SecurityGroupEgressRule": SecurityGroupEgressRule,
  "vpc/securityGroupIngressRule:SecurityGroupIngressRule": SecurityGroupIngressRule,
} as const;
