/** Target groups of load balancers, and their targets. */
import type { Values } from "../../../values/value";
import { addressOf, blockOf } from "../addresses";
import { refuse } from "../api-error";
import type { Cloud } from "../cloud";
import { failures, isSet, numberAt, objectsAt, textAt } from "../inputs";
import type { Row } from "../row";
import { arn, blocksOf, othersOf, refTo, T, taken, vpcRef } from "./common";
import { longestName, nameFailures } from "./load-balancer-names";

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
  naming: { property: "name", prefix: "namePrefix", longest: longestName },
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
      othersOf(cloud, T.target, self).some(
        (one) =>
          one.inputs.targetGroupArn === group.id && one.inputs.targetId === id && one.inputs.port === inputs.port,
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

export const targetGroups = [targetGroup, target];
