/** Security groups and their rules. */
import type { Values } from "../../../values/value";
import { blockOf } from "../addresses";
import { refuse } from "../api-error";
import { failures, isSet, numberAt, textAt } from "../inputs";
import type { Row } from "../row";
import { arn, groupRef, othersOf, refTo, T, vpcRef } from "./common";

/** EC2 API reference, CreateSecurityGroup: "a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*", at most 255. */
const DESCRIPTION = /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]*$/;

const descriptionFailures = (inputs: Values) => {
  const description = textAt(inputs, "description") ?? "";
  return failures(
    [
      !DESCRIPTION.test(description),
      "description",
      `Value (${description}) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported: valid are a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*`,
    ],
    [
      description.length > 255,
      "description",
      `expected length of description to be in the range (0 - 255), got ${description.length}`,
    ],
  );
};

const group: Row = {
  type: T.group,
  api: ["EC2", "CreateSecurityGroup", "DeleteSecurityGroup"],
  required: [],
  optional: ["description", "name", "namePrefix", "region", "revokeRulesOnDelete", "tags", "vpcId"],
  replaces: ["description", "name", "namePrefix", "region", "vpcId"],
  source: "terraform-provider-aws vpc_security_group.go; CloudFormation AWS::EC2::SecurityGroup",
  computed: ["arn", "description", "egress", "ingress", "ownerId"],
  naming: { property: "name", prefix: "namePrefix", longest: 255 },
  references: [vpcRef()],
  check: (inputs) => [
    ...descriptionFailures(inputs),
    ...failures(
      [/^sg-/.test(textAt(inputs, "name") ?? textAt(inputs, "namePrefix") ?? ""), "name", 'cannot begin with "sg-"'],
      [!isSet(inputs, "vpcId"), "vpcId", "vpcId is missing: a rehearsal has no default VPC"],
    ),
  ],
  rules: ({ inputs, cloud, self }) => {
    const same = othersOf(cloud, T.group, self).some(
      (one) => one.inputs.vpcId === inputs.vpcId && one.outputs.name === inputs.name,
    );
    if (same)
      refuse("InvalidGroup.Duplicate", `The security group '${inputs.name}' already exists for VPC '${inputs.vpcId}'`);
  },
  id: ({ cloud }) => cloud.newId("sg"),
  make: (making) => ({
    arn: arn(making, "ec2", `security-group/${making.id}`),
    description: making.inputs.description ?? "Managed by Pulumi",
    egress: [],
    ingress: [],
    ownerId: making.account,
  }),
  inUse: (thing) => ["DependencyViolation", `resource ${thing.id} has a dependent object`],
  /** With the group go its rules. */
  remove: (thing, cloud) => {
    for (const type of [T.ingress, T.egress])
      for (const rule of cloud.all(type)) if (rule.inputs.securityGroupId === thing.id) cloud.remove(rule);
  },
};

/** The group that each VPC has: it is taken over, loses its rules, and stays when its resource goes. */
const defaultGroup: Row = {
  type: T.defaultGroup,
  api: ["EC2", "DescribeSecurityGroups", "DescribeSecurityGroups"],
  required: [],
  optional: ["region", "revokeRulesOnDelete", "tags", "vpcId"],
  replaces: ["region", "vpcId"],
  source: "terraform-provider-aws vpc_default_security_group.go",
  computed: ["arn", "description", "egress", "ingress", "name", "namePrefix", "ownerId"],
  references: [vpcRef("vpcId", {})],
  check: (inputs) => failures([!isSet(inputs, "vpcId"), "vpcId", "vpcId is missing: a rehearsal has no default VPC"]),
  id: ({ inputs, cloud }) => String(cloud.find(T.vpc, String(inputs.vpcId))?.outputs.defaultSecurityGroupId),
  make: (making) => ({
    arn: arn(making, "ec2", `security-group/${making.id}`),
    description: "default VPC security group",
    egress: [],
    ingress: [],
    name: "default",
    namePrefix: "",
    ownerId: making.account,
  }),
};

const SOURCES = ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"];
/** Rules of one direction in a group: VPC user guide, "Amazon VPC quotas", L-0EA8095F. */
const RULES_PER_GROUP = 60;
const peerOf = (inputs: Values): string => SOURCES.map((name) => textAt(inputs, name)).find(Boolean) ?? "";
const permission = (inputs: Values): string =>
  JSON.stringify([
    inputs.securityGroupId,
    inputs.ipProtocol,
    inputs.fromPort ?? -1,
    inputs.toPort ?? -1,
    peerOf(inputs),
  ]);

function ruleFailures(inputs: Values) {
  const { ipProtocol: protocol } = inputs;
  const [from, to] = [numberAt(inputs, "fromPort"), numberAt(inputs, "toPort")];
  const all = protocol === "-1";
  const isPort = (port: number) => Number.isInteger(port) && port >= 0 && port <= 65_535;
  const cidr = textAt(inputs, "cidrIpv4");
  const block = blockOf(cidr ?? "");
  const hasPorts = protocol === "tcp" || protocol === "udp";
  return [
    ...descriptionFailures(inputs),
    ...failures(
      [
        SOURCES.filter((name) => isSet(inputs, name)).length !== 1,
        "cidrIpv4",
        `one (and only one) of ${SOURCES.join(", ")} is required`,
      ],
      [cidr !== undefined && block === undefined, "cidrIpv4", `"${cidr}" is not a valid IPv4 CIDR block`],
      [
        block !== undefined && block.text !== cidr,
        "cidrIpv4",
        `"${cidr}" is not a valid IPv4 CIDR block; did you mean "${block?.text}"?`,
      ],
      [all && (from ?? to) !== undefined, "fromPort", 'must not be set when "ip_protocol" is "-1"'],
      [
        hasPorts && !isSet(inputs, "fromPort"),
        "fromPort",
        `Invalid value for portRange. Must specify both from and to ports with TCP/UDP.`,
      ],
      [
        hasPorts && !isSet(inputs, "toPort"),
        "toPort",
        `Invalid value for portRange. Must specify both from and to ports with TCP/UDP.`,
      ],
      // Own rule: EC2 API reference, IpPermission, "the port range 0-65535"; the models of the API have no bounds.
      [
        hasPorts && from !== undefined && !isPort(from),
        "fromPort",
        `InvalidParameterValue: TCP/UDP port (${from}) out of range`,
      ],
      [
        hasPorts && to !== undefined && !isPort(to),
        "toPort",
        `InvalidParameterValue: TCP/UDP port (${to}) out of range`,
      ],
      [
        from !== undefined && to !== undefined && hasPorts && from > to,
        "toPort",
        `InvalidParameterValue: Invalid TCP/UDP port range (${from}:${to})`,
      ],
    ),
  ];
}

function rule(type: typeof T.ingress | typeof T.egress): Row {
  const direction = type === T.ingress ? "Ingress" : "Egress";
  return {
    type,
    api: ["EC2", `AuthorizeSecurityGroup${direction}`, `RevokeSecurityGroup${direction}`],
    required: ["ipProtocol", "securityGroupId"],
    optional: ["description", "fromPort", "region", "tags", "toPort", ...SOURCES],
    replaces: ["securityGroupId", "region"],
    source: "terraform-provider-aws vpc_security_group_ingress_rule.go (all but the group is ModifySecurityGroupRules)",
    computed: ["arn", "securityGroupRuleId"],
    references: [
      refTo("securityGroupId", T.group, "InvalidGroup.NotFound", "security group"),
      groupRef("referencedSecurityGroupId"),
    ],
    check: ruleFailures,
    rules: ({ inputs, cloud, self }) => {
      const others = othersOf(cloud, type, self).filter((one) => one.inputs.securityGroupId === inputs.securityGroupId);
      if (others.some((other) => permission(other.inputs) === permission(inputs)))
        refuse(
          "InvalidPermission.Duplicate",
          `the specified rule "peer: ${peerOf(inputs)}, ${String(inputs.ipProtocol).toUpperCase()}, from port: ${inputs.fromPort}, to port: ${inputs.toPort}, ALLOW" already exists`,
        );
      if (others.length >= RULES_PER_GROUP)
        refuse(
          "RulesPerSecurityGroupLimitExceeded",
          `The maximum number of rules per security group has been reached.`,
        );
    },
    id: ({ cloud }) => cloud.newId("sgr"),
    make: (making) => ({ arn: arn(making, "ec2", `security-group-rule/${making.id}`), securityGroupRuleId: making.id }),
  };
}

export const securityGroups = [group, defaultGroup, rule(T.ingress), rule(T.egress)];
