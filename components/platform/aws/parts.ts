/** What the plan of each part needs from the rest. */
import type { ClusterSpec } from "../../../config/cluster";
import type { ClusterPlan } from "../../plan/types";
import { zonesOf } from "./facts";
import type { AwsKnobs, AwsSpec } from "./knobs";
import type { Named } from "./names";
import { type Partition, partitionOf } from "./regions";
import type { AwsResource, AwsResourceOf, ResourceOptions, Text } from "./resource";

export interface AwsParts extends Named {
  readonly plan: ClusterPlan;
  readonly knobs: AwsKnobs;
  readonly region: string;
  readonly account: string;
  /** First part of every ARN: "aws". */
  readonly partition: Partition;
  readonly zones: readonly AwsZone[];
}

export interface AwsZone {
  /** The cluster's name of it: "a". */
  readonly name: string;
  /** AWS's: "eu-central-1a". */
  readonly availabilityZone: string;
  /** What its hosts have, an IPv4 range. */
  readonly range: string;
}

/** @param spec has been checked: see rules.ts */
export function awsParts(spec: ClusterSpec, plan: ClusterPlan): AwsParts {
  const { own: knobs, stack } = spec as AwsSpec;
  const { account, availabilityZones, region, tags } = knobs;
  const partition = partitionOf(region ?? "");
  if (region === undefined || account === undefined || !partition) throw new Error("no region, or no account");
  const zones = zonesOf(spec).map((zone) => ({
    ...zone,
    availabilityZone: new Map(Object.entries(availabilityZones)).get(zone.name) ?? `${region}${zone.name}`,
  }));
  return { stack, tags, plan, knobs, region, account, partition, zones };
}

/** Id of something that exists already, or a reference to what the plan makes. */
export type Id = Text;

export interface Network {
  readonly resources: readonly AwsResource[];
  readonly vpc: Id;
  /** Zone to its subnets: of control-plane hosts, of load balancer and endpoints, of the nodes of pools. */
  readonly hosts: Readonly<Record<string, Id>>;
  readonly services: Readonly<Record<string, Id>>;
  readonly nodes: Readonly<Record<string, Id>>;
}

export type SecurityGroup = AwsResourceOf<"ec2/securityGroup:SecurityGroup">;

export interface SecurityGroups {
  readonly resources: readonly AwsResource[];
  /** Name of a group of hosts ("etcd-main", "masters"), or "nodes", to its security groups. */
  readonly ofGroup: Readonly<Record<string, readonly SecurityGroup[]>>;
  readonly loadBalancer: SecurityGroup;
}

export interface Roles {
  readonly resources: readonly AwsResource[];
  readonly profiles: Readonly<Record<AwsRole, AwsResourceOf<"iam/instanceProfile:InstanceProfile">>>;
}
export type AwsRole = "etcd" | "master" | "node";

export type KmsKey = AwsResourceOf<"kms/key:Key">;

export interface Keys {
  readonly resources: readonly AwsResource[];
  /** Of the disks of hosts, and of buckets. */
  readonly disks: KmsKey;
  readonly buckets: KmsKey;
}

export interface Buckets {
  readonly resources: readonly AwsResource[];
  readonly artifacts: AwsResourceOf<"s3/bucket:Bucket">;
  readonly snapshots: AwsResourceOf<"s3/bucket:Bucket">;
}

/** Data is sacred: what holds some outlives a destroy, and no update takes it, unless the stack is made to be thrown away. */
export const keptUnless = (ephemeral: boolean): ResourceOptions =>
  ephemeral ? {} : { protect: true, retainOnDelete: true };
