/**
 * Who reaches whom, as a graph of security groups: one for each group of hosts, from the firewall plan that its hosts have themselves; one for
 * the load balancer, one for nodes; and one that all hosts have, for what all of them need. Nothing comes in from beyond the ranges that the
 * configuration names.
 */
import type { FirewallPlan } from "../../machine/machine";
import { ports } from "../../plan/ports";
import { nameOf, tagsOf } from "./names";
import type { AwsParts, Network, SecurityGroup, SecurityGroups } from "./parts";
import { type AwsResource, type PlannedArgs, refTo, resource } from "./resource";

/** A security group by its name, or an IPv4 range. */
type Source = { readonly group: string } | { readonly range: string };
interface Edge {
  readonly to: string;
  readonly from: Source;
  /** Absent: every port of every protocol. */
  readonly port?: number;
}

const common = "hosts";
const loadBalancer = "load-balancer";
const nodes = "nodes";

/** Descriptions never change: AWS would make another group, and not let go of the one that is in use (hashicorp/terraform-provider-aws#27476). */
const descriptions: Readonly<Record<string, string>> = {
  [common]: "What all hosts and nodes need",
  [loadBalancer]: "Load balancer of the Kubernetes API",
  [nodes]: "Nodes of pools",
};

export function securityGroups(parts: AwsParts, { vpc }: Network): SecurityGroups {
  const hostGroups = parts.plan.groups.map(({ name }) => name);
  const names = [common, ...hostGroups, loadBalancer, nodes];
  const groups = new Map(
    names.map((name) => {
      const own = nameOf(parts, name);
      const group = resource("ec2/securityGroup:SecurityGroup", own, {
        vpcId: vpc,
        namePrefix: `${own}-`,
        description: descriptions[name] ?? `Hosts of ${name}`,
        tags: tagsOf(parts, own),
      });
      return [name, group];
    }),
  );
  const of = (name: string): SecurityGroup => {
    const group = groups.get(name);
    if (!group) throw new Error(`there is no security group ${name}`);
    return group;
  };
  return {
    resources: [
      ...groups.values(),
      ...ingress(parts).map((edge) => ingressRule(parts, of, edge)),
      ...egressRules(parts, of),
    ],
    ofGroup: Object.fromEntries([...hostGroups, nodes].map((name) => [name, [of(common), of(name)]])),
    loadBalancer: of(loadBalancer),
  };
}

/** What comes in. */
function ingress(parts: AwsParts): Edge[] {
  const { network } = parts.plan;
  const operators = network.operators.map((range): Source => ({ range }));
  const clients: Source[] = [{ group: "masters" }, { group: nodes }, ...operators];
  return [
    ...operators.map((from) => ({ to: common, from, port: ports.ssh })),
    ...clients.map((from) => ({ to: loadBalancer, from, port: ports.apiserver })),
    ...parts.plan.groups.flatMap(({ name }) => ofFirewall(parts, name)),
    { to: nodes, from: { group: "masters" }, port: ports.kubelet },
    { to: nodes, from: { group: nodes } },
  ];
}

/** The firewall of a group's hosts, with groups in the place of the ranges that they have. */
function ofFirewall({ plan }: AwsParts, group: string): Edge[] {
  const first = plan.groups.find(({ name }) => name === group)?.hosts[0];
  const firewall = plan.hosts.find(({ name }) => name === first)?.machine.firewall;
  if (!firewall) throw new Error(`hosts of ${group} have no firewall`);
  return firewall.allowed.flatMap((entry) =>
    sourcesOf(entry, group).map((from) => ({ to: group, from, port: entry.port })),
  );
}

function sourcesOf({ name, port }: FirewallPlan["allowed"][number], group: string): Source[] {
  switch (name) {
    case "operators":
      // In the group that all hosts have.
      return [];
    case "masters":
      return [{ group: "masters" }];
    case "members":
      return [{ group }];
    case "API clients":
    case "health checks":
      return [{ group: loadBalancer }];
    default:
      throw new Error(
        `the hosts of ${group} take connections of ${name} to port ${port}: no security group says who that is`,
      );
  }
}

const labelOf = (source: Source) => ("group" in source ? source.group : source.range);

function ingressRule(parts: AwsParts, of: (name: string) => SecurityGroup, { from, port, to }: Edge): AwsResource {
  const name = nameOf(parts, to, port === undefined ? "all" : String(port), labelOf(from));
  return resource("vpc/securityGroupIngressRule:SecurityGroupIngressRule", name, {
    securityGroupId: refTo(of(to), "id"),
    description: `From ${labelOf(from)}`,
    ...(port === undefined ? { ipProtocol: "-1" } : { ipProtocol: "tcp", fromPort: port, toPort: port }),
    ...("group" in from ? { referencedSecurityGroupId: refTo(of(from.group), "id") } : { cidrIpv4: from.range }),
    tags: tagsOf(parts, name),
  });
}

/** What goes out. Names, time and metadata are no matter of security groups (AWS's VPC user guide, security groups). */
function egressRules(parts: AwsParts, of: (name: string) => SecurityGroup): AwsResource[] {
  const { hosts, nodes: nodeRange } = parts.plan.network;
  const tcp = { ipProtocol: "tcp", fromPort: 0, toPort: 65_535 };
  const rule = (
    from: string,
    to: string,
    args: Partial<PlannedArgs<"vpc/securityGroupEgressRule:SecurityGroupEgressRule">>,
  ) => {
    const name = nameOf(parts, from, "to", to);
    return resource("vpc/securityGroupEgressRule:SecurityGroupEgressRule", name, {
      securityGroupId: refTo(of(from), "id"),
      description: `To ${to}`,
      ipProtocol: "tcp",
      tags: tagsOf(parts, name),
      ...args,
    });
  };
  const toMasters = (port: number) => ({
    referencedSecurityGroupId: refTo(of("masters"), "id"),
    fromPort: port,
    toPort: port,
  });
  return [
    rule(common, "hosts", { ...tcp, cidrIpv4: hosts }),
    rule(common, "nodes", { ...tcp, cidrIpv4: nodeRange }),
    // S3 has public addresses behind its gateway; routes decide what else there is to reach.
    rule(common, "https", { fromPort: 443, toPort: 443, cidrIpv4: "0.0.0.0/0" }),
    rule(nodes, "nodes", { ipProtocol: "-1", cidrIpv4: nodeRange }),
    rule(loadBalancer, "masters", toMasters(ports.apiserver)),
    rule(loadBalancer, "health", toMasters(ports.health)),
  ];
}
