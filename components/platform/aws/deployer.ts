/**
 * What whoever deploys a cluster may do: a policy that is made from the types of resources there are, so that none is forgotten. It reaches
 * one region, the cluster's buckets, and roles of its path. docs/aws-deployer.json is that of `prod-a`.
 */
import type { AwsParts } from "./parts";
import type { AwsType, JsonValue } from "./resource";
import { rolePath } from "./roles";

/** Writing actions by type: what its provider calls to make, change, tag and delete one. Reading is allowed as a whole. */
const actions: Readonly<Record<AwsType, readonly string[]>> = {
  "autoscaling/group:Group": [
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:CreateOrUpdateTags",
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:DeleteTags",
    "autoscaling:StartInstanceRefresh",
    "autoscaling:CancelInstanceRefresh",
    "autoscaling:UpdateAutoScalingGroup",
  ],
  "ebs/volume:Volume": ["ec2:CreateVolume", "ec2:DeleteVolume", "ec2:ModifyVolume"],
  "ec2/defaultSecurityGroup:DefaultSecurityGroup": ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"],
  "ec2/eip:Eip": ["ec2:AllocateAddress", "ec2:DisassociateAddress", "ec2:ReleaseAddress"],
  "ec2/instance:Instance": [
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyInstanceMetadataOptions",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
  ],
  "ec2/internetGateway:InternetGateway": [
    "ec2:AttachInternetGateway",
    "ec2:CreateInternetGateway",
    "ec2:DeleteInternetGateway",
    "ec2:DetachInternetGateway",
  ],
  "ec2/launchTemplate:LaunchTemplate": [
    "ec2:CreateLaunchTemplate",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:DeleteLaunchTemplate",
    "ec2:ModifyLaunchTemplate",
  ],
  "ec2/natGateway:NatGateway": ["ec2:CreateNatGateway", "ec2:DeleteNatGateway"],
  "ec2/networkInterface:NetworkInterface": [
    "ec2:AttachNetworkInterface",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DetachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
  ],
  "ec2/placementGroup:PlacementGroup": ["ec2:CreatePlacementGroup", "ec2:DeletePlacementGroup"],
  "ec2/route:Route": ["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"],
  "ec2/routeTable:RouteTable": ["ec2:CreateRouteTable", "ec2:DeleteRouteTable"],
  "ec2/routeTableAssociation:RouteTableAssociation": [
    "ec2:AssociateRouteTable",
    "ec2:DisassociateRouteTable",
    "ec2:ReplaceRouteTableAssociation",
  ],
  "ec2/securityGroup:SecurityGroup": [
    "ec2:CreateSecurityGroup",
    "ec2:DeleteSecurityGroup",
    // A new group lets everything out until this.
    "ec2:RevokeSecurityGroupEgress",
  ],
  "ec2/subnet:Subnet": ["ec2:CreateSubnet", "ec2:DeleteSubnet", "ec2:ModifySubnetAttribute"],
  "ec2/volumeAttachment:VolumeAttachment": ["ec2:AttachVolume", "ec2:DetachVolume"],
  "ec2/vpc:Vpc": ["ec2:CreateVpc", "ec2:DeleteVpc", "ec2:ModifyVpcAttribute"],
  "ec2/vpcEndpoint:VpcEndpoint": ["ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"],
  "ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": [
    "ec2:AssociateVpcCidrBlock",
    "ec2:DisassociateVpcCidrBlock",
  ],
  "iam/instanceProfile:InstanceProfile": [
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
    "iam:DeleteInstanceProfile",
    "iam:RemoveRoleFromInstanceProfile",
    "iam:TagInstanceProfile",
    "iam:UntagInstanceProfile",
  ],
  "iam/role:Role": [
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
  ],
  "iam/rolePolicy:RolePolicy": ["iam:DeleteRolePolicy", "iam:PutRolePolicy"],
  "kms/key:Key": [
    "kms:CreateKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
    // For disks and objects that are encrypted with it.
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:GenerateDataKey*",
  ],
  "lb/listener:Listener": [
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyListenerAttributes",
    "elasticloadbalancing:RemoveTags",
  ],
  "lb/loadBalancer:LoadBalancer": [
    "elasticloadbalancing:CreateLoadBalancer",
    "elasticloadbalancing:DeleteLoadBalancer",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
  ],
  "lb/targetGroup:TargetGroup": [
    "elasticloadbalancing:CreateTargetGroup",
    "elasticloadbalancing:DeleteTargetGroup",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
  ],
  "lb/targetGroupAttachment:TargetGroupAttachment": [
    "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:RegisterTargets",
  ],
  "route53/record:Record": ["route53:ChangeResourceRecordSets"],
  "route53/zone:Zone": [
    "route53:AssociateVPCWithHostedZone",
    "route53:ChangeTagsForResource",
    "route53:CreateHostedZone",
    "route53:DeleteHostedZone",
    "route53:UpdateHostedZoneComment",
  ],
  "s3/bucket:Bucket": ["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketTagging"],
  "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ["s3:PutLifecycleConfiguration"],
  "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ["s3:PutBucketObjectLockConfiguration"],
  "s3/bucketObjectv2:BucketObjectv2": [
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObject",
    "s3:PutObjectTagging",
  ],
  "s3/bucketOwnershipControls:BucketOwnershipControls": ["s3:PutBucketOwnershipControls"],
  "s3/bucketPolicy:BucketPolicy": ["s3:DeleteBucketPolicy", "s3:PutBucketPolicy"],
  "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ["s3:PutBucketPublicAccessBlock"],
  "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
    "s3:PutEncryptionConfiguration",
  ],
  "s3/bucketVersioning:BucketVersioning": ["s3:PutBucketVersioning"],
  "vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroupEgress",
  ],
  "vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroupIngress",
  ],
};

const writesOf = (service: string): string[] =>
  [...new Set(Object.values(actions).flat())].filter((action) => action.startsWith(`${service}:`)).sort();

export function deployerPolicy({
  account,
  knobs,
  partition,
  region,
  stack,
}: Omit<AwsParts, "plan" | "zones" | "tags">) {
  const { permissionsBoundary } = knobs;
  const inRegion = { StringEquals: { "aws:RequestedRegion": region } };
  const inPath = (kind: string) => `arn:${partition}:iam::${account}:${kind}${rolePath(stack)}*`;
  const bucket = `arn:${partition}:s3:::kilonode-${stack}-*-${account}-${region}`;
  const statement = (Sid: string, Action: readonly string[], Resource: JsonValue, Condition?: JsonValue) => ({
    Sid,
    Effect: "Allow",
    Action,
    Resource,
    ...(Condition !== undefined && { Condition }),
  });
  const bounded = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"];
  const ofRoles = writesOf("iam").filter(
    (action) =>
      permissionsBoundary === undefined ||
      !(bounded.includes(action) || action === "iam:DeleteRolePermissionsBoundary"),
  );
  return {
    Version: "2012-10-17",
    Statement: [
      statement(
        "Look",
        [
          "autoscaling:Describe*",
          "ec2:Describe*",
          "ec2:GetConsoleOutput",
          "elasticloadbalancing:Describe*",
          "route53:Get*",
          "route53:List*",
          "servicequotas:GetAWSDefaultServiceQuota",
          "servicequotas:GetServiceQuota",
        ],
        "*",
      ),
      statement("Hosts", ["ec2:CreateTags", "ec2:DeleteTags", ...writesOf("ec2")], "*", inRegion),
      statement("Balance", [...writesOf("autoscaling"), ...writesOf("elasticloadbalancing")], "*", inRegion),
      statement("Keys", [...writesOf("kms"), "kms:DescribeKey", "kms:Get*", "kms:List*"], "*", inRegion),
      statement("Names", writesOf("route53"), "*"),
      statement("Buckets", [...writesOf("s3"), "s3:Get*", "s3:List*"], [bucket, `${bucket}/*`]),
      statement("Roles", [...ofRoles, "iam:Get*", "iam:List*"], [inPath("role"), inPath("instance-profile")]),
      ...(permissionsBoundary === undefined
        ? []
        : [
            statement("BoundedRoles", bounded, inPath("role"), {
              StringEquals: { "iam:PermissionsBoundary": permissionsBoundary },
            }),
          ]),
      statement("RolesOfHosts", ["iam:PassRole"], inPath("role"), {
        StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" },
      }),
      // Made by AWS itself with an account's first load balancer and first group.
      statement(
        "RolesOfServices",
        ["iam:CreateServiceLinkedRole"],
        `arn:${partition}:iam::${account}:role/aws-service-role/*`,
        {
          StringEquals: { "iam:AWSServiceName": ["autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com"] },
        },
      ),
    ],
  };
}
