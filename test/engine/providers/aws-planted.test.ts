/**
 * Errors that are planted in inputs, and which layer finds them. `preview` is `check`: nothing is touched. `up` is the graph of what
 * exists, since a preview does not know ids yet. Of the 33 errors planted elsewhere cfn-lint found 22; those that it missed are marked.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UNKNOWN, type Values } from "../../../engine";
import { Account, T } from "../support/aws-account";

let account: Account;
beforeEach(() => {
  account = new Account();
});
afterEach(() => account.close());

const instance = (more: Values): Values => ({
  ami: "ami-0123456789abcdef0",
  instanceType: "m6i.large",
  subnetId: UNKNOWN,
  ...more,
});
const volume = (more: Values): Values => ({ availabilityZone: "us-east-1a", size: 100, ...more });
const rule = (more: Values): Values => ({
  securityGroupId: UNKNOWN,
  ipProtocol: "tcp",
  fromPort: 22,
  toPort: 22,
  cidrIpv4: "10.0.0.0/8",
  ...more,
});
const balancer = (more: Values): Values => ({ name: "api", loadBalancerType: "network", subnets: UNKNOWN, ...more });
const targets = (more: Values): Values => ({
  name: "api",
  port: 6443,
  protocol: "TCP",
  vpcId: UNKNOWN,
  healthCheck: { protocol: "TCP" },
  ...more,
});

type Planted = readonly [what: string, missedByCfnLint: boolean, type: string, inputs: Values, problem: string];

const inPreview: readonly Planted[] = [
  [
    "port 70000",
    true,
    T.ingress,
    rule({ toPort: 70_000 }),
    "toPort: InvalidParameterValue: TCP/UDP port (70000) out of range",
  ],
  [
    "ports the wrong way round",
    false,
    T.ingress,
    rule({ fromPort: 23 }),
    "toPort: InvalidParameterValue: Invalid TCP/UDP port range (23:22)",
  ],
  [
    "a rule with two sources",
    false,
    T.ingress,
    rule({ referencedSecurityGroupId: UNKNOWN }),
    "cidrIpv4: one (and only one) of",
  ],
  [
    "a rule's range with host bits",
    true,
    T.ingress,
    rule({ cidrIpv4: "10.0.0.5/8" }),
    'cidrIpv4: "10.0.0.5/8" is not a valid IPv4 CIDR block; did you mean "10.0.0.0/8"?',
  ],
  ["ports of all protocols", false, T.egress, rule({ ipProtocol: "-1" }), "fromPort: must not be set"],
  [
    "user data of 16,385 bytes",
    true,
    T.instance,
    instance({ userData: "x".repeat(16_385) }),
    "userData: InvalidParameterValue: User data is limited to 16384 bytes; this has 16385",
  ],
  [
    "user data of a template over its size",
    true,
    T.launchTemplate,
    { userData: Buffer.alloc(16_385).toString("base64") },
    "userData: InvalidParameterValue: User data is limited to 16384 bytes",
  ],
  [
    "user data of a template in clear",
    true,
    T.launchTemplate,
    { userData: "#cloud-config\n" },
    "userData: InvalidUserData.Malformed",
  ],
  [
    "a type that does not exist",
    false,
    T.instance,
    instance({ instanceType: "m6i.larg" }),
    'instanceType: InvalidParameterValue: instanceType: "m6i.larg" is not one of',
  ],
  ["an image's id that is none", false, T.instance, instance({ ami: "ami-1" }), "ami: InvalidAMIID.Malformed"],
  [
    "a subnet together with an interface",
    false,
    T.instance,
    instance({ primaryNetworkInterface: { networkInterfaceId: UNKNOWN } }),
    "subnetId: conflicts with primaryNetworkInterface",
  ],
  [
    "a word for tokens of metadata",
    false,
    T.instance,
    instance({ metadataOptions: { httpTokens: "yes" } }),
    "metadataOptions: InvalidParameterValue: metadataOptions.httpTokens",
  ],
  [
    "65 hops",
    true,
    T.instance,
    instance({ metadataOptions: { httpPutResponseHopLimit: 65 } }),
    "metadataOptions: expected metadata_options.0.http_put_response_hop_limit to be in the range (1 - 64), got 65",
  ],
  [
    "nine partitions",
    true,
    T.placementGroup,
    { strategy: "partition", partitionCount: 9 },
    "partitionCount: InvalidParameterValue",
  ],
  [
    "io2 without IOPS",
    true,
    T.volume,
    volume({ type: "io2" }),
    "iops: MissingParameter: The parameter iops must be specified for io2 volumes.",
  ],
  [
    "io2 with too many IOPS for its size",
    true,
    T.volume,
    volume({ type: "io2", size: 10, iops: 10_001 }),
    "iops: InvalidParameterValue: Iops to volume size ratio of 1000.1 is too high; maximum is 1000",
  ],
  [
    "gp3 with too many IOPS",
    true,
    T.volume,
    volume({ type: "gp3", size: 1_000, iops: 80_001 }),
    "iops: InvalidParameterValue: Volume iops of 80001 is not supported for gp3",
  ],
  [
    "gp3 with too many IOPS for its size",
    true,
    T.volume,
    volume({ type: "gp3", size: 10, iops: 5_001 }),
    "iops: InvalidParameterValue: Iops to volume size ratio of 500.1 is too high; maximum is 500",
  ],
  [
    "gp3 with too much throughput for its IOPS",
    true,
    T.volume,
    volume({ type: "gp3", throughput: 751 }),
    "throughput: InvalidParameterValue: Throughput (MiBps) to iops ratio of 0.250 is too high; maximum is 0.25",
  ],
  [
    "throughput of gp2",
    true,
    T.volume,
    volume({ type: "gp2", throughput: 200 }),
    "throughput: InvalidParameterCombination",
  ],
  [
    "a root volume over its ratios",
    true,
    T.instance,
    instance({ rootBlockDevice: { volumeType: "io1", volumeSize: 10, iops: 600 } }),
    "rootBlockDevice: InvalidParameterValue: Iops to volume size ratio",
  ],
  [
    "a volume type that does not exist",
    false,
    T.volume,
    volume({ type: "gp4" }),
    'type: InvalidParameterValue: type: "gp4" is not one of',
  ],
  [
    "33 characters for a load balancer",
    true,
    T.loadBalancer,
    balancer({ name: "x".repeat(33) }),
    'name: "name" cannot be longer than 32 characters',
  ],
  [
    "33 characters for a target group",
    true,
    T.targetGroup,
    targets({ name: "x".repeat(33) }),
    'name: "name" cannot be longer than 32 characters',
  ],
  [
    "a prefix of seven characters",
    true,
    T.targetGroup,
    targets({ name: null, namePrefix: "kilonod" }),
    'namePrefix: "name_prefix" cannot be longer than 6 characters',
  ],
  [
    "a path on a TCP check",
    true,
    T.targetGroup,
    targets({ healthCheck: { protocol: "TCP", path: "/" } }),
    'healthCheck: Attribute "health_check[0].path" cannot be specified',
  ],
  [
    "an interval of four seconds",
    false,
    T.targetGroup,
    targets({ healthCheck: { protocol: "TCP", interval: 4 } }),
    "healthCheck: InvalidParameterValue: healthCheck.interval: 4 is not in the range 5 - 300",
  ],
  [
    "an idle timeout of two hours",
    true,
    T.listener,
    { loadBalancerArn: UNKNOWN, defaultActions: [], protocol: "TCP", port: 6443, tcpIdleTimeoutSeconds: 7200 },
    "tcpIdleTimeoutSeconds: expected",
  ],
  [
    "a group's description in another script",
    false,
    T.group,
    { vpcId: UNKNOWN, description: "Gruppe für Knoten" },
    "description: Value (Gruppe für Knoten) for parameter GroupDescription is invalid",
  ],
  ["a VPC of /8", false, T.vpc, { cidrBlock: "10.0.0.0/8" }, "cidrBlock: the block size must be between"],
  ["a bucket in capitals", false, T.bucket, { bucket: "Artifacts" }, "bucket: InvalidBucketName"],
  [
    "a role's name of 65 characters",
    false,
    T.role,
    { name: "x".repeat(65), assumeRolePolicy: "{}" },
    "name: InvalidParameterValue: name:",
  ],
  [
    "a policy that is not JSON",
    false,
    T.rolePolicy,
    { role: UNKNOWN, name: "x", policy: "{" },
    "policy: MalformedPolicyDocument",
  ],
  [
    "a key that is kept for a day",
    false,
    T.key,
    { deletionWindowInDays: 1 },
    "deletionWindowInDays: expected deletion_window_in_days to be in the range (7 - 30), got 1",
  ],
  [
    "more at least than at most",
    false,
    T.autoScaling,
    { minSize: 3, maxSize: 2, launchTemplate: { id: UNKNOWN } },
    "minSize: ValidationError",
  ],
  [
    "an address that is none in a record",
    false,
    T.record,
    { zoneId: UNKNOWN, name: "api", type: "A", ttl: 60, records: ["10.0.0.256"] },
    "records: InvalidChangeBatch",
  ],
  [
    "a device that is none",
    false,
    T.attachment,
    { instanceId: UNKNOWN, volumeId: UNKNOWN, deviceName: "sdf" },
    "deviceName: InvalidParameterValue",
  ],
  [
    "a tag of AWS's own",
    false,
    T.vpc,
    { cidrBlock: "10.0.0.0/16", tags: { "aws:x": "y" } },
    "tags: InvalidParameterValue: Tag keys starting with 'aws:'",
  ],
  [
    "an input that a rehearsal does not know",
    false,
    T.vpc,
    { cidrBlock: "10.0.0.0/16", ipv4IpamPoolId: "x" },
    "ipv4IpamPoolId: property ipv4IpamPoolId is not supported in a rehearsal",
  ],
];

describe("a preview finds", () => {
  it.each(inPreview)("%s (cfn-lint missed it: %s)", async (_what, _missed, type, inputs, problem) => {
    expect((await account.problems(type, inputs)).join("\n")).toContain(problem);
  });

  it("all that is wrong with a resource at once, and nothing with what is unknown", async () => {
    const wrong = volume({ type: "gp3", iops: 90_000, throughput: 3_000, tags: { "aws:x": "y" } });
    expect(await account.problems(T.volume, wrong)).toHaveLength(4);
    expect(await account.problems(T.volume, volume({ type: UNKNOWN, iops: UNKNOWN, size: UNKNOWN }))).toEqual([]);
    expect(await account.problems(T.instance, instance({ userData: UNKNOWN, iamInstanceProfile: UNKNOWN }))).toEqual(
      [],
    );
  });

  it("a name that is too long for what is made up", async () => {
    const { failures } = await account.provider.check(
      account.at(T.targetGroup, "a-very-long-name-of-a-cluster"),
      undefined,
      targets({ name: null }),
      Buffer.alloc(32),
    );
    expect(failures.map(({ reason }) => reason)).toContain(
      "name 'a-very-long-name-of-a-cluster' plus 7 random chars is longer than maximum length 32",
    );
  });

  it("a region that does not exist, and an account that is not allowed", async () => {
    await expect(account.provider.configure({ region: "eu-north-9" })).rejects.toThrow(
      "invalid AWS Region: eu-north-9",
    );
    account.open({ account: "111122223333" });
    await expect(account.provider.configure({ allowedAccountIds: '["999999999999"]' })).rejects.toThrow(
      "AWS account ID not allowed: 111122223333",
    );
    await expect(account.provider.configure({ assumeRoles: "[]" })).rejects.toThrow(
      "provider setting assumeRoles is not supported",
    );
  });
});

describe("an up finds, by the graph (rules: aws-graph.test.ts)", () => {
  it.each<readonly [what: string, missedByCfnLint: boolean, attempt: (a: Account) => Promise<unknown>, words: string]>([
    [
      "a subnet outside of the VPC",
      false,
      async (a) => a.make(T.subnet, { vpcId: (await a.network()).vpc.id, cidrBlock: "10.9.0.0/24" }),
      "InvalidSubnet.Range",
    ],
    [
      "subnets that overlap",
      false,
      async (a) => a.make(T.subnet, { vpcId: (await a.network()).vpc.id, cidrBlock: "10.0.0.0/25" }),
      "InvalidSubnet.Conflict",
    ],
    [
      "a foreign address of an interface",
      true,
      async (a) => a.make(T.networkInterface, { subnetId: (await a.network()).subnet.id, privateIps: ["192.168.0.1"] }),
      "does not fall within the subnet's address range",
    ],
    [
      "an address that is none",
      true,
      async (a) => a.make(T.networkInterface, { subnetId: (await a.network()).subnet.id, privateIps: ["10.0.0"] }),
      "invalid value for parameter address: 10.0.0",
    ],
    [
      "a type that the zone does not have",
      true,
      async (a) => {
        a.open({ notOffered: { "us-east-1a": ["i7ie.2xlarge"] } });
        return a.host((await a.network()).subnet.id, { instanceType: "i7ie.2xlarge" });
      },
      "Unsupported: Your requested instance type (i7ie.2xlarge) is not supported",
    ],
  ])("%s (cfn-lint missed it: %s)", async (_what, _missed, attempt, words) => {
    await expect(attempt(account)).rejects.toThrow(words);
  });
});
