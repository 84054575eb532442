/** Looks at the quotas of the account, and at what counts towards them: reads only, whoever asks. */
import type { EC2Client } from "@aws-sdk/client-ec2";
import type { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import * as z from "zod";
import { limits, pagesOf, patience, questions, Tag } from "./look";
import { clusterTag } from "./names";
import { type Amounts, isStandard, type Quota, quotas, type Use } from "./quotas";

const Tags = z.array(Tag).default([]);
const NextToken = z.string().optional();
const Running = z.object({
  Reservations: z
    .array(
      z.object({
        Instances: z
          .array(
            z.object({
              InstanceType: z.string(),
              /** "spot" and the like have quotas of their own. */
              InstanceLifecycle: z.string().optional(),
              /** Where EC2 does not tell, its own refusal remains. */
              CpuOptions: z
                .object({ CoreCount: z.int(), ThreadsPerCore: z.int() })
                .default({ CoreCount: 0, ThreadsPerCore: 0 }),
              Tags,
            }),
          )
          .default([]),
      }),
    )
    .default([]),
  NextToken,
});
const Addresses = z.object({ Addresses: z.array(z.object({ Tags })).default([]) });
const Vpcs = z.object({ Vpcs: z.array(z.object({ Tags })).default([]), NextToken });
const Answered = z.object({ Quota: z.object({ Value: z.number() }) });

/** As {@link ec2}; its endpoint is AWS_ENDPOINT_URL_SERVICE_QUOTAS. */
export function serviceQuotas(region: string): ServiceQuotasClient {
  const sdk = require("@aws-sdk/client-service-quotas") as typeof import("@aws-sdk/client-service-quotas");
  return new sdk.ServiceQuotasClient({ region, ...patience });
}

export async function lookAtLimits(client: ServiceQuotasClient): Promise<Amounts> {
  const values = Object.entries(quotas).map(async ([name, quota]) => [name, await limitOf(client, quota)] as const);
  return Object.fromEntries(await Promise.all(values)) as Amounts;
}

/** Of a quota that nobody has ever changed Service Quotas may know the default alone (GetServiceQuota of its API reference). */
async function limitOf(client: ServiceQuotasClient, { code, service }: Quota): Promise<number> {
  const sdk = require("@aws-sdk/client-service-quotas") as typeof import("@aws-sdk/client-service-quotas");
  const asked = { ServiceCode: service, QuotaCode: code };
  const answer = await client.send(new sdk.GetServiceQuotaCommand(asked)).catch((error: Error) => {
    if (error.name !== "NoSuchResourceException") throw error;
    return client.send(new sdk.GetAWSDefaultServiceQuotaCommand(asked));
  });
  return Answered.parse(answer).Quota.Value;
}

/** vCPUs of on-demand standard instances that run, or are about to, in the whole region. */
export async function lookAtVcpus(client: EC2Client, stack: string): Promise<Use> {
  const { DescribeInstancesCommand } = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  const Filters = [{ Name: "instance-state-name", Values: ["pending", "running"] }];
  const pages = await pagesOf(questions.vcpus, Running, (NextToken) =>
    client.send(new DescribeInstancesCommand({ Filters, MaxResults: limits.instancesOfRegionPage, NextToken })),
  );
  const counted = pages
    .flatMap(({ Reservations }) => Reservations.flatMap(({ Instances }) => Instances))
    .filter(({ InstanceLifecycle, InstanceType }) => InstanceLifecycle === undefined && isStandard(InstanceType));
  return useOf(counted, stack, ({ CpuOptions }) => CpuOptions.CoreCount * CpuOptions.ThreadsPerCore);
}

export async function lookAtAddresses(client: EC2Client, stack: string): Promise<Use> {
  const { DescribeAddressesCommand } = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  // There are no pages of them.
  return useOf(Addresses.parse(await client.send(new DescribeAddressesCommand({}))).Addresses, stack);
}

/** Those of the account itself: what others share with it does not count. */
export async function lookAtVpcs(
  client: EC2Client,
  { account, stack }: { readonly account: string; readonly stack: string },
): Promise<Use> {
  const { DescribeVpcsCommand } = require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  const Filters = [{ Name: "owner-id", Values: [account] }];
  const pages = await pagesOf(questions.vpcs, Vpcs, (NextToken) =>
    client.send(new DescribeVpcsCommand({ Filters, NextToken })),
  );
  return useOf(
    pages.flatMap((page) => page.Vpcs),
    stack,
  );
}

function useOf<T extends { readonly Tags: z.output<typeof Tags> }>(
  things: readonly T[],
  stack: string,
  amountOf: (thing: T) => number = () => 1,
): Use {
  const isOwn = ({ Tags: tags }: T) => tags.some(({ Key, Value }) => Key === clusterTag && Value === stack);
  const sum = (some: readonly T[]) => some.reduce((total, one) => total + amountOf(one), 0);
  return { own: sum(things.filter(isOwn)), others: sum(things.filter((one) => !isOwn(one))) };
}
