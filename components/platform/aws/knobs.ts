/** AWS's own knobs: `kilonode:aws` of a stack's file. What they must keep to: rules.ts. */
import { z } from "zod";
import type { KeyChange } from "../../../config/changes";
import type { ClusterSpec } from "../../../config/cluster";
import type { PlatformKnobs } from "../../../config/read";

/** Volumes of EBS, which keep what is on them when their instance is another one. Sizes: from the plan. */
const Ebs = z.strictObject({
  type: z.enum(["gp3", "io2"]),
  /** Provisioned IOPS of each volume. Default 3,000, gp3's baseline. */
  iops: z.int().default(3000),
  /** Throughput of each volume, MiB/s; gp3 alone is given one. Default: 125, its baseline. */
  throughputMiB: z.int().optional(),
});

/** Zone to the subnet in it. */
const Subnets = z.record(z.string(), z.string()).default({});

const AwsKnobs = z.strictObject({
  /** Where all of it is, such as "eu-central-1". Must be given. */
  region: z.string().optional(),
  /** Number of the account, twelve digits in quotes. Must be given: no other is ever touched, whatever credentials are at hand. */
  account: z.string().optional(),
  /** Zone to availability zone, for instance {a: eu-central-1c}. Default: the region with the zone's letter. */
  availabilityZones: z.record(z.string(), z.string()).default({}),
  /** A VPC that exists, with its ways out and its endpoints. Default: the cluster makes one of its own. */
  vpc: z
    .strictObject({
      /** Such as "vpc-0123456789abcdef0". */
      id: z.string(),
      /** Subnets of the control-plane hosts: each is its zone's /24 of `network.hosts`, and nobody else takes addresses in it. */
      hosts: Subnets,
      /** Subnets of the load balancer, within `network.hosts`. */
      services: Subnets,
      /** Subnets of the nodes of pools, within `network.nodes`. */
      nodes: Subnets,
    })
    .optional(),
  /**
   * The way out of a VPC that the cluster makes. `none`: AWS's services by endpoints, and nothing else; then nothing leads to Debian's
   * mirrors, and the image must have the packages that hosts run (components/machine/packages). Default: a NAT gateway in each zone, so
   * that a zone's loss is no other's, and no traffic between zones is paid for.
   */
  egress: z.enum(["nat-per-zone", "one-nat", "none"]).default("nat-per-zone"),
  /** Tags on every resource, beside its name, cluster and owner. Default: none. */
  tags: z.record(z.string(), z.string()).default({}),
  /** ARN of the policy that bounds every role of the cluster. Default: none. */
  permissionsBoundary: z.string().optional(),
  /** For how long a snapshot that was deleted, by whomever, can be had again, days. Default 30. */
  snapshotDays: z.int().min(1).max(3650).default(30),
  /** Where etcd's volumes are. Default: on the instance's own NVMe disks, which have the shortest fsync and go with the instance. */
  disks: z.union([z.literal("instance-store"), Ebs]).default("instance-store"),
  /** Image of the hosts. Default: the one that this release knows for the region. A change of it is rolled out, one host at a time. */
  image: z.string().optional(),
});

export type AwsKnobs = z.output<typeof AwsKnobs>;
export type AwsSpec = ClusterSpec<AwsKnobs>;

const stays: KeyChange = { to: "refused", why: "hosts and their data are there" };

export const awsKnobs: Omit<PlatformKnobs, "rules"> = {
  own: AwsKnobs,
  changes: {
    region: stays,
    account: stays,
    availabilityZones: stays,
    vpc: stays,
    egress: { to: "taken", why: "ways out come before the others go; nothing inside of the VPC needs one" },
    tags: { to: "taken", why: "tags are changed in place" },
    permissionsBoundary: { to: "taken", why: "roles are changed in place" },
    snapshotDays: {
      to: "taken",
      why: "the bucket's lifecycle and its lock are changed in place; what is locked stays so",
    },
    disks: { to: "taken", why: "hosts get their new disks one after the other, behind the gates of their groups" },
    image: { to: "taken", why: "hosts are replaced one after the other, behind the gates of their groups" },
  },
  defaults: {},
};
