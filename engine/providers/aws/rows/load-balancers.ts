/** Network load balancers and their listeners. */
import type { Values } from "../../../values/value";
import { refuse } from "../api-error";
import { failures, isSet, isTrue, numberAt, objectsAt, textAt, textsAt } from "../inputs";
import type { Row } from "../row";
import { arn, groupRef, othersOf, refTo, sameNetwork, subnetRef, T, takeAddress, taken, vpcOf, zoneOf } from "./common";
import { longestName, nameFailures } from "./load-balancer-names";

const isNetwork = (inputs: Values): boolean => inputs.loadBalancerType === "network";
const subnetsOf = (inputs: Values): string[] => [
  ...textsAt(inputs, "subnets"),
  ...textsAt(inputs, "subnetMappings.subnetId"),
];

const loadBalancer: Row = {
  type: T.loadBalancer,
  api: ["Elastic Load Balancing v2", "CreateLoadBalancer", "DeleteLoadBalancer"],
  required: [],
  optional: [
    ...["accessLogs", "dnsRecordClientRoutingPolicy", "enableCrossZoneLoadBalancing", "enableDeletionProtection"],
    ...["enableZonalShift", "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic", "internal", "ipAddressType"],
    ...["loadBalancerType", "name", "namePrefix", "region", "securityGroups", "subnetMappings", "subnets", "tags"],
  ],
  replaces: ["internal", "loadBalancerType", "name", "namePrefix", "region"],
  source: "terraform-provider-aws elbv2/load_balancer.go; CloudFormation AWS::ElasticLoadBalancingV2::LoadBalancer",
  // customizeDiffLoadBalancerNLB: groups cannot come or go as a whole, subnets cannot go.
  replacesAlso: (before, after) => [
    ...(textsAt(before, "securityGroups").length > 0 === textsAt(after, "securityGroups").length > 0
      ? []
      : ["securityGroups"]),
    ...["subnets", "subnetMappings"].filter((name) => {
      const at = name === "subnets" ? name : `${name}.subnetId`;
      const now = textsAt(after, at);
      return textsAt(before, at).some((id) => !now.includes(id));
    }),
    ...(addressesAt(before) === addressesAt(after) ? [] : ["subnetMappings"]),
  ],
  computed: [
    ...["arn", "arnSuffix", "dnsName", "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic", "internal"],
    ...["ipAddressType", "securityGroups", "subnetMappings", "subnets", "vpcId", "zoneId"],
  ],
  naming: { property: "name", prefix: "namePrefix", longest: longestName },
  references: [subnetRef("subnets"), subnetRef("subnetMappings.subnetId"), groupRef("securityGroups")],
  check: (inputs) => [
    ...nameFailures(inputs),
    ...failures(
      [
        !isNetwork(inputs),
        "loadBalancerType",
        `${inputs.loadBalancerType ?? "application"} is not supported in a rehearsal; supported: network`,
      ],
      [
        !isSet(inputs, "subnets") && !isSet(inputs, "subnetMappings"),
        "subnets",
        "exactly one of `subnet_mapping,subnets` must be specified",
      ],
      [
        isSet(inputs, "subnets") && isSet(inputs, "subnetMappings"),
        "subnets",
        "exactly one of `subnet_mapping,subnets` must be specified",
      ],
    ),
  ],
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.loadBalancer, "name", textAt(inputs, "name"), self))
      refuse(
        "DuplicateLoadBalancerName",
        `A load balancer with the same name '${inputs.name}' exists, but with different settings`,
      );
    const zones = subnetsOf(inputs).map((id) => zoneOf(cloud, id));
    if (new Set(zones).size < zones.length)
      refuse(
        "InvalidConfigurationRequest",
        `A load balancer cannot be attached to multiple subnets in the same Availability Zone`,
      );
    if (new Set(subnetsOf(inputs).map((id) => vpcOf(cloud, id))).size > 1)
      refuse("InvalidSubnet", `All subnets must belong to the same VPC: ${subnetsOf(inputs).join(", ")}`);
    sameNetwork(cloud, textsAt(inputs, "securityGroups"), subnetsOf(inputs)[0]);
    for (const mapping of objectsAt(inputs, "subnetMappings"))
      if (isSet(mapping, "privateIpv4Address"))
        takeAddress(cloud, String(mapping.subnetId), textAt(mapping, "privateIpv4Address"), self);
  },
  id: (making) =>
    arn(
      making,
      "elasticloadbalancing",
      `loadbalancer/net/${making.inputs.name}/${making.cloud.newId("x").slice(2, 18)}`,
    ),
  make: ({ inputs, cloud, id, self, region }) => {
    const suffix = id.split(":loadbalancer/")[1] ?? "";
    const before = objectsAt(self?.outputs ?? {}, "simulatedAddresses");
    const wanted = (subnetId: string) =>
      textAt(
        objectsAt(inputs, "subnetMappings").find((one) => one.subnetId === subnetId) ?? {},
        "privateIpv4Address",
      ) ?? textAt(before.find((one) => one.subnetId === subnetId) ?? {}, "address");
    return {
      arn: id,
      arnSuffix: suffix,
      dnsName: `${inputs.name}-${suffix.split("/").at(-1)}.elb.${region}.amazonaws.com`,
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic:
        inputs.enforceSecurityGroupInboundRulesOnPrivateLinkTraffic ?? "on",
      internal: inputs.internal ?? false,
      ipAddressType: inputs.ipAddressType ?? "ipv4",
      securityGroups: inputs.securityGroups ?? [],
      subnetMappings: inputs.subnetMappings ?? textsAt(inputs, "subnets").map((subnetId) => ({ subnetId })),
      subnets: subnetsOf(inputs),
      vpcId: vpcOf(cloud, subnetsOf(inputs)[0]) ?? null,
      zoneId: "Z26RNL4JYFTOTI",
      simulatedAddresses: subnetsOf(inputs).map((subnetId) => ({
        subnetId,
        address: takeAddress(cloud, subnetId, wanted(subnetId), self),
      })),
    };
  },
  /** Its listeners go with it. */
  remove: (thing, cloud) => {
    if (isTrue(thing.inputs, "enableDeletionProtection"))
      refuse(
        "OperationNotPermitted",
        `Load balancer '${thing.id}' cannot be deleted because deletion protection is enabled`,
      );
    for (const one of cloud.all(T.listener)) if (one.inputs.loadBalancerArn === thing.id) cloud.remove(one);
  },
  inUse: (thing, holder) => ["ResourceInUse", `Load balancer '${thing.id}' is currently in use by ${holder.id}`],
};

const addressesAt = (inputs: Values): string =>
  objectsAt(inputs, "subnetMappings")
    .map((one) => `${one.subnetId} ${one.privateIpv4Address ?? ""} ${one.allocationId ?? ""}`)
    .sort()
    .join();

/** ELB user guide, "Listeners for your Network Load Balancers": protocols of target groups that go with a listener's. */
const COMPATIBLE: Readonly<Record<string, readonly string[]>> = {
  TCP: ["TCP", "TCP_UDP"],
  UDP: ["UDP", "TCP_UDP"],
  TCP_UDP: ["TCP_UDP"],
  TLS: ["TCP", "TLS"],
};

const listener: Row = {
  type: T.listener,
  api: ["Elastic Load Balancing v2", "CreateListener", "DeleteListener"],
  required: ["defaultActions", "loadBalancerArn"],
  optional: [
    "alpnPolicy",
    "certificateArn",
    "port",
    "protocol",
    "region",
    "sslPolicy",
    "tags",
    "tcpIdleTimeoutSeconds",
  ],
  replaces: ["loadBalancerArn", "region"],
  source: "terraform-provider-aws elbv2/listener.go; CloudFormation AWS::ElasticLoadBalancingV2::Listener",
  computed: ["arn", "sslPolicy", "tcpIdleTimeoutSeconds"],
  references: [
    refTo("loadBalancerArn", T.loadBalancer, "LoadBalancerNotFound", "load balancer"),
    refTo("defaultActions.targetGroupArn", T.targetGroup, "TargetGroupNotFound", "target group", { holds: true }),
  ],
  check: (inputs) => {
    const port = numberAt(inputs, "port");
    const idle = numberAt(inputs, "tcpIdleTimeoutSeconds");
    return failures(
      [!isSet(inputs, "port"), "port", "ValidationError: A port must be specified"],
      [
        port !== undefined && (port < 1 || port > 65_535),
        "port",
        `expected port to be in the range (1 - 65535), got ${port}`,
      ],
      // ELBv2 API reference, "tcp.idle_timeout.seconds: 60-6000".
      [
        idle !== undefined && (idle < 60 || idle > 6000),
        "tcpIdleTimeoutSeconds",
        `expected tcp_idle_timeout_seconds to be in the range (60 - 6000), got ${idle}`,
      ],
      [
        idle !== undefined && inputs.protocol !== "TCP",
        "tcpIdleTimeoutSeconds",
        `tcp_idle_timeout_seconds can only be set for listeners of protocol TCP`,
      ],
      [
        inputs.protocol === "TLS" && !isSet(inputs, "certificateArn"),
        "certificateArn",
        "ValidationError: A certificate must be specified for TLS listeners",
      ],
    );
  },
  rules: ({ inputs, cloud, self }) => {
    for (const other of othersOf(cloud, T.listener, self))
      if (other.inputs.loadBalancerArn === inputs.loadBalancerArn && other.inputs.port === inputs.port)
        refuse(
          "DuplicateListener",
          `A listener already exists on this port for this load balancer '${inputs.loadBalancerArn}'`,
        );
    const balancer = cloud.find(T.loadBalancer, String(inputs.loadBalancerArn));
    for (const id of textsAt(inputs, "defaultActions.targetGroupArn")) {
      const group = cloud.find(T.targetGroup, id);
      if (!COMPATIBLE[String(inputs.protocol)]?.includes(String(group?.inputs.protocol)))
        refuse(
          "IncompatibleProtocols",
          `The listener protocol '${inputs.protocol}' is not supported with a target group with the target-group protocol '${group?.inputs.protocol}'`,
        );
      if (group?.inputs.vpcId !== balancer?.outputs.vpcId)
        refuse("InvalidConfigurationRequest", `The target group '${id}' is not in the VPC of the load balancer`);
      const other = othersOf(cloud, T.listener, self).find(
        (one) =>
          one.inputs.loadBalancerArn !== inputs.loadBalancerArn &&
          textsAt(one.inputs, "defaultActions.targetGroupArn").includes(id),
      );
      if (other !== undefined)
        refuse(
          "TargetGroupAssociationLimit",
          `The following target groups cannot be associated with more than one load balancer: ${id}`,
        );
    }
  },
  id: (making) =>
    `${String(making.inputs.loadBalancerArn).replace(":loadbalancer/", ":listener/")}/${making.cloud.newId("l").slice(2, 18)}`,
  make: ({ inputs, id }) => ({
    arn: id,
    sslPolicy: inputs.sslPolicy ?? "",
    tcpIdleTimeoutSeconds: inputs.tcpIdleTimeoutSeconds ?? (inputs.protocol === "TCP" ? 350 : null),
  }),
};

export const loadBalancers = [loadBalancer, listener];
