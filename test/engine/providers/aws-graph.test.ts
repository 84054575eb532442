/** What the pretended AWS refuses given what exists: a row a rule, each first broken, then kept. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UNKNOWN, type Values } from "../../../engine";
import { Account, type Made, T } from "../support/aws-account";

let account: Account;
beforeEach(() => {
  account = new Account();
});
afterEach(() => account.close());

type Network = Awaited<ReturnType<Account["network"]>>;
/** What is refused, and by which words. */
type Rule = readonly [what: string, attempt: (a: Account, n: Network) => Promise<unknown>, words: string];

const policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
const rule = (group: Made, more: Values = {}): Values => ({
  securityGroupId: group.id,
  cidrIpv4: "10.0.0.0/8",
  ipProtocol: "tcp",
  fromPort: 22,
  toPort: 22,
  ...more,
});
const balancer = (n: Network, name: string, more: Values = {}): Values => ({
  name,
  loadBalancerType: "network",
  internal: true,
  subnets: [n.subnet.id, n.second.id],
  ...more,
});
const targets = (n: Network, name: string, more: Values = {}): Values => ({
  name,
  port: 6443,
  protocol: "TCP",
  targetType: "ip",
  vpcId: n.vpc.id,
  ...more,
});
const listener = (lb: Made, group: Made, more: Values = {}): Values => ({
  loadBalancerArn: lb.id,
  port: 6443,
  protocol: "TCP",
  defaultActions: [{ type: "forward", targetGroupArn: group.id }],
  ...more,
});
const twice = async (a: Account, type: string, inputs: Values): Promise<void> => {
  await a.make(type, inputs);
  await a.make(type, inputs);
};

const creations: readonly Rule[] = [
  [
    "a subnet outside of its VPC",
    (a, n) => a.make(T.subnet, { vpcId: n.vpc.id, cidrBlock: "10.1.0.0/24" }),
    "InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid",
  ],
  [
    "subnets that overlap",
    (a, n) => a.make(T.subnet, { vpcId: n.vpc.id, cidrBlock: "10.0.0.128/25" }),
    "InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts with another subnet",
  ],
  [
    "a zone of another region",
    (a, n) => a.make(T.subnet, { vpcId: n.vpc.id, cidrBlock: "10.0.9.0/24", availabilityZone: "eu-west-1a" }),
    "Value (eu-west-1a) for parameter availabilityZone is invalid",
  ],
  [
    "a VPC that does not exist",
    (a) => a.make(T.subnet, { vpcId: "vpc-0", cidrBlock: "10.0.9.0/24" }),
    "InvalidVpcID.NotFound",
  ],
  [
    "a second internet gateway",
    async (a, n) => twice(a, T.internetGateway, { vpcId: n.vpc.id }),
    "Resource.AlreadyAssociated",
  ],
  [
    "a public NAT gateway without a way out",
    async (a, n) =>
      a.make(T.natGateway, { subnetId: n.subnet.id, allocationId: (await a.make(T.eip, { domain: "vpc" })).id }),
    "Gateway.NotAttached",
  ],
  [
    "an elastic address used twice",
    async (a, n) => {
      await a.make(T.internetGateway, { vpcId: n.vpc.id });
      await twice(a, T.natGateway, {
        subnetId: n.subnet.id,
        allocationId: (await a.make(T.eip, { domain: "vpc" })).id,
      });
    },
    "is already associated",
  ],
  [
    "a route that is there",
    async (a, n) => {
      await a.make(T.internetGateway, { vpcId: n.vpc.id });
      const table = await a.make(T.routeTable, { vpcId: n.vpc.id });
      const gateway = await a.make(T.networkInterface, { subnetId: n.subnet.id });
      await twice(a, T.route, {
        routeTableId: table.id,
        destinationCidrBlock: "0.0.0.0/0",
        networkInterfaceId: gateway.id,
      });
    },
    "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists.",
  ],
  [
    "a subnet with two route tables",
    async (a, n) => {
      for (const _ of [1, 2])
        await a.make(T.association, {
          subnetId: n.subnet.id,
          routeTableId: (await a.make(T.routeTable, { vpcId: n.vpc.id })).id,
        });
    },
    "conflicts with an existing association",
  ],
  [
    "private names without the VPC's names",
    (a, n) =>
      a.make(T.endpoint, {
        vpcId: n.vpc.id,
        serviceName: "com.amazonaws.us-east-1.ec2",
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: [n.subnet.id],
      }),
    "requires both enableDnsSupport and enableDnsHostnames",
  ],
  [
    "an endpoint of another region",
    (a, n) => a.make(T.endpoint, { vpcId: n.vpc.id, serviceName: "com.amazonaws.eu-west-1.s3" }),
    "InvalidServiceName",
  ],
  [
    "two subnets of one zone at an endpoint",
    async (a, n) => {
      const third = await a.make(T.subnet, {
        vpcId: n.vpc.id,
        cidrBlock: "10.0.2.0/24",
        availabilityZone: "us-east-1a",
      });
      await a.make(T.endpoint, {
        vpcId: n.vpc.id,
        serviceName: "com.amazonaws.us-east-1.ec2",
        vpcEndpointType: "Interface",
        subnetIds: [n.subnet.id, third.id],
      });
    },
    "DuplicateSubnetsInSameZone",
  ],
  [
    "a group's name that is taken",
    (a, n) => a.make(T.group, { vpcId: n.vpc.id, name: "hosts" }),
    "InvalidGroup.Duplicate: The security group 'hosts' already exists",
  ],
  ["a rule twice", (a, n) => twice(a, T.ingress, rule(n.group)), "InvalidPermission.Duplicate"],
  [
    "61 rules in a group",
    async (a, n) => {
      for (let port = 1; port <= 61; port++) await a.make(T.ingress, rule(n.group, { fromPort: port, toPort: port }));
    },
    "RulesPerSecurityGroupLimitExceeded",
  ],
  [
    "an address outside of the subnet",
    (a, n) => a.make(T.networkInterface, { subnetId: n.subnet.id, privateIps: ["10.0.1.20"] }),
    "Address does not fall within the subnet's address range",
  ],
  [
    "an address that AWS keeps",
    (a, n) => a.make(T.networkInterface, { subnetId: n.subnet.id, privateIps: ["10.0.0.3"] }),
    "is in subnet's reserved address range",
  ],
  [
    "an address in use",
    (a, n) => twice(a, T.networkInterface, { subnetId: n.subnet.id, privateIps: ["10.0.0.20"] }),
    "InvalidIPAddress.InUse",
  ],
  [
    "an address in use by a load balancer",
    async (a, n) => {
      await a.make(T.loadBalancer, balancer(n, "api"));
      await a.make(T.networkInterface, { subnetId: n.subnet.id, privateIps: ["10.0.0.4"] });
    },
    "InvalidIPAddress.InUse",
  ],
  [
    "a group of another network",
    async (a, n) => {
      const other = await a.make(T.group, {
        vpcId: (await a.make(T.vpc, { cidrBlock: "10.9.0.0/16" })).id,
        name: "other",
      });
      await a.make(T.networkInterface, { subnetId: n.subnet.id, securityGroups: [other.id] });
    },
    "belong to different networks",
  ],
  [
    "an interface used twice",
    async (a, n) => {
      const card = await a.make(T.networkInterface, { subnetId: n.subnet.id });
      for (const _ of [1, 2])
        await a.make(T.instance, {
          ami: "ami-0123456789abcdef0",
          instanceType: "m6i.large",
          primaryNetworkInterface: { networkInterfaceId: card.id },
        });
    },
    "InvalidNetworkInterface.InUse",
  ],
  [
    "an instance in another zone than its subnet",
    (a, n) => a.host(n.subnet.id, { availabilityZone: "us-east-1b" }),
    "is not that of the subnet or interface",
  ],
  [
    "a profile that does not exist",
    (a, n) => a.host(n.subnet.id, { iamInstanceProfile: "none" }),
    "Invalid IAM Instance Profile name",
  ],
  [
    "the eighth of a spread group in a zone",
    async (a, n) => {
      const group = await a.make(T.placementGroup, { name: "spread", strategy: "spread" });
      for (let i = 0; i < 8; i++) await a.host(n.subnet.id, { placementGroup: group.id });
    },
    "at most 7 running instances in an Availability Zone",
  ],
  [
    "a placement group's name that is taken",
    (a) => twice(a, T.placementGroup, { name: "spread", strategy: "spread" }),
    "InvalidPlacementGroup.Duplicate",
  ],
  [
    "a launch template's name that is taken",
    (a) => twice(a, T.launchTemplate, { name: "pool" }),
    "InvalidLaunchTemplateName.AlreadyExistsException",
  ],
  [
    "a pool without its template",
    (a, n) =>
      a.make(T.autoScaling, {
        minSize: 1,
        maxSize: 1,
        launchTemplate: { id: "lt-0" },
        vpcZoneIdentifiers: [n.subnet.id],
      }),
    "You must use a valid fully-formed launch template",
  ],
  [
    "a volume in another zone than the instance",
    async (a, n) => {
      const volume = await a.make(T.volume, { availabilityZone: "us-east-1b", size: 10 });
      await a.make(T.attachment, {
        deviceName: "/dev/sdf",
        instanceId: (await a.host(n.subnet.id)).id,
        volumeId: volume.id,
      });
    },
    "InvalidVolume.ZoneMismatch",
  ],
  [
    "a volume on two instances",
    async (a, n) => {
      const volume = await a.make(T.volume, { availabilityZone: "us-east-1a", size: 10 });
      for (const _ of [1, 2])
        await a.make(T.attachment, {
          deviceName: "/dev/sdf",
          instanceId: (await a.host(n.subnet.id)).id,
          volumeId: volume.id,
        });
    },
    "VolumeInUse",
  ],
  [
    "two volumes at one device",
    async (a, n) => {
      const { id } = await a.host(n.subnet.id);
      for (const _ of [1, 2])
        await a.make(T.attachment, {
          deviceName: "/dev/sdf",
          instanceId: id,
          volumeId: (await a.make(T.volume, { availabilityZone: "us-east-1a", size: 10 })).id,
        });
    },
    "Attachment point /dev/sdf is already in use",
  ],
  [
    "a volume that shrinks",
    async (a) => {
      const volume = await a.make(T.volume, { availabilityZone: "us-east-1a", size: 10 });
      await a.update(volume, { availabilityZone: "us-east-1a", size: 9 });
    },
    "New size cannot be smaller than existing size",
  ],
  [
    "a load balancer's name that is taken",
    (a, n) => twice(a, T.loadBalancer, balancer(n, "api")),
    "DuplicateLoadBalancerName",
  ],
  [
    "two subnets of one zone at a load balancer",
    async (a, n) => {
      const third = await a.make(T.subnet, {
        vpcId: n.vpc.id,
        cidrBlock: "10.0.2.0/24",
        availabilityZone: "us-east-1a",
      });
      await a.make(T.loadBalancer, balancer(n, "api", { subnets: [n.subnet.id, third.id] }));
    },
    "multiple subnets in the same Availability Zone",
  ],
  [
    "a target group's name that is taken",
    (a, n) => twice(a, T.targetGroup, targets(n, "api")),
    "DuplicateTargetGroupName",
  ],
  [
    "a public address as a target",
    async (a, n) =>
      a.make(T.target, { targetGroupArn: (await a.make(T.targetGroup, targets(n, "api"))).id, targetId: "8.8.8.8" }),
    "InvalidTarget",
  ],
  [
    "a target twice",
    async (a, n) => {
      const group = await a.make(T.targetGroup, targets(n, "api"));
      await twice(a, T.target, { targetGroupArn: group.id, targetId: "10.0.0.20", port: 6443 });
    },
    "DuplicateTarget",
  ],
  [
    "two listeners at one port",
    async (a, n) => {
      const [lb, group] = [
        await a.make(T.loadBalancer, balancer(n, "api")),
        await a.make(T.targetGroup, targets(n, "api")),
      ];
      await twice(a, T.listener, listener(lb, group));
    },
    "DuplicateListener",
  ],
  [
    "protocols that do not go together",
    async (a, n) => {
      const [lb, group] = [
        await a.make(T.loadBalancer, balancer(n, "api")),
        await a.make(T.targetGroup, targets(n, "api", { protocol: "UDP" })),
      ];
      await a.make(T.listener, listener(lb, group));
    },
    "IncompatibleProtocols",
  ],
  [
    "a target group of two load balancers",
    async (a, n) => {
      const group = await a.make(T.targetGroup, targets(n, "api"));
      for (const name of ["one", "two"])
        await a.make(T.listener, listener(await a.make(T.loadBalancer, balancer(n, name)), group));
    },
    "TargetGroupAssociationLimit",
  ],
  [
    "a domain twice in a VPC",
    (a, n) => twice(a, T.zone, { name: "x.internal", vpcs: [{ vpcId: n.vpc.id }] }),
    "ConflictingDomainExists",
  ],
  [
    "a record twice",
    async (a, n) => {
      const zone = await a.make(T.zone, { name: "x.internal", vpcs: [{ vpcId: n.vpc.id }] });
      await twice(a, T.record, { zoneId: zone.id, name: "api", type: "A", ttl: 60, records: ["10.0.0.1"] });
    },
    "but it already exists",
  ],
  [
    "a role's name that is taken",
    (a) => twice(a, T.role, { name: "host", assumeRolePolicy: policy }),
    "EntityAlreadyExists: Role with name host already exists.",
  ],
  [
    "a profile's name that is taken",
    (a) => twice(a, T.profile, { name: "host" }),
    "EntityAlreadyExists: Instance Profile host already exists.",
  ],
  [
    "inline policies beyond their sum",
    async (a) => {
      const role = await a.make(T.role, { name: "host", assumeRolePolicy: policy });
      const big = JSON.stringify({ Statement: [{ Resource: "x".repeat(6_000) }] });
      for (const name of ["one", "two"]) await a.make(T.rolePolicy, { role: role.id, name, policy: big });
    },
    "Maximum policy size of 10240 bytes exceeded for role host",
  ],
  [
    "an alias that is taken",
    async (a) => twice(a, T.alias, { name: "alias/x", targetKeyId: (await a.make(T.key)).id }),
    "AlreadyExistsException",
  ],
  [
    "a key that is to be deleted",
    async (a) => {
      const key = await a.make(T.key);
      await a.remove(key);
      await a.make(T.volume, {
        availabilityZone: "us-east-1a",
        size: 1,
        encrypted: true,
        kmsKeyId: key.outputs.arn as string,
      });
    },
    "NotFoundException",
  ],
  ["a bucket's name that is ours", (a) => twice(a, T.bucket, { bucket: "mine" }), "BucketAlreadyOwnedByYou"],
  [
    "two settings of a bucket",
    async (a) => {
      await a.make(T.bucket, { bucket: "mine" });
      for (const status of ["Enabled", "Suspended"])
        await a.make(T.versioning, { bucket: "mine", versioningConfiguration: { status } });
    },
    "by another resource already",
  ],
  [
    "a public policy where they are blocked",
    async (a) => {
      await a.make(T.bucket, { bucket: "mine" });
      await a.make(T.accessBlock, { bucket: "mine", blockPublicPolicy: true });
      await a.make(T.bucketPolicy, {
        bucket: "mine",
        policy: JSON.stringify({ Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject" }] }),
      });
    },
    "BlockPublicPolicy",
  ],
  [
    "an object lock without versions",
    async (a) => {
      await a.make(T.bucket, { bucket: "mine" });
      await a.make(T.objectLock, { bucket: "mine" });
    },
    "Versioning must be 'Enabled'",
  ],
  [
    "an object twice",
    async (a) => {
      await a.make(T.bucket, { bucket: "mine" });
      await twice(a, T.object, { bucket: "mine", key: "etcd", content: "x" });
    },
    "OperationAborted",
  ],
];

describe("AWS refuses to make", () => {
  it.each(creations)("%s", async (_what, attempt, words) => {
    const network = await account.network();
    await expect(attempt(account, network)).rejects.toThrow(words);
    expect(account.told.at(-1)).toMatchObject({ error: expect.stringMatching(/^[A-Za-z.]+$/) });
  });
});

/** What is held, by what; then in the right order. */
type Hold = readonly [
  what: string,
  make: (a: Account, n: Network) => Promise<readonly [held: Made, holder: Made]>,
  words: string,
];

const holds: readonly Hold[] = [
  ["a VPC with a subnet", async (_a, n) => [n.vpc, n.subnet], "has dependencies and cannot be deleted"],
  [
    "a subnet with an interface",
    async (a, n) => [n.subnet, await a.make(T.networkInterface, { subnetId: n.subnet.id })],
    "DependencyViolation: The subnet",
  ],
  [
    "a group of an interface",
    async (a, n) => [
      n.group,
      await a.make(T.networkInterface, { subnetId: n.subnet.id, securityGroups: [n.group.id] }),
    ],
    "has a dependent object",
  ],
  [
    "a group that another's rule names",
    async (a, n) => {
      const other = await a.make(T.group, { vpcId: n.vpc.id, name: "other" });
      return [
        n.group,
        await a.make(T.ingress, { ...rule(other), cidrIpv4: null, referencedSecurityGroupId: n.group.id }),
      ];
    },
    "has a dependent object",
  ],
  [
    "an interface of an instance",
    async (a, n) => {
      const card = await a.make(T.networkInterface, { subnetId: n.subnet.id });
      return [
        card,
        await a.make(T.instance, {
          ami: "ami-0123456789abcdef0",
          instanceType: "m6i.large",
          primaryNetworkInterface: { networkInterfaceId: card.id },
        }),
      ];
    },
    "is currently in use",
  ],
  [
    "a volume that is attached",
    async (a, n) => {
      const volume = await a.make(T.volume, { availabilityZone: "us-east-1a", size: 10 });
      const { id } = await a.host(n.subnet.id);
      return [volume, await a.make(T.attachment, { deviceName: "/dev/sdf", instanceId: id, volumeId: volume.id })];
    },
    "is currently attached to i-",
  ],
  [
    "a placement group with an instance",
    async (a, n) => {
      const group = await a.make(T.placementGroup, { name: "spread", strategy: "spread" });
      return [group, await a.host(n.subnet.id, { placementGroup: group.id })];
    },
    "InvalidPlacementGroup.InUse",
  ],
  [
    "a route table of a subnet",
    async (a, n) => {
      const table = await a.make(T.routeTable, { vpcId: n.vpc.id });
      return [table, await a.make(T.association, { subnetId: n.subnet.id, routeTableId: table.id })];
    },
    "The routeTable",
  ],
  [
    "an elastic address of a NAT gateway",
    async (a, n) => {
      await a.make(T.internetGateway, { vpcId: n.vpc.id });
      const eip = await a.make(T.eip, { domain: "vpc" });
      return [eip, await a.make(T.natGateway, { subnetId: n.subnet.id, allocationId: eip.id })];
    },
    "is in use",
  ],
  [
    "an internet gateway with public addresses behind it",
    async (a, n) => {
      const gateway = await a.make(T.internetGateway, { vpcId: n.vpc.id });
      const eip = await a.make(T.eip, { domain: "vpc" });
      return [gateway, await a.make(T.natGateway, { subnetId: n.subnet.id, allocationId: eip.id })];
    },
    "has some mapped public address(es)",
  ],
  [
    "a target group of a listener",
    async (a, n) => {
      const [lb, group] = [
        await a.make(T.loadBalancer, balancer(n, "api")),
        await a.make(T.targetGroup, targets(n, "api")),
      ];
      return [group, await a.make(T.listener, listener(lb, group))];
    },
    "is currently in use by a listener or a rule",
  ],
  [
    "a role with a policy",
    async (a) => {
      const role = await a.make(T.role, { name: "host", assumeRolePolicy: policy });
      return [role, await a.make(T.rolePolicy, { role: role.id, name: "own", policy })];
    },
    "DeleteConflict",
  ],
  [
    "a zone with a record",
    async (a, n) => {
      const zone = await a.make(T.zone, { name: "x.internal", vpcs: [{ vpcId: n.vpc.id }] });
      return [
        zone,
        await a.make(T.record, { zoneId: zone.id, name: "api", type: "A", ttl: 60, records: ["10.0.0.1"] }),
      ];
    },
    "HostedZoneNotEmpty",
  ],
  [
    "a bucket with an object",
    async (a) => {
      const bucket = await a.make(T.bucket, { bucket: "mine" });
      return [bucket, await a.make(T.object, { bucket: "mine", key: "etcd", content: "x" })];
    },
    "BucketNotEmpty",
  ],
];

describe("AWS refuses to delete", () => {
  it.each(holds)("%s, until that is gone", async (_what, make, words) => {
    const [held, holder] = await make(account, await account.network());
    await expect(account.remove(held)).rejects.toThrow(words);
    if (held.type === T.vpc) {
      for (const one of account.provider.cloud.everything.filter(({ type }) => type === T.group || type === T.subnet))
        await account.provider.delete(account.at(one.type, one.name), one.id);
    } else await account.remove(holder);
    await account.remove(held);
    expect(account.provider.cloud.find(held.type, held.id)).toBeUndefined();
  });

  it("what is protected, until it is not", async () => {
    const n = await account.network();
    const host = await account.host(n.subnet.id, { disableApiTermination: true });
    await expect(account.remove(host)).rejects.toThrow("OperationNotPermitted: The instance");
    await account.update(host, { ...host.inputs, disableApiTermination: false });
    await account.remove(host);
    const lb = await account.make(T.loadBalancer, balancer(n, "api", { enableDeletionProtection: true }));
    await expect(account.remove(lb)).rejects.toThrow("cannot be deleted because deletion protection is enabled");
    const zone = await account.make(T.bucket, { bucket: "mine", forceDestroy: true });
    await account.make(T.object, { bucket: "mine", key: "etcd", content: "x" });
    await account.remove(zone);
    expect(account.provider.cloud.all(T.object)).toEqual([]);
  });
});

describe("an account", () => {
  it("has quotas", async () => {
    account.open({ quotas: { "L-1216C47A": 5 } });
    const n = await account.network();
    await account.host(n.subnet.id, { instanceType: "m6i.xlarge" });
    await expect(account.host(n.subnet.id)).rejects.toThrow(
      "VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 5",
    );
    const asked = { serviceCode: "ec2", quotaCode: "L-1216C47A" };
    expect(await account.provider.invoke("aws:servicequotas/getServiceQuota:getServiceQuota", asked)).toMatchObject({
      value: 5,
    });
  });

  it("has zones without some types", async () => {
    account.open({ notOffered: { "us-east-1a": ["i7ie.2xlarge"] } });
    const n = await account.network();
    await expect(account.host(n.subnet.id, { instanceType: "i7ie.2xlarge" })).rejects.toThrow(
      "Unsupported: Your requested instance type (i7ie.2xlarge) is not supported in your requested Availability Zone (us-east-1a)",
    );
    await account.host(n.second.id, { instanceType: "i7ie.2xlarge" });
  });

  it("shares names of buckets with others, and has what was there before", async () => {
    const there = { type: T.vpc, id: "vpc-0aa", region: "us-east-1", inputs: { cidrBlock: "10.7.0.0/16" } };
    account.open({ foreignBuckets: ["theirs"], existing: [there] });
    await expect(account.make(T.bucket, { bucket: "theirs" })).rejects.toThrow("BucketAlreadyExists");
    await account.make(T.subnet, { vpcId: "vpc-0aa", cidrBlock: "10.7.0.0/24" });
    expect(await account.provider.invoke("aws:ec2/getVpc:getVpc", { id: "vpc-0aa" })).toMatchObject({
      id: "vpc-0aa",
      cidrBlock: "10.7.0.0/16",
    });
  });

  it("is found again by another run, also where a crash cut its file", async () => {
    const n = await account.network();
    const { appendFileSync } = await import("node:fs");
    appendFileSync(account.file, '{"put":{"id":"half');
    account.open({ quotas: {} });
    expect(account.provider.cloud.find(T.subnet, n.subnet.id)?.outputs.arn).toBe(n.subnet.outputs.arn);
    await account.make(T.vpc, { cidrBlock: "10.9.0.0/16" });
    account.open();
    expect(account.provider.cloud.all(T.vpc)).toHaveLength(2);
  });
});

describe("a network", () => {
  it("has subnets in a range that was added to it, which stays as long as they do", async () => {
    const { vpc } = await account.network();
    await expect(account.make(T.vpcBlock, { vpcId: vpc.id, cidrBlock: "10.0.64.0/20" })).rejects.toThrow(
      "The CIDR '10.0.64.0/20' conflicts with another of the VPC: 10.0.0.0/16",
    );
    const added = await account.make(T.vpcBlock, { vpcId: vpc.id, cidrBlock: "10.1.0.0/16" });
    const inside = await account.make(T.subnet, { vpcId: vpc.id, cidrBlock: "10.1.0.0/24" });
    await expect(account.remove(added)).rejects.toThrow(`has a subnet in the CIDR block 10.1.0.0/16: ${inside.id}`);
    await account.remove(inside);
    await account.remove(added);
    await expect(account.make(T.subnet, { vpcId: vpc.id, cidrBlock: "10.1.0.0/24" })).rejects.toThrow(
      "The CIDR '10.1.0.0/24' is invalid: it is not in 10.0.0.0/16",
    );
  });

  it("has a group that is taken over, and goes with the VPC", async () => {
    const vpc = await account.make(T.vpc, { cidrBlock: "10.0.0.0/16" });
    const group = await account.make(T.defaultGroup, { vpcId: vpc.id });
    expect(group.id).toBe(vpc.outputs.defaultSecurityGroupId);
    await account.remove(vpc);
  });
});

describe("an update's preview", () => {
  it("knows what stays, and not what comes anew", async () => {
    const template = await account.make(T.launchTemplate, { name: "pool", imageId: "ami-01234567", description: "x" });
    const { outputs } = await account.provider.update(
      account.at(T.launchTemplate, "pool", true),
      template.id,
      template.inputs,
      template.outputs,
      { name: "pool", imageId: "ami-89abcdef" },
    );
    expect(outputs).toMatchObject({ arn: template.outputs.arn, imageId: "ami-89abcdef", latestVersion: UNKNOWN });
    expect(outputs.description).toBeUndefined();
    expect(await account.update(template, { name: "pool", imageId: "ami-89abcdef" })).toMatchObject({
      latestVersion: 2,
    });
  });
});

describe("a change replaces", () => {
  it.each<readonly [what: string, type: string, before: Values, after: Values, replaces: readonly string[]]>([
    ["an instance for its image", T.instance, { ami: "ami-1" }, { ami: "ami-2" }, ["ami"]],
    [
      "no instance for its type or user data",
      T.instance,
      { instanceType: "a", userData: "x" },
      { instanceType: "b", userData: "y" },
      [],
    ],
    [
      "an instance for its user data where that is asked for",
      T.instance,
      { userData: "x", userDataReplaceOnChange: true },
      { userData: "y", userDataReplaceOnChange: true },
      ["userData"],
    ],
    [
      "an instance for its root volume's encryption, not for its size",
      T.instance,
      { rootBlockDevice: { encrypted: false, volumeSize: 8 } },
      { rootBlockDevice: { encrypted: true, volumeSize: 9 } },
      ["rootBlockDevice"],
    ],
    [
      "an interface for its address",
      T.networkInterface,
      { privateIps: ["10.0.0.5"] },
      { privateIps: ["10.0.0.6"] },
      ["privateIps"],
    ],
    [
      "a volume for its zone, not for its size",
      T.volume,
      { availabilityZone: "a", size: 1 },
      { availabilityZone: "b", size: 2 },
      ["availabilityZone"],
    ],
    [
      "a load balancer that gets groups later",
      T.loadBalancer,
      { subnets: ["a"] },
      { subnets: ["a", "b"], securityGroups: ["sg"] },
      ["securityGroups"],
    ],
    ["a load balancer that loses a subnet", T.loadBalancer, { subnets: ["a", "b"] }, { subnets: ["a"] }, ["subnets"]],
    ["no template for a new image", T.launchTemplate, { imageId: "ami-1" }, { imageId: "ami-2" }, []],
    ["a group for its description", T.group, { description: "a" }, { description: "b" }, ["description"]],
    ["no rule for its ports", T.ingress, { fromPort: 1 }, { fromPort: 2 }, []],
  ])("%s", async (_what, type, before, after, replaces) => {
    expect(await account.replaced(type, before, after)).toEqual(replaces);
  });

  it("first deletes what keeps a fixed name", async () => {
    const diff = (name: Values) =>
      account.provider.diff(account.at(T.targetGroup, "api"), "id", { port: 1, ...name }, {}, { port: 2, ...name }, []);
    expect(await diff({ name: "api" })).toMatchObject({ replaces: ["port"], deleteBeforeReplace: true });
    expect(await diff({ name: "api-0000000", __defaults: ["name"] })).toMatchObject({ deleteBeforeReplace: false });
  });
});
