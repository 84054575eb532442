/** The APIs of EC2 and of Service Quotas of the pretended account, asked by AWS's own SDK. */
import {
  CreateTagsCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVpcsCommand,
  EC2Client,
  GetConsoleOutputCommand,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ListServicesCommand,
  ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AwsApi } from "../../../engine/rehearsal";
import { serveAws } from "../../../engine/rehearsal";
import { Account, type Made, T } from "../support/aws-account";

let account: Account;
let api: AwsApi;
let client: EC2Client;
let hosts: readonly Made[];
let subnet: Made;

const fake = { accessKeyId: "AKIAREHEARSAL", secretAccessKey: "rehearsal" };
const connected = (endpoint: string) =>
  new EC2Client({ region: "us-east-1", endpoint, credentials: fake, maxAttempts: 1 });

beforeEach(async () => {
  account = new Account({ quotas: { "L-1216C47A": 64 }, notOffered: { "us-east-1b": ["i7ie.2xlarge"] } });
  ({ subnet } = await account.network());
  const host = (name: string) =>
    account.host(subnet.id, { tags: { Name: name, "kilonode:cluster": "test", odd: `<&"${name}` } }, name);
  hosts = [await host("a"), await host("b"), await host("c")];
  api = await serveAws({
    cloud: account.provider.cloud,
    region: "us-east-1",
    console: ({ name }) => `${name} boots\u0007\n`,
  });
  client = connected(api.variables.AWS_ENDPOINT_URL_EC2);
});
afterEach(async () => {
  client.destroy();
  await api.close();
  account.close();
});

const described = async (Filters: { Name: string; Values: string[] }[], more = {}) =>
  (await client.send(new DescribeInstancesCommand({ Filters, ...more }))).Reservations?.flatMap(
    ({ Instances }) => Instances ?? [],
  ) ?? [];
const names = async (Filters: { Name: string; Values: string[] }[]) =>
  (await described(Filters)).map(({ Tags }) => Tags?.find(({ Key }) => Key === "Name")?.Value);

describe("EC2's API", () => {
  it("tells of instances by filters", async () => {
    const [first] = await described([{ Name: "tag:Name", Values: ["a"] }]);
    expect(first).toMatchObject({
      InstanceId: hosts[0]?.id,
      State: { Name: "running", Code: 16 },
      PrivateIpAddress: hosts[0]?.outputs.privateIp,
      SubnetId: subnet.id,
      Placement: { AvailabilityZone: "us-east-1a" },
    });
    expect(first?.Tags).toContainEqual({ Key: "odd", Value: '<&"a' });
    expect(await names([{ Name: "tag-key", Values: ["kilonode:*"] }])).toEqual(["a", "b", "c"]);
    expect(await names([{ Name: "tag:kilonode:cluster", Values: ["other"] }])).toEqual([]);
    await account.remove(hosts[1] as Made);
    const running = { Name: "instance-state-name", Values: ["pending", "running"] };
    expect(await names([running])).toEqual(["a", "c"]);
    expect(await names([{ Name: "instance-state-name", Values: ["terminated"] }])).toEqual(["b"]);
    await expect(described([{ Name: "colour", Values: ["red"] }])).rejects.toThrow("The filter 'colour' is invalid");
  });

  it("tells of many in pages, and whose they are", async () => {
    const page = await client.send(new DescribeInstancesCommand({ MaxResults: 2 }));
    expect(page.Reservations).toHaveLength(2);
    expect(page.Reservations?.[0]?.OwnerId).toBe("123456789012");
    const rest = await client.send(new DescribeInstancesCommand({ MaxResults: 2, NextToken: page.NextToken }));
    expect(rest.Reservations).toHaveLength(1);
    expect(rest.NextToken).toBeUndefined();
  });

  it("shows a console, and keeps tags that others give, through updates of the resource", async () => {
    const { id } = hosts[0] as Made;
    const { Output = "" } = await client.send(new GetConsoleOutputCommand({ InstanceId: id, Latest: true }));
    expect(Buffer.from(Output, "base64").toString()).toBe("a boots\u0007\n");
    await client.send(
      new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "kilonode:host-key", Value: "ssh-ed25519 AAAA" }] }),
    );
    await account.update(hosts[0] as Made, { ...hosts[0]?.inputs, monitoring: true });
    expect(await names([{ Name: "tag:kilonode:host-key", Values: ["ssh-ed25519 AAAA"] }])).toEqual(["a"]);
    const gone = client.send(new GetConsoleOutputCommand({ InstanceId: "i-0" }));
    await expect(gone).rejects.toMatchObject({ name: "InvalidInstanceID.NotFound" });
  });

  it("tells of interfaces and of which zone has which type", async () => {
    const card = await account.make(T.networkInterface, {
      subnetId: subnet.id,
      privateIps: ["10.0.0.50"],
      tags: { Name: "x" },
    });
    const { NetworkInterfaces } = await client.send(
      new DescribeNetworkInterfacesCommand({ Filters: [{ Name: "private-ip-address", Values: ["10.0.0.50"] }] }),
    );
    expect(NetworkInterfaces).toMatchObject([
      { NetworkInterfaceId: card.id, Status: "available", SubnetId: subnet.id },
    ]);
    const { InstanceTypeOfferings } = await client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: "availability-zone",
        Filters: [{ Name: "instance-type", Values: ["i7ie.2xlarge"] }],
      }),
    );
    expect(InstanceTypeOfferings?.map(({ Location }) => Location)).toEqual(
      ["a", "c", "d", "e", "f"].map((zone) => `us-east-1${zone}`),
    );
  });

  it("tells how many vCPUs an instance has, of which VPCs are the account's, and of addresses", async () => {
    const [first] = await described([{ Name: "tag:Name", Values: ["a"] }]);
    expect(first).toMatchObject({ InstanceType: "m6i.large", CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 } });
    const vpcsOf = async (owner: string) =>
      (await client.send(new DescribeVpcsCommand({ Filters: [{ Name: "owner-id", Values: [owner] }] }))).Vpcs ?? [];
    expect(await vpcsOf("123456789012")).toMatchObject([{ CidrBlock: "10.0.0.0/16", OwnerId: "123456789012" }]);
    expect(await vpcsOf("999999999999")).toEqual([]);
    const { id } = await account.make(T.eip, { domain: "vpc", tags: { "kilonode:cluster": "test" } });
    const { Addresses } = await client.send(new DescribeAddressesCommand({}));
    expect(Addresses).toMatchObject([
      { AllocationId: id, Tags: expect.arrayContaining([{ Key: "kilonode:cluster", Value: "test" }]) },
    ]);
  });

  it("refuses what it does not know, and whoever does not know its path", async () => {
    await expect(client.send(new StopInstancesCommand({ InstanceIds: ["i-0"] }))).rejects.toThrow(
      "The action StopInstances is not valid in a rehearsal; supported: DescribeInstances",
    );
    const { origin, pathname, hostname } = new URL(api.variables.AWS_ENDPOINT_URL_EC2);
    expect(hostname).toBe("127.0.0.1");
    expect(pathname).toMatch(/^\/[0-9a-f]{64}$/);
    for (const path of ["/", "/x", pathname.replace(/.$/, (last) => (last === "0" ? "1" : "0"))])
      expect((await fetch(`${origin}${path}`, { method: "POST", body: "Action=DescribeInstances" })).status).toBe(404);
  });
});

describe("Service Quotas' API", () => {
  it("tells the quotas of the plan, of others that there is no limit, and refuses other questions", async () => {
    const asked = new ServiceQuotasClient({
      region: "us-east-1",
      endpoint: api.variables.AWS_ENDPOINT_URL_SERVICE_QUOTAS,
      credentials: fake,
      maxAttempts: 1,
    });
    const vcpus = { ServiceCode: "ec2", QuotaCode: "L-1216C47A" };
    for (const question of [new GetServiceQuotaCommand(vcpus), new GetAWSDefaultServiceQuotaCommand(vcpus)])
      expect((await asked.send(question)).Quota).toMatchObject({ ...vcpus, Value: 64 });
    const vpcs = new GetServiceQuotaCommand({ ServiceCode: "vpc", QuotaCode: "L-F678F1CE" });
    expect((await asked.send(vpcs)).Quota?.Value).toBe(Number.MAX_SAFE_INTEGER);
    await expect(asked.send(new ListServicesCommand({}))).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringMatching(/ListServices is not valid in a rehearsal; supported: .*GetServiceQuota/),
    });
    asked.destroy();
  });
});
