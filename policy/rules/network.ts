/** Who reaches the cluster, and whom it reaches. */
import { machineOf, machines } from "../machine";
import { at, isOff, listAt, type Resource, shown, textAt, unknown } from "../resource";
import type { Rule } from "../rule";

/** Wider than these is no range of somebody's, but a part of the internet. */
const widest = { ipv4: 8, ipv6: 32 } as const;

function isWorld(range: unknown): boolean {
  const [, address = "", bits = ""] =
    /^([0-9a-f.:]+)\/(\d+)$/i.exec(String(typeof range === "string" ? range : "")) ?? [];
  return bits !== "" && Number(bits) < (address.includes(":") ? widest.ipv6 : widest.ipv4);
}

const allowed = `ranges of at least /${widest.ipv4} (IPv6: /${widest.ipv6}) are allowed`;

export const networkRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "open-to-the-world",
    severity: "mandatory",
    of: /^(aws:(vpc\/securityGroupIngressRule|ec2\/(securityGroup|securityGroupRule|defaultSecurityGroup)):|command:remote:Command$)/,
    asks: "Nothing takes connections from 0.0.0.0/0 or ::/0, or from a range so wide that it is a part of them; every host has a firewall.",
    why: "An API server that the internet reaches is one flaw away from a cluster that is not yours (CIS Kubernetes Benchmark, kubernetes.io/docs/concepts/security/security-checklist); checkov misses 6443 among what it asks of security groups.",
    remedy: "name the ranges that operators really come from: `network.operators`",
    judge: (resource) => [...openGroup(resource), ...openHost(resource)],
  },
  {
    kind: "resource",
    name: "ways-out",
    severity: "mandatory",
    of: /^aws:vpc\/securityGroupEgressRule:/,
    asks: "Out of the cluster goes TCP to port 443 alone.",
    why: "Services of AWS have public addresses, and speak TLS; everything else would be a way to carry data out.",
    remedy: "give the rule the range or the group that is meant, or take it away",
    judge: ({ name, props }) => {
      const { cidrIpv4, cidrIpv6, fromPort, ipProtocol, toPort } = props;
      if (!isWorld(cidrIpv4) && !isWorld(cidrIpv6)) return [];
      return ipProtocol === "tcp" && fromPort === 443 && toPort === 443
        ? []
        : [
            `${name} lets ${shown(ipProtocol)} out to ports ${shown(fromPort)} to ${shown(toPort)} of ${isWorld(cidrIpv4) ? cidrIpv4 : cidrIpv6}; TCP to 443 is allowed`,
          ];
    },
  },
  {
    kind: "resource",
    name: "no-public-address",
    severity: "mandatory",
    of: /^aws:(ec2\/(instance|subnet|eip|eipAssociation|launchTemplate)|lb\/loadBalancer|alb\/loadBalancer):/,
    asks: "No host, node, subnet or load balancer has a public address; NAT gateways have the only ones.",
    why: "What has no public address is not reached when a security group is wrong one day (AWS Foundational Security Best Practices, EC2.9 and EC2.15).",
    remedy: "reach hosts from inside the VPC or by a jump host (docs/aws.md), and let nothing ask for a public address",
    judge: publicAddress,
  },
];

function openGroup({ name, props, type }: Resource): string[] {
  const ranges =
    type === "aws:ec2/securityGroupRule:SecurityGroupRule"
      ? props.type === "egress"
        ? []
        : sources(props)
      : type.startsWith("aws:vpc/securityGroupIngressRule:")
        ? [props.cidrIpv4, props.cidrIpv6]
        : listAt(props, "ingress").flatMap(sources);
  return ranges.filter(isWorld).map((range) => `${name} takes connections from ${range}; ${allowed}`);
}

const sources = (rule: unknown) => [...listAt(rule, "cidrBlocks"), ...listAt(rule, "ipv6CidrBlocks")];

function openHost(resource: Resource): string[] {
  const machine = machines.test(resource.type) ? machineOf(resource) : undefined;
  if (!machine) return [];
  const { document, host } = machine;
  if (at(document, "firewall") === undefined)
    return [`${host} has no firewall, so it takes connections from everywhere`];
  const allowedThere = listAt(document, "firewall", "allowed") as readonly {
    from?: readonly string[];
    port?: number;
  }[];
  return allowedThere.flatMap(({ from = [], port }) =>
    from
      .filter(isWorld)
      .map((range) => `the firewall of ${host} takes connections from ${range} to port ${shown(port)}; ${allowed}`),
  );
}

function publicAddress({ name, props, type }: Resource): string[] {
  const asks = (value: unknown) => value !== unknown && !isOff(value);
  switch (type) {
    case "aws:ec2/subnet:Subnet":
      return asks(props.mapPublicIpOnLaunch) ? [`subnet ${name} gives what starts in it public addresses`] : [];
    case "aws:ec2/instance:Instance":
      return asks(props.associatePublicIpAddress) ? [`instance ${name} asks for a public address`] : [];
    case "aws:ec2/launchTemplate:LaunchTemplate":
      return listAt(props, "networkInterfaces").some((one) => asks(at(one, "associatePublicIpAddress")))
        ? [`instances of launch template ${name} ask for public addresses`]
        : [];
    case "aws:ec2/eip:Eip":
      return props.instance !== undefined || props.networkInterface !== undefined
        ? [`public address ${name} is given to ${props.instance === undefined ? "an interface" : "an instance"}`]
        : [];
    case "aws:ec2/eipAssociation:EipAssociation":
      return [`${name} gives a public address to a host`];
    default:
      return isOff(props.internal)
        ? [
            `load balancer ${name} is not internal (${textAt(props, "loadBalancerType") ?? "of no type"}), so it has public addresses`,
          ]
        : [];
  }
}
