/** The network on AWS: subnets, ways out, endpoints; and the graph of who reaches whom. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { subnetRanges } from "../../components/platform/aws/network";
import { type AwsPlan, wholeCluster } from "../../components/platform/aws/plan";
import { inOrder, type Reference } from "../../components/platform/aws/resource";
import { type Cidr, overlap, parseCidr, sizeOf } from "../../config/cidr";
import { awsPlanOf, awsStacks, ofType } from "../support/aws";
import { rawOf } from "../support/plans";

const cidr = (text: unknown): Cidr => {
  const parsed = parseCidr(String(text));
  if (!parsed) throw new Error(`${text} is no range`);
  return parsed;
};
const within = (inner: Cidr, outer: Cidr) => inner.prefix >= outer.prefix && overlap(inner, outer);

describe("subnets", () => {
  it("are, in the first zone of production, a /24 of hosts, a /27 of services, a /19 of nodes and a /28 on the way out", () => {
    const { resources } = awsPlanOf("prod-a");
    const ranges = ofType(resources, "ec2/subnet:Subnet").map(({ name, args }) => [name, args.cidrBlock]);
    expect(Object.fromEntries(ranges)).toMatchObject({
      "prod-a-hosts-a": "10.16.0.0/24",
      "prod-a-services-a": "10.16.15.0/27",
      "prod-a-nodes-a": "10.17.0.0/19",
      "prod-a-public-a": "10.17.224.0/28",
      "prod-a-hosts-c": "10.16.2.0/24",
      "prod-a-services-c": "10.16.15.64/27",
      "prod-a-nodes-c": "10.17.64.0/19",
      "prod-a-public-c": "10.17.224.32/28",
    });
    expect(ranges).toHaveLength(12);
  });

  it("share no address, whatever the ranges and zones are, and stay where they are when a zone is added", () => {
    const prefixes = { hosts: fc.integer({ min: 16, max: 21 }), nodes: fc.integer({ min: 16, max: 22 }) };
    fc.assert(
      fc.property(prefixes.hosts, prefixes.nodes, fc.integer({ min: 1, max: 6 }), (hosts, nodes, zones) => {
        const network = { hosts: `10.0.0.0/${hosts}`, nodes: `10.64.0.0/${nodes}` };
        const { nodes: ofNodes, services, ways } = subnetRanges(network, zones);
        const zoneRanges = Array.from({ length: zones }, (_, index) => `10.0.${index}.0/24`);
        const all = [...zoneRanges, ...services, ...ofNodes, ...ways].map(cidr);
        for (const [index, one] of all.entries())
          for (const other of all.slice(0, index)) expect(overlap(one, other)).toBe(false);
        for (const one of services) expect(within(cidr(one), cidr(network.hosts))).toBe(true);
        for (const one of [...ofNodes, ...ways]) expect(within(cidr(one), cidr(network.nodes))).toBe(true);
        for (const one of all) expect(one.base % sizeOf(one)).toBe(0);
        expect(subnetRanges(network, zones + 1).nodes.slice(0, zones)).toEqual(ofNodes);
      }),
    );
  });

  it("are public where a way out is, and nowhere else", () => {
    const count = (egress: string) => {
      const { resources } = awsPlanOf("prod-a", { aws: { ...(rawOf("prod-a").aws as object), egress } });
      const types = ["ec2/natGateway:NatGateway", "ec2/internetGateway:InternetGateway", "ec2/subnet:Subnet"] as const;
      return types.map((type) => ofType(resources, type).length);
    };
    expect(["nat-per-zone", "one-nat", "none"].map(count)).toEqual([
      [3, 1, 12],
      [1, 1, 10],
      [0, 0, 9],
    ]);
    for (const { args } of ofType(awsPlanOf("prod-a").resources, "ec2/subnet:Subnet"))
      expect(args.mapPublicIpOnLaunch).toBe(false);
  });

  it("are those of a VPC that exists, and then nothing of a network is made", () => {
    const ids = (kind: number) => ({
      a: `subnet-${kind}0000000a`,
      b: `subnet-${kind}0000000b`,
      c: `subnet-${kind}0000000c`,
    });
    const vpc = { id: "vpc-0123456789abcdef0", hosts: ids(1), services: ids(2), nodes: ids(3) };
    const { network, resources } = awsPlanOf("prod-a", { aws: { ...(rawOf("prod-a").aws as object), vpc } });
    expect(network).toMatchObject({ resources: [], vpc: vpc.id, hosts: vpc.hosts, nodes: vpc.nodes });
    for (const group of ofType(resources, "ec2/securityGroup:SecurityGroup")) expect(group.args.vpcId).toBe(vpc.id);
  });
});

/** "who port" of everyone whom a group lets in. */
function letIn({ resources }: AwsPlan, group: string): string[] {
  const groupOf = (of: unknown) => (of as Reference).$ref.split("::")[1];
  return ofType(resources, "vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    .filter(({ args }) => groupOf(args.securityGroupId) === group)
    .map(({ args }) => {
      const from = args.referencedSecurityGroupId ? groupOf(args.referencedSecurityGroupId) : args.cidrIpv4;
      return `${from} ${args.ipProtocol === "-1" ? "everything" : args.fromPort}`;
    })
    .sort();
}

describe("who reaches whom", () => {
  it("is this, in production", () => {
    const plan = awsPlanOf("prod-a");
    const groups = ofType(plan.resources, "ec2/securityGroup:SecurityGroup").map(({ name }) => name);
    expect(Object.fromEntries(groups.map((name) => [name, letIn(plan, name)]))).toEqual({
      "prod-a-endpoints": ["10.16.0.0/20 443", "10.17.0.0/16 443"],
      "prod-a-hosts": ["10.0.8.0/24 22"],
      "prod-a-etcd-main": ["prod-a-etcd-main 2379", "prod-a-etcd-main 2380", "prod-a-masters 2379"],
      "prod-a-etcd-events": ["prod-a-etcd-events 2379", "prod-a-etcd-events 2380", "prod-a-masters 2379"],
      "prod-a-etcd-leases": ["prod-a-etcd-leases 2379", "prod-a-etcd-leases 2380", "prod-a-masters 2379"],
      "prod-a-masters": ["prod-a-load-balancer 3990", "prod-a-load-balancer 6443"],
      "prod-a-load-balancer": ["10.0.8.0/24 6443", "prod-a-masters 6443", "prod-a-nodes 6443"],
      "prod-a-nodes": ["prod-a-masters 10250", "prod-a-nodes everything"],
    });
  });

  it.each(awsStacks)("is nobody but the cluster and named operators: %s", (stack) => {
    const { parts, resources } = awsPlanOf(stack);
    const { hosts, nodes, operators } = parts.plan.network;
    const named = [hosts, nodes, ...operators];
    for (const { args } of ofType(resources, "vpc/securityGroupIngressRule:SecurityGroupIngressRule")) {
      expect(args.cidrIpv6).toBeUndefined();
      if (args.cidrIpv4 !== undefined) expect(named).toContain(args.cidrIpv4);
    }
    for (const { args } of ofType(resources, "ec2/securityGroup:SecurityGroup")) {
      // Rules are resources of their own, and descriptions hold no value that could change.
      expect(Object.keys(args)).not.toContain("ingress");
      expect(args.description).toMatch(/^[A-Za-z0-9 -]+$/);
    }
  });

  it("is no wider than the firewall of the hosts themselves", () => {
    const { parts, resources } = awsPlanOf("prod-a");
    const rangeOf = (group: string) =>
      parts.plan.hosts.filter(({ name }) =>
        parts.plan.groups.some((one) => `prod-a-${one.name}` === group && one.hosts.includes(name)),
      );
    for (const { args } of ofType(resources, "vpc/securityGroupIngressRule:SecurityGroupIngressRule")) {
      const to = rangeOf((args.securityGroupId as Reference).$ref.split("::")[1] as string);
      for (const { machine } of to) expect(machine.firewall?.allowed.map(({ port }) => port)).toContain(args.fromPort);
    }
  });
});

describe("a plan for AWS", () => {
  it.each(awsStacks)("has every resource that another one refers to: %s", (stack) => {
    const resources = wholeCluster(awsPlanOf(stack));
    expect(inOrder(resources)).toHaveLength(resources.length);
  });

  it.each(["test", "prod-a"])("%s is as it was (refresh: npm run golden)", async (stack) => {
    // The same text for all hosts: golden/aws/user-data.yaml.
    const brief = (key: string, value: unknown) => (key === "userData" ? "..." : value);
    const lines = wholeCluster(awsPlanOf(stack)).map((one) => JSON.stringify(one, brief, 1));
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`golden/aws/${stack}.json`);
  });
});
