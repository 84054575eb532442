/**
 * What a run was making when it was killed: AWS may have it, and no state knows it. An interface or an instance of a host would be in the way
 * of its second try, so it is removed; of all else a person is told. Why so: docs/decisions/0017-what-a-crash-leaves-on-aws.md.
 */
import type { EC2Client, Filter } from "@aws-sdk/client-ec2";
import { UserError } from "../../../config/errors";
import type { BegunResource, LeftoversRun } from "../module";
import { hostTags } from "./host-tags";
import type { AwsSpec } from "./knobs";
import { ec2 } from "./look";
import { ownerTag } from "./names";
import type { AwsType } from "./resource";

type Sdk = typeof import("@aws-sdk/client-ec2");

const terminationSeconds = 600;

/** Of a host, in the order in which they go: an interface is held by its instance. */
const removed: readonly AwsType[] = ["ec2/instance:Instance", "ec2/networkInterface:NetworkInterface"];

/** What is in nobody's way: asked for a second time it is the same, or takes the place of the first. */
const harmless: readonly AwsType[] = [
  "ec2/volumeAttachment:VolumeAttachment",
  "iam/rolePolicy:RolePolicy",
  "lb/targetGroupAttachment:TargetGroupAttachment",
  "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
  "s3/bucketObjectv2:BucketObjectv2",
  "s3/bucketOwnershipControls:BucketOwnershipControls",
  "s3/bucketPolicy:BucketPolicy",
  "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "s3/bucketVersioning:BucketVersioning",
];

/** @returns a line each, for a person: what was removed, and what may be there */
export async function clearLeftovers({ begun, known, owner, spec }: LeftoversRun): Promise<string[]> {
  const { region } = (spec as AwsSpec).own;
  if (region === undefined) throw new Error("no region");
  const client = ec2(region);
  try {
    const lines: string[] = [];
    for (const type of removed)
      for (const one of ofType(begun, type))
        lines.push(...(await (type === removed[0] ? removeInstance : removeInterface)(client, one, owner, known)));
    return [...lines, ...toldOf(begun, { owner, region })];
  } catch (error) {
    const { message, name } = error as Error;
    throw new UserError(
      `the last run was killed while it made parts of hosts, and what it has left on AWS could not be removed: ${name}: ${message}. ` +
        "Nothing else was touched; see docs/aws.md#after-a-crash",
    );
  } finally {
    client.destroy();
  }
}

/** What only a person can look for. Pure. */
export function toldOf(
  begun: readonly BegunResource[],
  { owner, region }: { readonly owner: string; readonly region: string },
): string[] {
  const own = [...removed, ...harmless].map((type) => `aws:${type}`);
  const others = begun.filter(({ type }) => type.startsWith("aws:") && !own.includes(type));
  if (others.length === 0) return [];
  const names = [...new Set(others.map(nameOf))].join(",");
  return [
    `the last run was killed while it made ${others.map(({ name, type }) => `${type.split(":").at(-1)} ${name}`).join(", ")}. ` +
      "Should AWS have one already, it refuses the second, or makes it, and the first one stays. Which there are: " +
      `\`aws resourcegroupstaggingapi get-resources --region ${region} --tag-filters Key=${ownerTag},Values=${owner} Key=Name,Values=${names}\`. ` +
      "How each kind is removed, and why nobody does it for you: docs/aws.md#after-a-crash",
  ];
}

const ofType = (begun: readonly BegunResource[], type: AwsType) => begun.filter((one) => one.type === `aws:${type}`);

/** By which it is found: its tag, which is not always its name in the state. */
function nameOf({ inputs, name }: BegunResource): string {
  const { tags } = inputs as { readonly tags?: Readonly<Record<string, unknown>> };
  return typeof tags?.Name === "string" ? tags.Name : name;
}

/** By tags that only this state writes, of the resource that it was making. */
const filtersOf = (one: BegunResource, owner: string): Filter[] => [
  { Name: `tag:${ownerTag}`, Values: [owner] },
  { Name: "tag:Name", Values: [nameOf(one)] },
];

/** Without its key in its tag nobody has talked to it, so nothing of the cluster is on it; its volumes are attached later. */
async function removeInstance(
  client: EC2Client,
  one: BegunResource,
  owner: string,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const sdk = require("@aws-sdk/client-ec2") as Sdk;
  const states = { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] };
  const answer = await client.send(new sdk.DescribeInstancesCommand({ Filters: [...filtersOf(one, owner), states] }));
  const instances = (answer.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
  const lines: string[] = [];
  for (const { InstanceId = "", Tags = [] } of instances) {
    if (known.has(InstanceId)) continue;
    if (Tags.some(({ Key }) => Key === hostTags.hostKey)) {
      lines.push(
        `${one.name}: ${InstanceId} is in no state, and may hold data: its key was read once. Look at it before you terminate it`,
      );
      continue;
    }
    await client.send(new sdk.ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
    await client.send(new sdk.TerminateInstancesCommand({ InstanceIds: [InstanceId] }));
    // Its interface is free when it is gone.
    await sdk.waitUntilInstanceTerminated({ client, maxWaitTime: terminationSeconds }, { InstanceIds: [InstanceId] });
    lines.push(`${one.name}: removed ${InstanceId}, which a killed run has made and never written down`);
  }
  return lines;
}

async function removeInterface(
  client: EC2Client,
  one: BegunResource,
  owner: string,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const sdk = require("@aws-sdk/client-ec2") as Sdk;
  // In use it is no leftover: an interface is written down before anything can be behind it.
  const free = { Name: "status", Values: ["available"] };
  const answer = await client.send(
    new sdk.DescribeNetworkInterfacesCommand({ Filters: [...filtersOf(one, owner), free] }),
  );
  const lines: string[] = [];
  for (const { NetworkInterfaceId = "" } of answer.NetworkInterfaces ?? []) {
    if (known.has(NetworkInterfaceId)) continue;
    await client.send(new sdk.DeleteNetworkInterfaceCommand({ NetworkInterfaceId }));
    lines.push(`${one.name}: removed ${NetworkInterfaceId}, which a killed run has made and never written down`);
  }
  return lines;
}
