/** AWS's own knobs: `kilonode:aws` of a stack's file. */
import { z } from "zod";
import type { ClusterSpec } from "../../../config/cluster";
import type { PlatformKnobs } from "../../../config/read";

const Disk = z.strictObject({
  /** Volume type. Default gp3: 3,000 IOPS at any size. */
  type: z.enum(["gp3", "io2"]).default("gp3"),
  /** Size, GiB. Default: what the volume's plan says. */
  sizeGiB: z.int().min(1).optional(),
  /** Provisioned IOPS. Default 3,000, gp3's baseline. */
  iops: z.int().min(100).default(3000),
  /** Throughput, MiB/s; gp3 alone has one to choose. Default 125, its baseline. */
  throughputMiBs: z.int().min(125).optional(),
});

export const AwsKnobs = z.strictObject({
  /** The region that all of it is in, such as "eu-central-1". */
  region: z.string(),
  /** Twelve digits. No other account is ever touched, whatever credentials are at hand. */
  account: z.string().regex(/^\d{12}$/, "an account's number, twelve digits in quotes"),
  /** Zone to availability zone, for instance {a: eu-central-1c}. Default: the region with the zone's letter. */
  availabilityZones: z.record(z.string(), z.string()).default({}),
  /** Tags on every resource, beside name, cluster and owner. Default: none. */
  tags: z.record(z.string(), z.string()).default({}),
  /** ARN of the policy that no role of the cluster may exceed. Default: none. */
  permissionsBoundary: z.string().optional(),
  /** A VPC that exists, with its subnets by zone. Default: one of the cluster's own. */
  vpc: z
    .strictObject({
      id: z.string().regex(/^vpc-[0-9a-f]+$/, "a VPC's id, vpc-..."),
      /** Zone to the subnet that its control-plane hosts are in: the zone's /24 of network.hosts. */
      hosts: z.record(z.string(), z.string().regex(/^subnet-[0-9a-f]+$/, "a subnet's id, subnet-...")),
      /** Zone to the subnet that the nodes of pools are in, within network.nodes. */
      nodes: z.record(z.string(), z.string().regex(/^subnet-[0-9a-f]+$/, "a subnet's id, subnet-...")),
    })
    .optional(),
  /**
   * Way out to the internet. `none`: through endpoints of the VPC alone. Default: a NAT gateway in each zone, so that the loss of one
   * takes the way of no other.
   */
  egress: z.enum(["nat-per-zone", "one-nat", "none"]).default("nat-per-zone"),
  /** Where etcd's volumes are. Default: on the instance's own NVMe disks, which have the shortest fsync and go with the instance. */
  disks: z
    .union([z.literal("instance-store"), z.strictObject({ wal: Disk.prefault({}), database: Disk.prefault({}) })])
    .default("instance-store"),
  /**
   * Image of hosts by architecture. Default: the newest that this release knows for the region (images.ts). Changed one host at a time.
   */
  image: z.string().regex(/^ami-[0-9a-f]+$/, "an image's id, ami-...").optional(),
});

export type AwsKnobs = z.output<typeof AwsKnobs>;
export type AwsSpec = ClusterSpec<AwsKnobs>;

export const awsKnobs: PlatformKnobs = {
  own: AwsKnobs,
  changes: {},
  defaults: {},
};
