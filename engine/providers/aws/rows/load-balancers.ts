/** Network load balancers, their target groups and listeners. */
import type { Values } from "../../../values/value";
import { addressOf, blockOf } from "../addresses";
import { refuse } from "../api-error";
import type { Cloud } from "../cloud";
import { failures, isSet, isTrue, numberAt, objectsAt, textAt, textsAt } from "../inputs";
import type { Row } from "../row";
import {
  arn,
  blocksOf,
  groupRef,
  refTo,
  sameNetwork,
  subnetRef,
  T,
  takeAddress,
  taken,
  vpcOf,
  vpcRef,
  zoneOf,
} from "./common";

/** Own rule: ELBv2 API reference, CreateLoadBalancer and CreateTargetGroup, "maximum of 32 characters"; the models have no maximum. */
const LONGEST = 32;
/** terraform-provider-aws elbv2/validate.go: a prefix leaves room for what is made up. */
const LONGEST_PREFIX = 6;

function nameFailures(inputs: Values) {
  const name = textAt(inputs, "name");
  const prefix = textAt(inputs, "namePrefix");
  return failures(
    [
      name !== undefined && name.length > LONGEST,
      "name",
      `"name" cannot be longer than ${LONGEST} characters: "${name}" has ${name?.length}`,
    ],
    [
      name !== undefined && !/^[0-9A-Za-z-]+$/.test(name),
      "name",
      `only alphanumeric characters and hyphens allowed in "name": "${name}"`,
    ],
    [name !== undefined && /^-|-$/.test(name), "name", `"name" cannot begin or end with a hyphen: "${name}"`],
    [name !== undefined && /^internal-/.test(name), "name", `"name" cannot begin with "internal-": "${name}"`],
    [
      prefix !== undefined && prefix.length > LONGEST_PREFIX,
      "namePrefix",
      `"name_prefix" cannot be longer than ${LONGEST_PREFIX} characters: "${prefix}"`,
    ],
    [name !== undefined && prefix !== undefined, "name", "conflicts with namePrefix"],
  );
}

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
  naming: { property: "name", prefix: "namePrefix", longest: LONGEST },
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

/** Own rules: ELB user guide, "Health checks for Network Load Balancer target groups". */
function healthFailures(inputs: Values) {
  const at = (name: string) => `healthCheck.${name}`;
  const protocol = textAt(inputs, at("protocol")) ?? "HTTP";
  const number = (name: string) => numberAt(inputs, at(name));
  const outside = (name: string, least: number, most: number) => {
    const value = number(name);
    return [
      value !== undefined && (value < least || value > most),
      "healthCheck",
      `expected health_check.0.${name} to be in the range (${least} - ${most}), got ${value}`,
    ] as const;
  };
  const isTcp = protocol === "TCP";
  const port = textAt(inputs, at("port"));
  const path = textAt(inputs, at("path"));
  const [from = "", to = from] = (textAt(inputs, at("matcher")) ?? "200").split("-");
  return failures(
    [
      isTcp && path !== undefined,
      "healthCheck",
      `Attribute "health_check[0].path" cannot be specified when "health_check[0].protocol" is "TCP".`,
    ],
    [
      isTcp && isSet(inputs, at("matcher")),
      "healthCheck",
      `Attribute "health_check[0].matcher" cannot be specified when "health_check[0].protocol" is "TCP".`,
    ],
    [
      path !== undefined && !path.startsWith("/"),
      "healthCheck",
      `ValidationError: Health check path '${path}' must begin with a '/' character`,
    ],
    [
      port !== undefined &&
        port !== "traffic-port" &&
        !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535),
      "healthCheck",
      `"health_check.0.port" must be a valid port number (1-65535) or "traffic-port", got ${port}`,
    ],
    [
      !isTcp && isSet(inputs, at("matcher")) && [from, to].some((code) => Number(code) < 200 || Number(code) > 599),
      "healthCheck",
      `InvalidConfigurationRequest: Health check matcher HTTP code '${textAt(inputs, at("matcher"))}' must be within '200-599' inclusive`,
    ],
    [
      !isTcp && (number("timeout") ?? 0) >= (number("interval") ?? 30),
      "healthCheck",
      `ValidationError: Health check interval must be greater than the timeout.`,
    ],
    outside("healthyThreshold", 2, 10),
    outside("unhealthyThreshold", 2, 10),
    outside("interval", 5, 300),
    outside("timeout", 2, 120),
  );
}

const targetGroup: Row = {
  type: T.targetGroup,
  api: ["Elastic Load Balancing v2", "CreateTargetGroup", "DeleteTargetGroup"],
  required: [],
  optional: [
    ...["connectionTermination", "deregistrationDelay", "healthCheck", "ipAddressType"],
    ...["loadBalancingCrossZoneEnabled", "name", "namePrefix", "port", "preserveClientIp", "protocol"],
    ...[
      "proxyProtocolV2",
      "region",
      "stickiness",
      "tags",
      "targetGroupHealth",
      "targetHealthStates",
      "targetType",
      "vpcId",
    ],
  ],
  replaces: ["ipAddressType", "name", "namePrefix", "port", "protocol", "region", "targetType", "vpcId"],
  source: "terraform-provider-aws elbv2/target_group.go; CloudFormation AWS::ElasticLoadBalancingV2::TargetGroup",
  computed: [
    ...["arn", "arnSuffix", "connectionTermination", "healthCheck", "ipAddressType", "loadBalancerArns"],
    ...["loadBalancingCrossZoneEnabled", "preserveClientIp", "stickiness", "targetGroupHealth", "targetHealthStates"],
  ],
  naming: { property: "name", prefix: "namePrefix", longest: LONGEST },
  references: [vpcRef()],
  check: (inputs) => {
    const delay = numberAt(inputs, "deregistrationDelay");
    const port = numberAt(inputs, "port");
    return [
      ...nameFailures(inputs),
      ...healthFailures(inputs),
      ...failures(
        [inputs.targetType !== "lambda" && !isSet(inputs, "port"), "port", "ValidationError: A port must be specified"],
        [
          inputs.targetType !== "lambda" && !isSet(inputs, "protocol"),
          "protocol",
          "ValidationError: A protocol must be specified",
        ],
        [
          inputs.targetType !== "lambda" && !isSet(inputs, "vpcId"),
          "vpcId",
          "ValidationError: A VPC ID must be specified",
        ],
        [
          port !== undefined && (port < 1 || port > 65_535),
          "port",
          `expected port to be in the range (1 - 65535), got ${port}`,
        ],
        [
          delay !== undefined && (delay < 0 || delay > 3600),
          "deregistrationDelay",
          `expected deregistration_delay to be in the range (0 - 3600), got ${delay}`,
        ],
        ...objectsAt(inputs, "targetHealthStates").map((state) => {
          const interval = numberAt(state, "unhealthyDrainingInterval");
          return [
            (interval ?? 0) > 0 && state.enableUnhealthyConnectionTermination === true,
            "targetHealthStates",
            `InvalidConfigurationRequest: unhealthy_draining_interval can only be set when enable_unhealthy_connection_termination is false`,
          ] as const;
        }),
      ),
    ];
  },
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.targetGroup, "name", textAt(inputs, "name"), self))
      refuse(
        "DuplicateTargetGroupName",
        `A target group with the same name '${inputs.name}' exists, but with different settings`,
      );
  },
  id: (making) =>
    arn(making, "elasticloadbalancing", `targetgroup/${making.inputs.name}/${making.cloud.newId("x").slice(2, 18)}`),
  make: ({ inputs, id }) => ({
    arn: id,
    arnSuffix: id.split(":").at(-1) ?? "",
    connectionTermination: inputs.connectionTermination ?? false,
    healthCheck: inputs.healthCheck ?? { enabled: true, port: "traffic-port", protocol: "TCP" },
    ipAddressType: inputs.ipAddressType ?? "ipv4",
    loadBalancerArns: [],
    loadBalancingCrossZoneEnabled: inputs.loadBalancingCrossZoneEnabled ?? "use_load_balancer_configuration",
    preserveClientIp: inputs.preserveClientIp ?? String(inputs.targetType !== "ip" || inputs.protocol === "UDP"),
    stickiness: inputs.stickiness ?? { enabled: false, type: "source_ip" },
    targetGroupHealth: inputs.targetGroupHealth ?? {},
    targetHealthStates: inputs.targetHealthStates ?? [],
  }),
  inUse: (thing) => ["ResourceInUse", `Target group '${thing.id}' is currently in use by a listener or a rule`],
  remove: (thing, cloud) => {
    for (const one of cloud.all(T.target)) if (one.inputs.targetGroupArn === thing.id) cloud.remove(one);
  },
};

/** Addresses that may be targets outside of the VPC (ELB user guide, "Target type: ip"). */
const PRIVATE = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"].flatMap(
  (text) => blockOf(text) ?? [],
);

function isTarget(cloud: Cloud, address: string, vpcId: unknown): boolean {
  const number = addressOf(address);
  return [...PRIVATE, ...blocksOf(cloud, vpcId)].some(
    ({ first, last }) => number !== undefined && number >= first && number <= last,
  );
}

const target: Row = {
  type: T.target,
  api: ["Elastic Load Balancing v2", "RegisterTargets", "DeregisterTargets"],
  required: ["targetGroupArn", "targetId"],
  optional: ["availabilityZone", "port", "region"],
  replaces: ["availabilityZone", "port", "region", "targetGroupArn", "targetId"],
  source: "terraform-provider-aws elbv2/target_group_attachment.go",
  computed: [],
  references: [refTo("targetGroupArn", T.targetGroup, "TargetGroupNotFound", "target group")],
  rules: ({ inputs, cloud, self }) => {
    const group = cloud.find(T.targetGroup, String(inputs.targetGroupArn));
    const id = String(inputs.targetId);
    if (
      group?.inputs.targetType === "ip"
        ? !isTarget(cloud, id, group.inputs.vpcId)
        : cloud.find(T.instance, id) === undefined
    )
      refuse(
        "InvalidTarget",
        `The ${group?.inputs.targetType === "ip" ? "IP address" : "following targets"} '${id}' is not a valid target`,
      );
    if (
      group !== undefined &&
      cloud
        .all(T.target)
        .some(
          (one) =>
            one.id !== self?.id &&
            one.inputs.targetGroupArn === group.id &&
            one.inputs.targetId === id &&
            one.inputs.port === inputs.port,
        )
    )
      refuse(
        "DuplicateTarget",
        `the target '${id}' is registered twice with ${group.id}: whichever resource goes first takes it out`,
      );
  },
  id: (making) => `${making.inputs.targetGroupArn}-${making.cloud.newId("t").slice(2)}`,
  make: () => ({}),
};

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
    for (const other of cloud.all(T.listener))
      if (
        other.id !== self?.id &&
        other.inputs.loadBalancerArn === inputs.loadBalancerArn &&
        other.inputs.port === inputs.port
      )
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
      const other = cloud
        .all(T.listener)
        .find(
          (one) =>
            one.id !== self?.id &&
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

export const loadBalancers = [loadBalancer, targetGroup, target, listener];
