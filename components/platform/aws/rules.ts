/** What AWS would refuse, or what nobody can want there: told before anything is touched. */
import { type Cidr, overlap, parseCidr, sizeOf } from "../../../config/cidr";
import type { ClusterSpec } from "../../../config/cluster";
import type { Problem, Rule } from "../../../config/rules";
import type { AwsKnobs, AwsSpec } from "./knobs";
import { nodesInZone, reservedAddresses } from "./network";
import { partitionOf, partitions } from "./regions";

export const awsRules: readonly Rule[] = [
  rule([], regionProblems),
  rule([], accountProblems),
  rule(["aws.region", "zones", "aws.availabilityZones"], zoneProblems),
  rule(["network.hosts"], vpcRange("hosts")),
  rule(["network.nodes"], vpcRange("nodes")),
  rule(["network.hosts", "network.nodes", "aws.vpc"], rangesTogether),
  rule(["network.nodes", "zones", "pools"], roomForPools),
  rule(["network.operators"], operatorProblems),
  rule(["zones", "aws.vpc"], existingVpc),
  rule(["aws.tags"], tagProblems),
  rule(["aws.region", "aws.permissionsBoundary"], boundaryProblems),
];

type Judge = (knobs: AwsKnobs, spec: ClusterSpec) => readonly Problem[];

function rule(needs: readonly string[], judge: Judge): Rule {
  return { needs: ["aws", ...needs], check: (spec) => judge((spec as AwsSpec).own, spec) };
}

const problem = (path: string, message: string): Problem => ({ path: path.split("."), message });

function regionProblems({ region }: AwsKnobs): Problem[] {
  const allowed = Object.values(partitions).flat();
  if (region === undefined)
    return [problem("aws.region", `missing; for instance eu-central-1 (allowed are ${allowed.join(", ")})`)];
  if (partitionOf(region)) return [];
  return [problem("aws.region", `"${region}" is no region that this release knows; allowed are ${allowed.join(", ")}`)];
}

function accountProblems({ account }: AwsKnobs): Problem[] {
  const wanted =
    'the number of the account that the cluster is in, twelve digits in quotes: "111122223333"; no other account is ever touched';
  if (account === undefined) return [problem("aws.account", `missing; give ${wanted}`)];
  return /^\d{12}$/.test(account) ? [] : [problem("aws.account", `"${account}" is no account; give ${wanted}`)];
}

function zoneProblems({ availabilityZones, region = "" }: AwsKnobs, { zones }: ClusterSpec): Problem[] {
  const given = Object.entries(availabilityZones);
  const own = zones.map((zone) => [zone, availabilityZones[zone] ?? `${region}${zone}`] as const);
  return [
    ...given
      .filter(([zone]) => !zones.includes(zone))
      .map(([zone]) =>
        problem(`aws.availabilityZones.${zone}`, `no zone of the cluster; there are ${zones.join(", ")}`),
      ),
    ...given
      .filter(([zone, name]) => zones.includes(zone) && !new RegExp(`^${region}[a-z]$`).test(name))
      .map(([zone, name]) =>
        problem(
          `aws.availabilityZones.${zone}`,
          `"${name}" is no availability zone of ${region}; they are called ${region}a, ${region}b ...`,
        ),
      ),
    ...own.flatMap(([zone, name], index) => {
      const other = own.slice(0, index).find(([, before]) => before === name);
      return other
        ? [
            problem(
              `aws.availabilityZones.${zone}`,
              `${name} is that of zone ${other[0]} as well: one loss would be that of two zones; give each its own`,
            ),
          ]
        : [];
    }),
  ];
}

/** Sizes of a block that a VPC takes: "between a /28 netmask and /16 netmask" (VPC user guide, VPC CIDR blocks). */
const largestBlock = 16;
/** Of nodes: eight parts of a /25, in the last of which are the ways out. */
const smallestNodes = 22;

/** What is never routed on the internet: RFC 1918, RFC 6598, RFC 2544. */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"];

function vpcRange(name: "hosts" | "nodes"): Judge {
  return (_, { network }) => {
    const cidr = parseCidr(network[name]);
    if (!cidr) return [];
    const path = `network.${name}`;
    if (cidr.prefix < largestBlock)
      return [problem(path, `${network[name]} is larger than a VPC takes; take a /${largestBlock} at most`)];
    if (name === "nodes" && cidr.prefix > smallestNodes)
      return [
        problem(
          path,
          `${network[name]} is too small to be divided among zones and ways out; take at least a /${smallestNodes}, a /${largestBlock} for thousands of nodes`,
        ),
      ];
    if (!blockOf(cidr))
      return [
        problem(
          path,
          `${network[name]} is no private range: hosts could not reach whoever has these addresses; take one in ${privateRanges.join(", ")}`,
        ),
      ];
    return [];
  };
}

const blockOf = (cidr: Cidr) => privateRanges.find((text) => isWithin(cidr, parseCidr(text)));
const isWithin = (inner: Cidr, outer: Cidr | undefined) =>
  outer !== undefined && inner.prefix >= outer.prefix && overlap(inner, outer);

/** One VPC does not take blocks of any two of them (VPC user guide, IPv4 CIDR block association restrictions). */
function rangesTogether({ vpc }: AwsKnobs, { network }: ClusterSpec): Problem[] {
  const [hosts, nodes] = [parseCidr(network.hosts), parseCidr(network.nodes)];
  const of = hosts && blockOf(hosts);
  const other = nodes && blockOf(nodes);
  if (vpc || !of || !other || of === other) return [];
  const shared = (text: string) => text === "100.64.0.0/10" || text === "198.18.0.0/15";
  // Beside a range of RFC 1918 another one is not taken, nor RFC 2544's; beside the shared ones none of RFC 1918 is.
  if (shared(of) ? shared(other) : other === "100.64.0.0/10") return [];
  return [
    problem(
      "network.nodes",
      `${network.nodes} cannot be in one VPC with network.hosts (${network.hosts}): AWS takes no block of ${other} beside one of ${of}; take a range in ${of}`,
    ),
  ];
}

function roomForPools(_: AwsKnobs, { network, pools, zones }: ClusterSpec): Problem[] {
  const nodes = parseCidr(network.nodes);
  if (!nodes || nodes.prefix < largestBlock || nodes.prefix > smallestNodes) return [];
  const wanted = Math.ceil(Object.values(pools).reduce((sum, { count }) => sum + count, 0) / zones.length);
  const room = nodesInZone(network.nodes);
  if (wanted <= room) return [];
  return [
    problem(
      "network.nodes",
      `${network.nodes} has room for ${room} nodes in each zone (an eighth of it, without the ${reservedAddresses} that AWS keeps), and pools have ${wanted}; take a larger range, at most a /${largestBlock}, or fewer nodes`,
    ),
  ];
}

/** More than this is no range of operators, but a part of the internet. */
const widestOperators = 8;

function operatorProblems(_: AwsKnobs, { network }: ClusterSpec): Problem[] {
  if (network.operators.length === 0)
    return [
      problem(
        "network.operators",
        "missing: nobody could log in to a host, this program neither; give the ranges that it and operators come from, such as the runner's subnet: [10.1.2.0/24]",
      ),
    ];
  return network.operators.flatMap((text, index) => {
    const cidr = parseCidr(text);
    return cidr && cidr.prefix < widestOperators
      ? [
          problem(
            `network.operators.${index}`,
            `${text} has ${sizeOf(cidr)} addresses: hosts are open to nobody but named operators; give a /${widestOperators} at most`,
          ),
        ]
      : [];
  });
}

function existingVpc({ vpc }: AwsKnobs, { pools, zones }: ClusterSpec): Problem[] {
  if (!vpc) return [];
  const kinds =
    Object.keys(pools).length > 0 ? (["hosts", "services", "nodes"] as const) : (["hosts", "services"] as const);
  const subnets = kinds.flatMap((kind) =>
    Object.entries(vpc[kind]).map(([zone, id]) => ({ path: `aws.vpc.${kind}.${zone}`, zone, id })),
  );
  return [
    ...(/^vpc-[0-9a-f]{8,17}$/.test(vpc.id)
      ? []
      : [problem("aws.vpc.id", `"${vpc.id}" is no VPC's id; they are like vpc-0123456789abcdef0`)]),
    ...kinds.flatMap((kind) => {
      const missing = zones.filter((zone) => !Object.hasOwn(vpc[kind], zone));
      return missing.length > 0
        ? [problem(`aws.vpc.${kind}`, `no subnet for zone ${missing.join(", ")}; give each zone its own`)]
        : [];
    }),
    ...subnets.flatMap(({ id, path, zone }, index) => {
      if (!zones.includes(zone)) return [problem(path, `no zone of the cluster; there are ${zones.join(", ")}`)];
      if (!/^subnet-[0-9a-f]{8,17}$/.test(id))
        return [problem(path, `"${id}" is no subnet's id; they are like subnet-0123456789abcdef0`)];
      const other = subnets.slice(0, index).find((before) => before.id === id);
      return other
        ? [
            problem(
              path,
              `${id} is ${other.path} as well: hosts have planned addresses, and nobody else may take one; give each its own`,
            ),
          ]
        : [];
    }),
  ];
}

/** Limits of EC2's user guide, "Tag your Amazon EC2 resources"; characters are those that every service takes. */
const tagLimits = { key: 128, value: 256, characters: /^[\p{L}\p{N} _.:/=+@-]*$/u } as const;
/** AWS takes 50; the rest is for what the program notes of each resource. */
const mostTags = 35;

function tagProblems({ tags }: AwsKnobs): Problem[] {
  const { characters, key: longestKey, value: longestValue } = tagLimits;
  const count = Object.keys(tags).length;
  return [
    ...(count > mostTags
      ? [
          problem(
            "aws.tags",
            `${count} tags; at most ${mostTags}, since AWS takes 50 and the program has some of its own`,
          ),
        ]
      : []),
    ...Object.entries(tags).flatMap(([name, value]) => {
      const found = (message: string): Problem => ({ path: ["aws", "tags", name], message });
      if (/^(aws:|kilonode:)/i.test(name) || name === "Name")
        return [found("a name that AWS or this program gives its own tags; choose another one")];
      if (name.length > longestKey) return [found(`${name.length} characters; a tag's name has at most ${longestKey}`)];
      if (value.length > longestValue)
        return [found(`its value has ${value.length} characters; at most ${longestValue} are allowed`)];
      return characters.test(name) && characters.test(value)
        ? []
        : [found(`"${value}": allowed are letters, digits, spaces and _ . : / = + - @ in names and values`)];
    }),
  ];
}

function boundaryProblems({ permissionsBoundary: arn, region = "" }: AwsKnobs): Problem[] {
  const partition = partitionOf(region);
  if (arn === undefined || !partition) return [];
  if (new RegExp(`^arn:${partition}:iam::(\\d{12}|aws):policy/[\\w+=,.@/-]{1,512}$`).test(arn)) return [];
  return [
    problem(
      "aws.permissionsBoundary",
      `"${arn}" is no policy's ARN; in ${region} they are like arn:${partition}:iam::111122223333:policy/boundary`,
    ),
  ];
}
