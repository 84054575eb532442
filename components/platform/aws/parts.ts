/** What the plan of each part needs from the rest. */
import type { ClusterPlan } from "../../plan/types";
import type { AwsKnobs } from "./knobs";
import type { Named } from "./names";
import type { AwsResource, AwsResourceOf, ResourceOptions, Text } from "./resource";

export interface AwsParts extends Named {
  readonly plan: ClusterPlan;
  readonly knobs: AwsKnobs;
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

/** Id of something that exists already, or a reference to what the plan makes. */
export type Id = Text;

export interface Network {
  readonly resources: readonly AwsResource[];
  readonly vpc: Id;
  /** Zone to the subnet of its control-plane hosts, and of its pools. */
  readonly hosts: Readonly<Record<string, Id>>;
  readonly nodes: Readonly<Record<string, Id>>;
}

export interface SecurityGroups {
  readonly resources: readonly AwsResource[];
  /** Name of a group of hosts ("etcd-main", "masters"), "load-balancer", "nodes" or "endpoints" to its security group. */
  readonly byName: Readonly<Record<string, AwsResourceOf<"ec2/securityGroup:SecurityGroup">>>;
}

export interface Roles {
  readonly resources: readonly AwsResource[];
  /** "etcd", "master", "node" to the instance profile of its hosts. */
  readonly profiles: Readonly<Record<AwsRole, AwsResourceOf<"iam/instanceProfile:InstanceProfile">>>;
}
export type AwsRole = "etcd" | "master" | "node";

export interface Keys {
  readonly resources: readonly AwsResource[];
  /** Of volumes, and of buckets. */
  readonly volumes: AwsResourceOf<"kms/key:Key">;
  readonly buckets: AwsResourceOf<"kms/key:Key">;
}

/** Data is sacred: what holds some outlives a destroy, and no update takes it, unless the stack is made to be thrown away. */
export const keptUnless = (ephemeral: boolean): ResourceOptions =>
  ephemeral ? {} : { protect: true, retainOnDelete: true };
