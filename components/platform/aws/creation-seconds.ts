/**
 * How long AWS takes to make things, seconds: for the time that a preview says, and for nothing else. From public logs of Terraform, whose
 * provider waits as ours does ("Creation complete after ..."), the range seen behind each; what no log was found for is from memory.
 */
import type { AwsType } from "./resource";

type Made = `aws:${AwsType}`;

export const creationSeconds: Readonly<Partial<Record<Made, number>> & { readonly host: number }> = {
  // From an instance that runs until its console shows its host key. From memory; read-host-key waits for 900 s at most.
  host: 180,
  // 10 to 42
  "aws:ec2/instance:Instance": 20,
  // 11 to 17
  "aws:ec2/vpc:Vpc": 13,
  // 85 to 125
  "aws:ec2/natGateway:NatGateway": 110,
  // From memory
  "aws:ec2/vpcEndpoint:VpcEndpoint": 90,
  // 120 to 174, of application load balancers
  "aws:lb/loadBalancer:LoadBalancer": 150,
  // 62 and 79
  "aws:route53/zone:Zone": 70,
  // 35
  "aws:route53/record:Record": 35,
  // 1 to 38
  "aws:kms/key:Key": 20,
  // From memory, all three
  "aws:iam/instanceProfile:InstanceProfile": 10,
  "aws:ebs/volume:Volume": 10,
  "aws:ec2/volumeAttachment:VolumeAttachment": 10,
};
