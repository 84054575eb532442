/** Quotas without room for a cluster: which they are, what is counted, and by which command more is asked for. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ec2 } from "../../components/platform/aws/look";
import {
  lookAtAddresses,
  lookAtLimits,
  lookAtVcpus,
  lookAtVpcs,
  serviceQuotas,
} from "../../components/platform/aws/look-quotas";
import { isStandard, quotaProblems, type Room, takenBy } from "../../components/platform/aws/quotas";
import { awsPlanOf } from "../support/aws";

const { parts } = awsPlanOf("prod-a");
const nothing = { own: 0, others: 0 };
const room = (change: Partial<Room["limits"]>, used: Partial<Room["used"]> = {}): Room => ({
  limits: { vcpus: 11_024, addresses: 3, vpcs: 1, ...change },
  used: { vcpus: nothing, addresses: nothing, vpcs: nothing, ...used },
});

describe("a quota", () => {
  it("is compared with all that the cluster takes: hosts, nodes of pools, ways out, its VPC", () => {
    expect(takenBy(parts)).toEqual({ vcpus: 11_024, addresses: 3, vpcs: 1 });
    const { parts: inside } = awsPlanOf("prod-a", { aws: { ...parts.knobs, egress: "none" }, pools: {} });
    expect(takenBy(inside)).toEqual({ vcpus: 624, addresses: 0, vpcs: 1 });
  });

  it("is no problem where there is just room", () => {
    expect(quotaProblems(parts, room({}))).toEqual([]);
  });

  it("is named with what is used, what is needed, and the command that asks for more: all of them at once", () => {
    const used = { vcpus: { own: 16, others: 32 }, addresses: { own: 0, others: 4 }, vpcs: { own: 0, others: 5 } };
    expect(quotaProblems(parts, room({ vcpus: 5, addresses: 5, vpcs: 5 }, used))).toEqual([
      "quota L-1216C47A, vCPUs of on-demand standard instances in eu-central-1, is 5: prod-a takes 11024 (hosts 624, nodes of pools 10400), of which 16 are there, and 32 are in use by others, together 11056. " +
        "Ask for more: aws service-quotas request-service-quota-increase --region eu-central-1 --service-code ec2 --quota-code L-1216C47A --desired-value 11056",
      "quota L-0263D0A3, Elastic IP addresses in eu-central-1, is 5: prod-a takes 3, of which 0 are there, and 4 are in use by others, together 7. " +
        "Ask for more: aws service-quotas request-service-quota-increase --region eu-central-1 --service-code ec2 --quota-code L-0263D0A3 --desired-value 7",
      "quota L-F678F1CE, VPCs in eu-central-1, is 5: prod-a takes 1, of which 0 are there, and 5 are in use by others, together 6. " +
        "Ask for more: aws service-quotas request-service-quota-increase --region eu-central-1 --service-code vpc --quota-code L-F678F1CE --desired-value 6",
    ]);
  });

  it("counts a host that is replaced once, and stops nothing where all is there", () => {
    const there = {
      vcpus: { own: 11_024, others: 900 },
      addresses: { own: 3, others: 9 },
      vpcs: { own: 1, others: 9 },
    };
    expect(quotaProblems(parts, room({ vcpus: 5, addresses: 1, vpcs: 1 }, there))).toEqual([]);
    const replaced = { vcpus: { own: 11_008, others: 0 } };
    expect(quotaProblems(parts, room({ addresses: 3 }, replaced))).toEqual([]);
  });

  it("of standard instances is not that of others whose names begin alike", () => {
    expect(
      ["c7i.large", "im4gn.large", "is4gen.large", "i3en.large", "t3.micro", "z1d.large"].filter(isStandard),
    ).toHaveLength(6);
    expect(
      ["hpc6a.48xlarge", "inf2.xlarge", "mac2.metal", "trn1.2xlarge", "dl1.24xlarge", "g5.xlarge"].filter(isStandard),
    ).toEqual([]);
  });
});

describe("the look at quotas", () => {
  /** Answers by the operation that is asked. */
  let answers: Readonly<Record<string, readonly [status: number, body: string]>>;
  let server: Server;
  beforeEach(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      request.on("end", () => {
        const target = request.headers["x-amz-target"];
        const action = typeof target === "string" ? target : (new URLSearchParams(body).get("Action") ?? "");
        const code = target === undefined ? "" : (JSON.parse(body) as { QuotaCode: string }).QuotaCode;
        const [status, text] = answers[`${action} ${code}`.trim()] ?? answers[action] ?? [500, ""];
        response.writeHead(status).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const environment = {
      AWS_ENDPOINT_URL_EC2: url,
      AWS_ENDPOINT_URL_SERVICE_QUOTAS: url,
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "example",
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const own = "<tagSet><item><key>kilonode:cluster</key><value>prod-a</value></item></tagSet>";
  const document = (action: string, content: string) =>
    [
      200,
      `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${content}</${action}Response>`,
    ] as const;

  it("takes the default of a quota that was never changed", async () => {
    const target = "ServiceQuotasV20190624";
    answers = {
      [`${target}.GetServiceQuota`]: [200, JSON.stringify({ Quota: { Value: 5 } })],
      [`${target}.GetServiceQuota L-F678F1CE`]: [400, JSON.stringify({ __type: "NoSuchResourceException" })],
      [`${target}.GetAWSDefaultServiceQuota L-F678F1CE`]: [200, JSON.stringify({ Quota: { Value: 7 } })],
    };
    const client = serviceQuotas("eu-central-1");
    expect(await lookAtLimits(client)).toEqual({ vcpus: 5, addresses: 5, vpcs: 7 });
    answers = { [`${target}.GetServiceQuota`]: [400, JSON.stringify({ __type: "AccessDeniedException" })] };
    await expect(lookAtLimits(client)).rejects.toMatchObject({ name: "AccessDeniedException" });
    client.destroy();
  });

  it("counts vCPUs of standard instances on demand, addresses and VPCs, and which of them are the cluster's", async () => {
    const instance = (type: string, cores: number, more = "") =>
      `<item><instanceId>i-0a</instanceId><instanceType>${type}</instanceType><cpuOptions><coreCount>${cores}</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>${more}</item>`;
    const all = [
      instance("m5d.4xlarge", 8, own),
      instance("c7i.8xlarge", 16),
      instance("c7i.8xlarge", 16, "<instanceLifecycle>spot</instanceLifecycle>"),
      instance("g5.xlarge", 2),
    ];
    answers = {
      DescribeInstances: document(
        "DescribeInstances",
        `<reservationSet><item><instancesSet>${all.join("")}</instancesSet></item></reservationSet>`,
      ),
      DescribeAddresses: document(
        "DescribeAddresses",
        `<addressesSet><item>${own}</item><item/><item/></addressesSet>`,
      ),
      DescribeVpcs: document("DescribeVpcs", "<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>"),
    };
    const client = ec2("eu-central-1");
    expect(await lookAtVcpus(client, "prod-a")).toEqual({ own: 16, others: 32 });
    expect(await lookAtAddresses(client, "prod-a")).toEqual({ own: 1, others: 2 });
    expect(await lookAtVpcs(client, { account: "123456789012", stack: "prod-a" })).toEqual({ own: 0, others: 1 });
    client.destroy();
  });
});
