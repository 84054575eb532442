/** The API's load balancer, its name, and pools of nodes on AWS. */
import { describe, expect, it } from "vitest";
import { keyOf, references } from "../../components/platform/aws/resource";
import { awsPlanOf, ofType } from "../support/aws";

const plan = awsPlanOf("prod-a");
const only = <T>(all: readonly T[]): T => {
  expect(all).toHaveLength(1);
  return all[0] as T;
};
const balancer = only(ofType(plan.resources, "lb/loadBalancer:LoadBalancer"));
const targets = only(ofType(plan.resources, "lb/targetGroup:TargetGroup"));

describe("the load balancer", () => {
  it("is inside, in every zone, over all zones, and has a security group from the first moment", () => {
    expect(balancer.args).toMatchObject({
      loadBalancerType: "network",
      internal: true,
      enableCrossZoneLoadBalancing: true,
      securityGroups: [{ $ref: "ec2/securityGroup:SecurityGroup::prod-a-load-balancer", output: "id" }],
    });
    expect(balancer.args.subnets).toHaveLength(3);
  });

  it("asks the responder of each master, within EC2's bounds, and lets what is under way end", () => {
    expect(targets.args).toMatchObject({
      targetType: "ip",
      protocol: "TCP",
      port: 6443,
      preserveClientIp: "false",
      connectionTermination: false,
      targetHealthStates: [{ enableUnhealthyConnectionTermination: false }],
      healthCheck: { protocol: "HTTP", port: "3990", path: "/readyz", matcher: "200" },
    });
    const { interval = 0, timeout = 0 } = targets.args.healthCheck as { interval?: number; timeout?: number };
    expect(timeout).toBeLessThan(interval);
    expect(interval).toBeGreaterThanOrEqual(5);
    expect(timeout).toBeGreaterThanOrEqual(2);
  });

  it("has names that AWS makes, so that another target group can take the place of one in use", () => {
    for (const args of [balancer.args, targets.args]) expect(Object.keys(args)).not.toContain("name");
  });

  it("keeps idle connections longer than by default, and no longer than AWS does", () => {
    const { tcpIdleTimeoutSeconds } = only(ofType(plan.resources, "lb/listener:Listener")).args;
    expect(tcpIdleTimeoutSeconds).toBeGreaterThan(350);
    expect(tcpIdleTimeoutSeconds).toBeLessThanOrEqual(6000);
  });

  it("is what the API's name stands for, in a zone that nobody outside of the VPC sees", () => {
    const zone = only(ofType(plan.resources, "route53/zone:Zone"));
    expect(zone.args).toMatchObject({ name: "prod-a.kilonode.internal", vpcs: [{ vpcId: plan.network.vpc }] });
    const record = only(ofType(plan.resources, "route53/record:Record"));
    expect(record.args).toMatchObject({ name: "api.prod-a.kilonode.internal", type: "A" });
    expect(references(record.args.aliases).map(({ $ref, output }) => `${$ref} ${output}`)).toEqual([
      `${keyOf(balancer)} dnsName`,
      `${keyOf(balancer)} zoneId`,
    ]);
    expect(plan.parts.plan.api.endpoint).toBe("https://api.prod-a.kilonode.internal:6443");
  });
});

describe("a pool", () => {
  it("is a template, and a group that another version of it renews", () => {
    const template = only(ofType(plan.resources, "ec2/launchTemplate:LaunchTemplate"));
    const group = only(ofType(plan.resources, "autoscaling/group:Group"));
    expect(group.args).toMatchObject({
      minSize: 1300,
      maxSize: 1300,
      desiredCapacity: 1300,
      launchTemplate: { version: { $ref: keyOf(template), output: "latestVersion" } },
      instanceRefresh: { strategy: "Rolling" },
    });
    expect(group.args.vpcZoneIdentifiers).toHaveLength(3);
    expect(template.args.metadataOptions).toMatchObject({ httpTokens: "required", httpPutResponseHopLimit: 1 });
    expect(Buffer.from(template.args.userData as string, "base64").toString()).toMatch(/^#cloud-config\n/);
  });

  it("lets nobody in: no tag of its nodes names a key", () => {
    expect(JSON.stringify(ofType(plan.resources, "ec2/launchTemplate:LaunchTemplate"))).not.toContain('ssh-key"');
  });
});
