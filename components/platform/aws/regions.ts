/**
 * Regions by partition, which is the first part of every ARN. From AWS's own SDK (@aws-sdk/core of client-ec2 3.1169.0, its partitions.js),
 * without China, whose endpoints have other names, and without those that are cut off from the internet.
 */
export const partitions = {
  aws: [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
  ],
  "aws-us-gov": ["us-gov-east-1", "us-gov-west-1"],
} as const;

export type Partition = keyof typeof partitions;

/** undefined: there is no such region. */
export function partitionOf(region: string): Partition | undefined {
  const names = Object.keys(partitions) as Partition[];
  return names.find((name) => (partitions[name] as readonly string[]).includes(region));
}
