/** Where clients reach the API: a network load balancer that spreads connections over the masters, and its name in a private zone. */
import { ports } from "../../plan/ports";
import { healthTimes } from "./health-times";
import { apiNameOf, domainOf, nameOf, tagsOf } from "./names";
import type { AwsParts, Network, SecurityGroups } from "./parts";
import { type AwsResource, type AwsResourceOf, refTo, resource } from "./resource";

export interface ApiLoadBalancer {
  readonly resources: readonly AwsResource[];
  readonly targetGroup: AwsResourceOf<"lb/targetGroup:TargetGroup">;
}

export function loadBalancer(
  parts: AwsParts,
  network: Pick<Network, "services" | "vpc">,
  { loadBalancer: group }: Pick<SecurityGroups, "loadBalancer">,
): ApiLoadBalancer {
  const name = nameOf(parts, "api");
  const tags = tagsOf(parts, name);
  const balancer = resource("lb/loadBalancer:LoadBalancer", name, {
    loadBalancerType: "network",
    internal: true,
    subnets: parts.zones.map((zone) => subnetOf(network, zone.name)),
    // A load balancer that was made without one cannot be given one later (kubernetes-sigs/cluster-api-provider-aws#4790).
    securityGroups: [refTo(group, "id")],
    // Else a zone's masters get its clients' connections alone, however many of them there are.
    enableCrossZoneLoadBalancing: true,
    tags,
  });
  // Its name is the provider's: with a fixed one no other could take its place while the listener uses it (pulumi/pulumi-aws#4220).
  const targetGroup = resource("lb/targetGroup:TargetGroup", name, {
    vpcId: network.vpc,
    targetType: "ip",
    protocol: "TCP",
    port: ports.apiserver,
    // A master reaches itself through the load balancer, which a preserved address does not allow.
    preserveClientIp: "false",
    healthCheck: {
      protocol: "HTTP",
      port: String(ports.health),
      path: "/readyz",
      matcher: "200",
      ...healthTimes,
    },
    // What is under way ends by itself: an API server that is about to stop lets its requests end.
    connectionTermination: false,
    targetHealthStates: [{ enableUnhealthyConnectionTermination: false, unhealthyDrainingInterval: 60 }],
    deregistrationDelay: 120,
    tags,
  });
  const listener = resource("lb/listener:Listener", name, {
    loadBalancerArn: refTo(balancer, "arn"),
    protocol: "TCP",
    port: ports.apiserver,
    defaultActions: [{ type: "forward", targetGroupArn: refTo(targetGroup, "arn") }],
    tcpIdleTimeoutSeconds: idleSeconds,
    tags,
  });
  return {
    resources: [balancer, targetGroup, listener, ...privateZone(parts, network, balancer)],
    targetGroup,
  };
}

/** Longer than a watch of a quiet cluster is silent; at most 6,000, 350 by default. Then the load balancer forgets a connection without a word to its ends. */
const idleSeconds = 3600;

/** The zone is the cluster's own: nothing else is called anything in it. */
function privateZone(
  parts: AwsParts,
  { vpc }: Pick<Network, "vpc">,
  balancer: AwsResourceOf<"lb/loadBalancer:LoadBalancer">,
): AwsResource[] {
  const name = nameOf(parts, "api");
  const zone = resource("route53/zone:Zone", name, {
    name: domainOf(parts.stack),
    comment: `API of ${parts.stack}`,
    vpcs: [{ vpcId: vpc }],
    tags: tagsOf(parts, name),
  });
  const record = resource("route53/record:Record", name, {
    zoneId: refTo(zone, "zoneId"),
    name: apiNameOf(parts.stack),
    type: "A",
    aliases: [{ name: refTo(balancer, "dnsName"), zoneId: refTo(balancer, "zoneId"), evaluateTargetHealth: false }],
  });
  return [zone, record];
}

function subnetOf({ services }: Pick<Network, "services">, zone: string) {
  const subnet = services[zone];
  if (subnet === undefined) throw new Error(`no subnet of the load balancer in zone ${zone}`);
  return subnet;
}
