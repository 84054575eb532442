/** Each rule of the policy pack, on the clusters of the repository's stacks: silent there, and biting where something is planted. */
import { describe, expect, it } from "vitest";
import { machineInput, readMachineInput } from "../../components/host/delivery";
import type { Machine } from "../../components/machine/machine";
import type { RawConfiguration } from "../../config/read";
import { renderPolicy } from "../../docs/policy";
import { isMissing, type Resource } from "../../policy/resource";
import type { PlannedStep, Rule } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { severityProblems } from "../../policy/severities";
import type { Stack } from "../../policy/stack";
import { stepViolations } from "../../policy/steps";
import { awsStacks } from "../support/aws";
import { planOf, rawOf } from "../support/plans";
import { clusterSeen, type Seen, stackSeen } from "../support/policy";

const onVolumes = (stack: string): RawConfiguration => ({
  aws: { ...(rawOf(stack).aws as object), disks: { type: "gp3" } },
});

function problemsOf(rule: Rule, { resources, stack }: Seen): string[] {
  switch (rule.kind) {
    case "resource":
      return resources.filter(({ type }) => rule.of.test(type)).flatMap((one) => rule.judge(one, stack));
    case "stack":
      return rule.judge(resources, stack).map(({ problem }) => problem);
    case "step":
      return [];
  }
}

const ruleNamed = (name: string) => rules.find((rule) => rule.name === name) as Rule;

const clusters: readonly [string, string, RawConfiguration][] = [
  ...awsStacks.map((stack): [string, string, RawConfiguration] => [stack, stack, {}]),
  ["prod-a on volumes", "prod-a", onVolumes("prod-a")],
  ["lab", "lab", {}],
  ["lab-small", "lab-small", {}],
];

describe("a cluster that nothing is wrong with", () => {
  it.each(clusters)("%s breaks no rule", (_, stack, change) => {
    const cluster = clusterSeen(stack, change);
    const found = rules.flatMap((rule) => problemsOf(rule, cluster).map((problem) => `${rule.name}: ${problem}`));
    expect(found).toEqual([]);
  });

  it.each([...awsStacks, "lab", "lab-small"])("%s is ephemeral for the pack when it is for the program", (stack) => {
    expect(stackSeen(stack).ephemeral).toBe(planOf(stack).ephemeral);
  });
});

type Change = (resources: readonly Resource[]) => readonly Resource[];

/** Changes what a resource is planned with. */
const props =
  (name: string, type: string, edit: (props: Resource["props"]) => Record<string, unknown>): Change =>
  (resources) => {
    const isIt = (one: Resource) => one.name === name && one.type === type;
    expect(resources.filter(isIt)).toHaveLength(1);
    return resources.map((one) => (isIt(one) ? { ...one, props: { ...one.props, ...edit(one.props) } } : one));
  };

/** Changes the document of a host. */
// biome-ignore lint/suspicious/noExplicitAny: any part of it
const machine = (host: string, edit: (machine: any) => void): Change =>
  props(`${host}-machine`, "command:remote:Command", ({ stdin }) => {
    const document = readMachineInput(String(stdin)) as Machine;
    edit(document);
    return { stdin: machineInput(document) };
  });

const file = (host: string, path: string, from: string | RegExp, to: string): Change =>
  machine(host, ({ files }) => {
    const before = files[path].content;
    files[path].content = before.replace(from, to);
    expect(files[path].content).not.toBe(before);
  });

const without =
  (gone: (one: Resource) => boolean): Change =>
  (resources) => {
    expect(resources.some(gone)).toBe(true);
    return resources.filter((one) => !gone(one));
  };

const plus =
  (...more: readonly (Pick<Resource, "name" | "type" | "props"> & Partial<Resource>)[]): Change =>
  (resources) => [
    ...resources,
    ...more.map((one) => ({ urn: `urn:${one.name}`, protect: false, madeFrom: {}, ...one })),
  ];

const all =
  (...changes: readonly Change[]): Change =>
  (resources) =>
    changes.reduce((changed, change) => change(changed), resources);

const instance = "aws:ec2/instance:Instance";
const volume = "aws:ebs/volume:Volume";
const bucket = "aws:s3/bucket:Bucket";
const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const member = "prod-a-etcd-main-1";
const master = "prod-a-master-1";
const kubeProxy = (version: string): Change =>
  machine(master, ({ binaries, files }) => {
    files["/etc/kubernetes/kube-proxy.yaml"] = { content: "kind: KubeProxyConfiguration\nmode: ipvs\n" };
    binaries["/usr/local/bin/kube-proxy"] = { name: "kube-proxy", version };
  });
const certificate = (hours: number, early: number): Change =>
  plus({
    type: "tls:index/locallySignedCert:LocallySignedCert",
    name: "prod-a-master-1-apiserver",
    props: { validityPeriodHours: hours, earlyRenewalHours: early },
  });
const policy = (statement: object): Change =>
  props("prod-a-etcd", "aws:iam/rolePolicy:RolePolicy", () => ({
    policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "Wide", Effect: "Allow", ...statement }] }),
  }));
const beside = (type: string) => (one: Resource) => one.name === "prod-a-snapshots" && one.type === `aws:s3/${type}`;
const isMember = (pattern: RegExp) => (one: Resource) => one.type === "command:local:Command" && pattern.test(one.name);

/** What is planted, and what is said of it. All on prod-a, with volumes of EBS where they are needed. */
const planted: readonly (readonly [
  rule: string,
  what: string,
  Change,
  says: string | RegExp,
  more?: Partial<Stack>,
])[] = [
  ["odd-voters", "six voters", without(isMember(/-etcd-main-7-membership$/)), /^shard main has 6 voters; an odd/],
  [
    "at-most-seven-voters",
    "nine voters",
    plus(
      ...[8, 9].map((n) => ({ type: "command:local:Command", name: `prod-a-etcd-main-${n}-membership`, props: {} })),
    ),
    /^shard main has 9 voters; at most 7 are allowed without etcd\.allowMoreThanSevenVoters$/,
  ],
  [
    "more-than-seven-voters",
    "nine voters that are meant",
    plus(
      ...[8, 9].map((n) => ({ type: "command:local:Command", name: `prod-a-etcd-main-${n}-membership`, props: {} })),
    ),
    /^shard main has 9 voters/,
    { moreThanSevenVoters: true },
  ],
  [
    "quorum-without-a-zone",
    "two zones of the cluster in one of AWS's",
    props("prod-a-hosts-b", "aws:ec2/subnet:Subnet", () => ({ availabilityZone: "eu-central-1a" })),
    /^without zone eu-central-1a shard (main|events|leases) has 2 of \d voters; \d are a quorum$/,
  ],
  [
    "quorum-without-a-zone",
    "all in one zone, where nothing but the commitments tells",
    all(
      without(({ type }) => type === "aws:ec2/networkInterface:NetworkInterface"),
      props("commitments", "command:local:Command", ({ environment }) => ({
        environment: {
          COMMITMENTS: (environment as Record<string, string>).COMMITMENTS?.replaceAll(/":"[abc] /g, '":"a '),
        },
      })),
    ),
    /^without zone a shard (main|events|leases) has 0 of \d voters; \d are a quorum$/,
  ],
  [
    "events-on-own-hosts",
    "no shard for events",
    props("commitments", "command:local:Command", ({ environment }) => ({
      environment: {
        COMMITMENTS: (environment as Record<string, string>).COMMITMENTS?.replace('"/events":"events",', ""),
      },
    })),
    "events are stored in shard main; they need their own",
  ],
  [
    "events-on-own-hosts",
    "an API server that is told nothing of them",
    file(master, "/etc/kubernetes/kube-apiserver.flags", /\/events#[^,]*,/, ""),
    "the API server of prod-a-master-1 stores events with the rest",
  ],
  [
    "events-on-own-hosts",
    "an API server that stores them on hosts of the rest",
    file(master, "/etc/kubernetes/kube-apiserver.flags", /\/events#[^;]*;/, "/events#https://10.16.0.40:2390;"),
    "the API server of prod-a-master-1 stores events on 10.16.0.40, which holds the rest, too",
  ],
  [
    "wal-and-database-apart",
    "one device for both",
    machine(member, ({ volumes }) => {
      volumes[0].device = volumes[1].device;
    }),
    /^prod-a-etcd-main-1 has its WAL and its database on one device, \/dev\/disk\/by-id\/kilonode-database; two are needed$/,
  ],
  [
    "wal-and-database-apart",
    "a WAL on the root file system",
    file(member, "/etc/etcd/etcd.env", /ETCD_WAL_DIR=.*\n/, ""),
    "prod-a-etcd-main-1 has its WAL on no volume of its own, but on the root file system",
  ],
  [
    "two-devices",
    "an instance with one local disk",
    props(member, instance, () => ({ instanceType: "i4i.4xlarge" })),
    "prod-a-etcd-main-1 has 0 volumes attached, and i4i.4xlarge has 1 local disks; two are needed",
  ],
  [
    "wal-dir-below-mount",
    "the mount point itself",
    file(member, "/etc/etcd/etcd.env", "/var/lib/etcd-wal/wal", "/var/lib/etcd-wal"),
    "ETCD_WAL_DIR of prod-a-etcd-main-1 is /var/lib/etcd-wal, a mount point; a folder below it is allowed",
  ],
  [
    "etcd-quota",
    "16 GiB for all",
    props("commitments", "command:local:Command", ({ environment }) => ({
      environment: {
        COMMITMENTS: (environment as Record<string, string>).COMMITMENTS?.replace('"quotaGiB":8', '"quotaGiB":16'),
      },
    })),
    "the database of each member may grow to 16 GiB; at most 8 are allowed",
  ],
  [
    "etcd-quota",
    "16 GiB on one host",
    file(member, "/etc/etcd/etcd.env", "8589934592", "17179869184"),
    "the database of prod-a-etcd-main-1 may grow to 16 GiB; at most 8 are allowed",
  ],
  [
    "volume-ratios",
    "more IOPS than its size allows",
    props(`${member}-database`, volume, () => ({ size: 10, iops: 6000 })),
    "volume prod-a-etcd-main-1-database has 6000 IOPS for 10 GiB; gp3 takes 500 for each, so 5000",
  ],
  [
    "volume-ratios",
    "more throughput than its IOPS allow",
    props(`${member}-database`, volume, () => ({ iops: 3000, throughput: 1000 })),
    "volume prod-a-etcd-main-1-database has 1000 MiB/s; gp3 takes 0.25 for each of its IOPS, so 750",
  ],
  [
    "volume-ratios",
    "a type that bursts",
    props(`${member}-database`, volume, () => ({ type: "gp2" })),
    /^volume prod-a-etcd-main-1-database is of type "gp2"; allowed are gp3, io2, io1/,
  ],
  [
    "open-to-the-world",
    "a port of the API",
    props("prod-a-load-balancer-6443-10.0.8.0/24", ingress, () => ({ cidrIpv4: "0.0.0.0/0" })),
    /^prod-a-load-balancer-6443-10\.0\.8\.0\/24 takes connections from 0\.0\.0\.0\/0; ranges of at least \/8/,
  ],
  [
    "open-to-the-world",
    "IPv6",
    plus({ type: ingress, name: "open", props: { cidrIpv6: "::/0", ipProtocol: "-1" } }),
    /^open takes connections from ::\/0/,
  ],
  [
    "open-to-the-world",
    "half of the world, inside a group",
    plus({
      type: "aws:ec2/securityGroup:SecurityGroup",
      name: "open",
      props: { ingress: [{ cidrBlocks: ["128.0.0.0/1"] }] },
    }),
    /^open takes connections from 128\.0\.0\.0\/1/,
  ],
  [
    "open-to-the-world",
    "a host's own firewall",
    machine(member, ({ firewall }) => firewall.allowed[1].from.push("0.0.0.0/0")),
    /^the firewall of prod-a-etcd-main-1 takes connections from 0\.0\.0\.0\/0 to port 2379/,
  ],
  [
    "open-to-the-world",
    "a host without a firewall",
    machine(member, (document) => {
      delete document.firewall;
    }),
    "prod-a-etcd-main-1 has no firewall, so it takes connections from everywhere",
  ],
  [
    "ways-out",
    "every port",
    props("prod-a-hosts-to-https", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", () => ({
      ipProtocol: "-1",
    })),
    'prod-a-hosts-to-https lets "-1" out to ports 443 to 443 of 0.0.0.0/0; TCP to 443 is allowed',
  ],
  [
    "no-public-address",
    "a subnet that gives them",
    props("prod-a-hosts-a", "aws:ec2/subnet:Subnet", () => ({ mapPublicIpOnLaunch: true })),
    "subnet prod-a-hosts-a gives what starts in it public addresses",
  ],
  [
    "no-public-address",
    "a load balancer",
    props("prod-a-api", "aws:lb/loadBalancer:LoadBalancer", () => ({ internal: false })),
    "load balancer prod-a-api is not internal (network), so it has public addresses",
  ],
  [
    "no-public-address",
    "an address for a host",
    plus({ type: "aws:ec2/eipAssociation:EipAssociation", name: "public", props: {} }),
    "public gives a public address to a host",
  ],
  [
    "imdsv2",
    "an instance without tokens",
    props(member, instance, () => ({ metadataOptions: { httpTokens: "optional", httpPutResponseHopLimit: 1 } })),
    'prod-a-etcd-main-1 has httpTokens "optional"; "required" is allowed',
  ],
  [
    "imdsv2",
    "an instance that says nothing",
    props(member, instance, () => ({ metadataOptions: undefined })),
    'prod-a-etcd-main-1 has httpTokens nothing; "required" is allowed',
  ],
  [
    "imdsv2",
    "nodes whose pods get at their role",
    props("prod-a-workers", "aws:ec2/launchTemplate:LaunchTemplate", () => ({
      metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2 },
    })),
    "prod-a-workers has httpPutResponseHopLimit 2; 1 is allowed",
  ],
  [
    "user-data-without-secrets",
    "a private key",
    props(member, instance, () => ({ userData: "#cloud-config\n-----BEGIN EC PRIVATE KEY-----\nMHc" })),
    "the user-data of prod-a-etcd-main-1 holds a private key",
  ],
  [
    "user-data-without-secrets",
    "a token in a template's base64",
    props("prod-a-workers", "aws:ec2/launchTemplate:LaunchTemplate", () => ({
      userData: Buffer.from("#cloud-config\nbootstrap: abcdef.0123456789abcdef\n").toString("base64"),
    })),
    "the user-data of prod-a-workers holds a bootstrap token of Kubernetes",
  ],
  [
    "instance-large-enough",
    "a member that is too small",
    props(member, instance, () => ({ instanceType: "m7i.2xlarge" })),
    "prod-a-etcd-main-1 is m7i.2xlarge, 8 vCPUs and 32 GiB; for shard main of 1300 nodes at least 16 and 64 are allowed",
  ],
  [
    "instance-large-enough",
    "a type that nobody knows",
    props(member, instance, () => ({ instanceType: "t2.nano" })),
    /^prod-a-etcd-main-1 is of type "t2\.nano", which is not in the catalogue/,
  ],
  [
    "no-star-on-star",
    "everything on everything",
    policy({ Action: "*", Resource: "*" }),
    'statement "Wide" of prod-a-etcd allows * on *',
  ],
  [
    "no-star-on-star",
    "a whole service",
    policy({ Action: ["s3:GetObject", "ec2:*"], Resource: ["*"] }),
    'statement "Wide" of prod-a-etcd allows ec2:* on *',
  ],
  [
    "no-star-on-star",
    "everything but something",
    policy({ NotAction: "iam:*", Resource: "*" }),
    'statement "Wide" of prod-a-etcd allows everything but what it names; it may name what it allows',
  ],
  [
    "named-principals",
    "a role for everybody",
    props("prod-a-etcd", "aws:iam/role:Role", () => ({
      assumeRolePolicy: JSON.stringify({
        Statement: [{ Sid: "Any", Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
      }),
    })),
    'statement "Any" of prod-a-etcd allows sts:AssumeRole to everybody',
  ],
  [
    "certificate-lifetime",
    "ten years",
    certificate(87_600, 2160),
    "certificate prod-a-master-1-apiserver is valid for 3650 days; at most 825 are allowed",
  ],
  [
    "certificate-renewal",
    "the day before",
    certificate(8760, 24),
    "certificate prod-a-master-1-apiserver is renewed 1 days before it ends; at least 30 are allowed",
  ],
  [
    "encrypted-disks",
    "a root disk in clear",
    props(member, instance, ({ rootBlockDevice }) => ({
      rootBlockDevice: { ...(rootBlockDevice as object), encrypted: false },
    })),
    "the root disk of prod-a-etcd-main-1 is not encrypted",
  ],
  [
    "encrypted-disks",
    "a volume by AWS's own key",
    props(`${member}-wal`, volume, () => ({ kmsKeyId: undefined })),
    "volume prod-a-etcd-main-1-wal names no KMS key",
  ],
  [
    "key-rotation",
    "a key for ever",
    props("prod-a-disks", "aws:kms/key:Key", () => ({ enableKeyRotation: false })),
    "KMS key prod-a-disks is not rotated",
  ],
  [
    "bucket-closed",
    "a block that is off",
    props("prod-a-snapshots", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", () => ({
      blockPublicPolicy: false,
    })),
    "bucket prod-a-snapshots is open to the public: blockPublicPolicy are not on",
  ],
  [
    "bucket-closed",
    "plain HTTP",
    without(beside("bucketPolicy:BucketPolicy")),
    "bucket prod-a-snapshots takes requests without TLS",
  ],
  [
    "bucket-closed",
    "objects of strangers",
    without(beside("bucketOwnershipControls:BucketOwnershipControls")),
    'objects of bucket prod-a-snapshots belong to nothing; "BucketOwnerEnforced" is allowed',
  ],
  [
    "bucket-encrypted",
    "S3's own key",
    without(beside("bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")),
    /^bucket prod-a-snapshots encrypts by nothing without a key of its own/,
  ],
  [
    "bucket-versioned",
    "one version",
    props("prod-a-snapshots", "aws:s3/bucketVersioning:BucketVersioning", () => ({
      versioningConfiguration: { status: "Suspended" },
    })),
    'bucket prod-a-snapshots has versioning "Suspended"; "Enabled" is allowed',
  ],
  [
    "deletion-protection",
    "a volume",
    (resources) => resources.map((one) => (one.name === `${member}-wal` ? { ...one, protect: false } : one)),
    "aws:ebs/volume:Volume prod-a-etcd-main-1-wal holds data or the key to it, and is not protected",
  ],
  [
    "deletion-protection",
    "an instance",
    props(member, instance, () => ({ disableApiTermination: false })),
    "instance prod-a-etcd-main-1 can be terminated by one call",
  ],
  [
    "deletion-protection",
    "a bucket that goes with its snapshots",
    props("prod-a-snapshots", bucket, () => ({ forceDestroy: true })),
    "bucket prod-a-snapshots goes with what is in it (forceDestroy)",
  ],
  [
    "deletion-protection",
    "a key that is gone in a week",
    props("prod-a-disks", "aws:kms/key:Key", () => ({ deletionWindowInDays: 7 })),
    "KMS key prod-a-disks can be gone 7 days after its deletion; 30 are allowed",
  ],
  [
    "required-tags",
    "none",
    props("prod-a", "aws:ec2/vpc:Vpc", () => ({ tags: undefined })),
    "prod-a (aws:ec2/vpc:Vpc) has no tag Name, kilonode:cluster, kilonode:owner",
  ],
  [
    "required-tags",
    "another cluster's",
    props("prod-a", "aws:ec2/vpc:Vpc", ({ tags }) => ({ tags: { ...(tags as object), "kilonode:cluster": "prod-b" } })),
    'prod-a (aws:ec2/vpc:Vpc) is tagged as of cluster "prod-b"; "prod-a" is allowed',
  ],
  [
    "ipvs-refused",
    "ipvs where it is gone",
    kubeProxy("1.40.0"),
    "prod-a-master-1 runs kube-proxy in mode ipvs with Kubernetes 1.40.0; nftables is allowed",
  ],
  [
    "ipvs-deprecated",
    "ipvs where it is deprecated",
    kubeProxy("1.39.3"),
    "prod-a-master-1 runs kube-proxy in mode ipvs with Kubernetes 1.39.3; nftables is allowed",
  ],
  [
    "version-skew",
    "a scheduler that is newer than an API server",
    machine(master, ({ binaries }) => {
      binaries["/usr/local/bin/kube-scheduler"].version = "1.99.0";
    }),
    /^kube-scheduler 1\.99\.0 of prod-a-master-1 is newer than kube-apiserver /,
  ],
  [
    "version-skew",
    "members of etcd two minor versions apart",
    machine(member, ({ binaries }) => {
      binaries["/usr/local/bin/etcd"].version = "3.99.0";
    }),
    /^etcd .* of prod-a-etcd-.* and etcd 3\.99\.0 of prod-a-etcd-main-1 are more than one minor version apart$/,
  ],
];

const onDisks = clusterSeen("prod-a");
const onEbs = clusterSeen("prod-a", onVolumes("prod-a"));

describe("a rule bites", () => {
  const cases = planted.map(([name, what, change, says, more]) => ({ name, what, change, says, more }));

  it.each(cases)("$name: $what", ({ change, more, name, says }) => {
    const rule = ruleNamed(name);
    const { resources, stack } = ["two-devices", "instance-large-enough"].includes(name) ? onDisks : onEbs;
    const found = problemsOf(rule, { resources: change(resources), stack: { ...stack, ...more } });
    expect(found.length).toBeGreaterThan(0);
    for (const problem of found) {
      if (typeof says === "string") expect(problem).toBe(says);
      else expect(problem).toMatch(says);
    }
  });

  it("where it is asked of everything, and nothing of it is left out here", () => {
    const asked = rules.filter(({ kind }) => kind !== "step").map(({ name }) => name);
    expect(new Set(planted.map(([name]) => name))).toEqual(new Set(asked));
  });

  it("not where data may go, and not where more voters are meant", () => {
    const ephemeral = { ...onEbs, stack: { ...onEbs.stack, ephemeral: true } };
    const bare = { ...ephemeral, resources: ephemeral.resources.map((one) => ({ ...one, protect: false })) };
    expect(problemsOf(ruleNamed("deletion-protection"), bare)).toEqual([]);
    const oneZone = props("prod-a-hosts-b", "aws:ec2/subnet:Subnet", () => ({ availabilityZone: "eu-central-1a" }));
    expect(
      problemsOf(ruleNamed("quorum-without-a-zone"), { ...ephemeral, resources: oneZone(onEbs.resources) }),
    ).toEqual([]);
  });

  it("by a level of its own at each version of Kubernetes", () => {
    const found = (name: string, version: string) =>
      problemsOf(ruleNamed(name), { ...onDisks, resources: kubeProxy(version)(onDisks.resources) }).length;
    const versions = ["1.34.9", "1.35.0", "1.39.9", "1.40.0", "1.41.0"];
    expect(versions.map((version) => found("ipvs-deprecated", version))).toEqual([0, 1, 1, 0, 0]);
    expect(versions.map((version) => found("ipvs-refused", version))).toEqual([0, 0, 0, 1, 1]);
  });
});

describe("what a preview would do", () => {
  const step = (op: string, type: string, name: string, more: Partial<PlannedStep> = {}): PlannedStep => ({
    op,
    type,
    name,
    urn: `urn:${type}::${name}`,
    parent: undefined,
    dependencies: [],
    ...more,
  });
  const found = (steps: readonly PlannedStep[], ephemeral = false) =>
    stepViolations(steps, { ephemeral }, {}).map(({ level, message, policy }) => [
      policy,
      level,
      message.split("\n")[1],
    ]);

  it("deletes no data outside of ephemeral stacks", () => {
    const steps = [
      step("delete", volume, `${member}-wal`),
      step("replace", "aws:kms/key:Key", "prod-a-disks"),
      step("delete-replaced", "aws:kms/key:Key", "prod-a-disks"),
      step("delete", bucket, "prod-a-artifacts"),
      step("update", volume, `${member}-database`),
    ];
    expect(found(steps)).toEqual([
      [
        "data-kept",
        "mandatory",
        expect.stringMatching(
          /^aws:ebs\/volume:Volume prod-a-etcd-main-1-wal, which holds data or the key to it, would be deleted\. What to do: /,
        ),
      ],
      ["data-kept", "mandatory", expect.stringMatching(/^aws:kms\/key:Key prod-a-disks, /)],
    ]);
    expect(found(steps, true)).toEqual([]);
  });

  const replaced = (name: string, dependencies?: readonly string[]) => [
    step("create-replacement", instance, name, { dependencies: dependencies ?? [] }),
    step("replace", instance, name, { dependencies: dependencies ?? [] }),
  ];

  it("replaces two voters of a shard only one after the other", () => {
    const [first, second] = ["prod-a-etcd-main-1", "prod-a-etcd-main-2"];
    expect(found([...replaced(first), ...replaced(second)])).toEqual([
      [
        "one-voter-at-a-time",
        "mandatory",
        expect.stringMatching(
          /^prod-a-etcd-main-1 and prod-a-etcd-main-2, voters of prod-a-etcd-main, would be replaced side by side; /,
        ),
      ],
    ]);
    const turn = step("update", "command:local:Command", `${second}-turn`, {
      dependencies: [`urn:${instance}::${first}`],
    });
    expect(found([...replaced(first), turn, ...replaced(second, [turn.urn])])).toEqual([]);
    expect(found([...replaced(first), ...replaced("prod-a-etcd-events-1")])).toEqual([]);
  });

  it("goes by the turns where the engine does not tell what waits for what", () => {
    const steps = [first, second].flatMap((name) => [
      step("replace", instance, name, { dependencies: undefined } as never),
      step("update", "command:local:Command", `${name}-turn`),
    ]);
    expect(found(steps)).toEqual([]);
    expect(found(steps.filter(({ name }) => name !== `${second}-turn`))).toHaveLength(1);
  });
  const [first, second] = ["prod-a-etcd-main-1", "prod-a-etcd-main-2"];

  it("is judged by the severities of the stack's file", () => {
    const steps = [step("delete", volume, `${member}-wal`)];
    const levels = (severity: "advisory" | "disabled") =>
      stepViolations(steps, { ephemeral: false }, { "data-kept": severity }).map(({ level }) => level);
    expect([levels("advisory"), levels("disabled")]).toEqual([["advisory"], []]);
  });
});

describe("severities of a stack's file", () => {
  it("name rules that there are, and a severity that there is", () => {
    expect(severityProblems({ "required-tags": "advisory", imdsv2: "disabled" })).toEqual([]);
    const [unknownRule, unknownSeverity] = severityProblems({ "reqired-tags": "advisory", imdsv2: "off" });
    expect(unknownRule).toMatch(/^policy:severities\.reqired-tags: there is no such rule; there are odd-voters, /);
    expect(unknownSeverity).toBe(
      'policy:severities.imdsv2: "off" is no severity; allowed are mandatory, advisory, disabled',
    );
    expect(severityProblems("advisory")).toEqual([
      'policy:severities: "advisory" is no map; give rules their severities: {required-tags: advisory}',
    ]);
  });
});

describe("docs/policy.md", () => {
  it("is rendered from the rules (refresh: npm run golden)", async () => {
    await expect(renderPolicy()).toMatchFileSnapshot("../../docs/policy.md");
  });

  it("has a reason and a remedy for each", () => {
    expect(rules.filter(({ asks, name, remedy, why }) => [asks, name, remedy, why].some(isMissing))).toEqual([]);
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  });
});
