/** Looks at the instances of a cluster, and at what its zones offer: reads only, whoever asks. */
import type { EC2Client } from "@aws-sdk/client-ec2";
import * as z from "zod";
import { UserError } from "../../../config/errors";
import { hostTag, hostTags } from "./host-tags";
import { clusterTag, ownerTag } from "./names";
import type { Offer } from "./offers";
import type { SeenInstance } from "./seen";

export const Tag = z.object({ Key: z.string(), Value: z.string() });
const Instance = z.object({
  InstanceId: z.string().regex(/^i-[0-9a-f]+$/),
  State: z.object({ Name: z.string() }),
  PrivateIpAddress: z.ipv4().optional(),
  Tags: z.array(Tag).default([]),
});
const Instances = z.object({
  Reservations: z.array(z.object({ OwnerId: z.string(), Instances: z.array(Instance).default([]) })).default([]),
  NextToken: z.string().optional(),
});

const Offers = z.object({
  InstanceTypeOfferings: z.array(z.object({ InstanceType: z.string(), Location: z.string() })).default([]),
  NextToken: z.string().optional(),
});

export const limits = {
  /** Of one answer: what a host may have had to wait for, and no more. */
  connectMs: 5000,
  answerMs: 20_000,
  /** Of one question, tried again with pauses that grow: throttling, and answers that do not come. */
  attempts: 4,
  instancesOfPage: 200,
  /** Of all that run in the region: the most that EC2 puts on a page. */
  instancesOfRegionPage: 1000,
  /** A cluster has at most 20 masters and 12 shards of 17 members: one page, and many more for what is not ours. */
  pages: 20,
} as const;

/** Of every client. */
export const patience = {
  maxAttempts: limits.attempts,
  requestHandler: {
    connectionTimeout: limits.connectMs,
    requestTimeout: limits.answerMs,
    throwOnRequestTimeout: true,
  },
} as const;

/** Loaded when something asks: it takes its time. Credentials and endpoint are those of the environment (AWS_PROFILE, AWS_ENDPOINT_URL_EC2 ...). */
export function ec2(region: string): EC2Client {
  // The pinned version runs on every Node that this project does; what later ones want is for whoever takes them.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const sdk = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  return new sdk.EC2Client({ region, ...patience });
}

/** What is asked, as IAM calls it. */
export const questions = {
  instances: "ec2:DescribeInstances",
  offers: "ec2:DescribeInstanceTypeOfferings",
  limits: "servicequotas:GetServiceQuota",
  defaults: "servicequotas:GetAWSDefaultServiceQuota",
  vcpus: "ec2:DescribeInstances",
  addresses: "ec2:DescribeAddresses",
  vpcs: "ec2:DescribeVpcs",
} as const;

/** A question, and why there was no answer. */
export interface Unanswered {
  readonly action: string;
  readonly error: unknown;
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
  const pages = await pagesOf(questions.instances, Instances, (NextToken) =>
    client.send(new DescribeInstancesCommand({ Filters, MaxResults: limits.instancesOfPage, NextToken })),
  );
  return pages.flatMap(({ Reservations }) =>
    Reservations.flatMap(({ Instances: instances, OwnerId }) => {
      if (OwnerId !== account)
        throw new UserError(
          `the credentials at hand are those of account ${OwnerId}, and this stack is in ${account} (aws.account): use credentials of that one. Nothing was touched`,
        );
      return instances.map(seenInstance);
    }),
  );
}

/** Which availability zones of the region have these instance types. */
export async function lookAtOffers(client: EC2Client, types: readonly string[]): Promise<readonly Offer[]> {
  const sdk = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  const Filters = [{ Name: "instance-type", Values: [...types] }];
  const pages = await pagesOf(questions.offers, Offers, (NextToken) =>
    client.send(
      new sdk.DescribeInstanceTypeOfferingsCommand({ LocationType: "availability-zone", Filters, NextToken }),
    ),
  );
  return pages.flatMap(({ InstanceTypeOfferings }) =>
    InstanceTypeOfferings.map(({ InstanceType: type, Location }) => ({ type, availabilityZone: Location })),
  );
}

/** All pages of an answer, each as documented. */
export async function pagesOf<P extends { readonly NextToken?: string | undefined }>(
  action: string,
  schema: z.ZodType<P>,
  ask: (NextToken: string | undefined) => Promise<unknown>,
): Promise<P[]> {
  const pages: P[] = [];
  for (let next: string | undefined; pages.length < limits.pages; ) {
    const read = schema.safeParse(await ask(next));
    if (!read.success)
      throw new UserError(`EC2's answer to ${action} is not as documented:\n${z.prettifyError(read.error)}`);
    pages.push(read.data);
    next = read.data.NextToken;
    if (next === undefined) return pages;
  }
  throw new UserError(`EC2 answers ${action} with more than ${limits.pages} pages; nothing was touched`);
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

const denials: readonly string[] = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"];

/** The same in the words of an operator: what lacks the right to ask, all at once. */
export function lookFailed(unanswered: readonly [Unanswered, ...Unanswered[]], region: string): UserError {
  const errors = unanswered.map(({ error }) => error as Error);
  const known = errors.find((error) => error instanceof UserError);
  if (known instanceof UserError) return known;
  if (errors.some(lacksCredentials))
    return new UserError(
      `no credentials for AWS are at hand, so nobody can look at what exists in ${region}: give some (AWS_PROFILE, AWS_ACCESS_KEY_ID, a role of this machine). Nothing was touched`,
    );
  const denied = unanswered.filter(({ error }) => denials.includes((error as Error).name));
  const [{ error }] = denied.length > 0 ? (denied as [Unanswered]) : unanswered;
  const rights = [...new Set(denied.map(({ action }) => action))];
  const lacking = rights.length > 1 ? `${rights.slice(0, -1).join(", ")} and ${rights.at(-1)}` : rights[0];
  const { message, name } = error as Error;
  return new UserError(
    denied.length > 0
      ? `the credentials at hand lack ${lacking} in ${region} (${name}: ${message}): give them the policy of docs/aws-deployer.json, see docs/aws.md#roles. Nothing was touched`
      : `what exists in ${region} cannot be looked at: ${name}: ${message}. Check the network and the credentials (docs/aws.md#roles), then run it again. Nothing was touched`,
  );
}
