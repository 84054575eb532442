/** Whether quotas of the account have room for what is to be made: without that, AWS refuses what is over them, half-way. */
import { instanceNamed } from "../../../config/instances";
import { machineOf } from "./machine";
import type { AwsParts } from "./parts";
import { awsPlan, wholeCluster } from "./plan";
import { nodeInstanceType } from "./pools";

/** A quota as Service Quotas calls it (`aws service-quotas list-service-quotas`). */
export interface Quota {
  readonly service: "ec2" | "vpc";
  readonly code: string;
  readonly of: string;
}

/** Those that are 5 by default. */
export const quotas = {
  vcpus: { service: "ec2", code: "L-1216C47A", of: "vCPUs of on-demand standard instances" },
  addresses: { service: "ec2", code: "L-0263D0A3", of: "Elastic IP addresses" },
  vpcs: { service: "vpc", code: "L-F678F1CE", of: "VPCs" },
} as const satisfies Readonly<Record<string, Quota>>;
export type QuotaName = keyof typeof quotas;

export type Amounts = Readonly<Record<QuotaName, number>>;

/** What counts towards a quota by now: of the cluster, and of whatever else the account has in the region. */
export interface Use {
  readonly own: number;
  readonly others: number;
}

export interface Room {
  readonly limits: Amounts;
  readonly used: Readonly<Record<QuotaName, Use>>;
}

/**
 * Whether an instance counts as standard: families A, C, D, H, I, M, R, T and Z (EC2 user guide, "On-Demand Instance quotas"). Others that begin
 * with these letters, such as hpc, inf, mac and trn, have quotas of their own.
 */
export const isStandard = (type: string): boolean => /^([acdhimrtz]|im|is)\d/.test(type);

/** What the cluster takes when all of it is there. A host that is replaced goes before the next one comes. */
export function takenBy(parts: AwsParts): Amounts {
  const { hosts, nodes } = vcpusOf(parts);
  const resources = wholeCluster(awsPlan(parts));
  const count = (type: string) => resources.filter((one) => one.type === type).length;
  return { vcpus: hosts + nodes, addresses: count("ec2/eip:Eip"), vpcs: count("ec2/vpc:Vpc") };
}

function vcpusOf(parts: AwsParts) {
  const ofType = (type: string) => (isStandard(type) ? (instanceNamed(type)?.vcpus ?? 0) : 0);
  return {
    hosts: sum(parts.plan.hosts.map((host) => ofType(machineOf(parts, host).instanceType))),
    nodes: sum(parts.plan.pools.map(({ count }) => count * ofType(nodeInstanceType))),
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** Quotas without room for what is not there yet: each once, with the command that asks for more. */
export function quotaProblems(parts: AwsParts, { limits, used }: Room): string[] {
  const taken = takenBy(parts);
  const { hosts, nodes } = vcpusOf(parts);
  return (Object.keys(quotas) as QuotaName[]).flatMap((name) => {
    const { code, of, service } = quotas[name];
    const { others, own } = used[name];
    const needed = taken[name] + others;
    if (taken[name] <= own || needed <= limits[name]) return [];
    const split = name === "vcpus" && nodes > 0 ? ` (hosts ${hosts}, nodes of pools ${nodes})` : "";
    return [
      `quota ${code}, ${of} in ${parts.region}, is ${limits[name]}: ${parts.stack} takes ${taken[name]}${split}, of which ${own} are there, and ${others} are ` +
        `in use by others, together ${needed}. Ask for more: aws service-quotas request-service-quota-increase --region ${parts.region} ` +
        `--service-code ${service} --quota-code ${code} --desired-value ${needed}`,
    ];
  });
}
