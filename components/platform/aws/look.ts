/** Looks at the instances of a cluster: reads only, whoever asks. */
import type { EC2Client } from "@aws-sdk/client-ec2";
import * as z from "zod";
import { UserError } from "../../../config/errors";
import { hostTag, hostTags } from "./host-tags";
import { clusterTag, ownerTag } from "./names";
import type { SeenInstance } from "./seen";

const Tag = z.object({ Key: z.string(), Value: z.string() });
const Instance = z.object({
  InstanceId: z.string().regex(/^i-[0-9a-f]+$/),
  State: z.object({ Name: z.string() }),
  PrivateIpAddress: z.ipv4().optional(),
  Tags: z.array(Tag).default([]),
});
const Answer = z.object({
  Reservations: z.array(z.object({ OwnerId: z.string(), Instances: z.array(Instance).default([]) })).default([]),
  NextToken: z.string().optional(),
});

const limits = {
  /** Of one answer: what a host may have had to wait for, and no more. */
  connectMs: 5000,
  answerMs: 20_000,
  /** Of one question, tried again with pauses that grow: throttling, and answers that do not come. */
  attempts: 4,
  instancesOfPage: 200,
  /** A cluster has at most 20 masters and 12 shards of 17 members: one page, and many more for what is not ours. */
  pages: 20,
} as const;

/** Loaded when something asks: it takes its time. Credentials and endpoint are those of the environment (AWS_PROFILE, AWS_ENDPOINT_URL_EC2 ...). */
export function ec2(region: string): EC2Client {
  // The pinned version runs on every Node that this project does; what later ones want is for whoever takes them.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const sdk = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  const requestHandler = {
    connectionTimeout: limits.connectMs,
    requestTimeout: limits.answerMs,
    throwOnRequestTimeout: true,
  };
  return new sdk.EC2Client({ region, maxAttempts: limits.attempts, requestHandler });
}

/** All instances that are called hosts of the stack, and are not gone for good. */
export async function lookAtInstances(
  client: EC2Client,
  { account, stack }: { readonly account: string; readonly stack: string },
): Promise<readonly SeenInstance[]> {
  const { DescribeInstancesCommand } = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  const Filters = [
    { Name: `tag:${clusterTag}`, Values: [stack] },
    { Name: "tag-key", Values: [hostTag] },
    { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] },
  ];
  const seen: SeenInstance[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < limits.pages; page++) {
    const command = new DescribeInstancesCommand({ Filters, MaxResults: limits.instancesOfPage, NextToken });
    const { NextToken: next, Reservations } = answered(await client.send(command));
    for (const { Instances, OwnerId } of Reservations) {
      if (OwnerId !== account)
        throw new UserError(
          `the credentials at hand are those of account ${OwnerId}, and this stack is in ${account} (aws.account): use credentials of that one. Nothing was touched`,
        );
      seen.push(...Instances.map(seenInstance));
    }
    if (next === undefined) return seen;
    NextToken = next;
  }
  throw new UserError(
    `EC2 tells of more than ${limits.pages * limits.instancesOfPage} instances of ${stack}; nothing was touched`,
  );
}

function answered(answer: unknown): z.output<typeof Answer> {
  const read = Answer.safeParse(answer);
  if (read.success) return read.data;
  throw new UserError(`EC2's answer to DescribeInstances is not as documented:\n${z.prettifyError(read.error)}`);
}

function seenInstance({ InstanceId, PrivateIpAddress, State, Tags }: z.output<typeof Instance>): SeenInstance {
  const tags = new Map(Tags.map(({ Key, Value }) => [Key, Value]));
  return {
    id: InstanceId,
    host: tags.get(hostTag) ?? "",
    runs: State.Name === "running" || State.Name === "pending",
    address: PrivateIpAddress,
    owner: tags.get(ownerTag),
    machine: tags.get(hostTags.machine),
    volumes: tags.get(hostTags.volumes),
    incarnation: tags.get(hostTags.incarnation),
    sshKey: tags.get(hostTags.sshKey),
    hostKey: tags.get(hostTags.hostKey),
  };
}

/** No credentials anywhere: then nothing was asked. */
export const lacksCredentials = (error: unknown): boolean =>
  error instanceof Error && error.name === "CredentialsProviderError";

/** The same in the words of an operator. */
export function lookFailed(error: unknown, region: string): UserError {
  if (error instanceof UserError) return error;
  const { message, name } = error as Error;
  return new UserError(
    lacksCredentials(error)
      ? `no credentials for AWS are at hand, so nobody can look at what exists in ${region}: give some (AWS_PROFILE, AWS_ACCESS_KEY_ID, a role of this machine). Nothing was touched`
      : `what exists in ${region} cannot be looked at: ${name}: ${message}. Check the network and the rights of the credentials (docs/aws.md), then run it again. Nothing was touched`,
  );
}
