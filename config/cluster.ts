/**
 * The knobs of a cluster. A knob exists only where a value cannot be given or calculated; everything that follows from the
 * workload (sizes, rates, kernel settings) is derived by the scale model (config/scale).
 */
import { z } from "zod";
import { BackupChoice } from "./backup";
import { lookup } from "./lookup";
import { Pool } from "./pool";
import { defaultReleases, type Releases, releaseProblem } from "./releases";
import { Workload } from "./scale/workload";

/** At most 7 voters: "probably no more than seven nodes" (https://etcd.io/docs/v3.6/faq/); every write waits for a majority. */
export const maxVoters = 7;

/** Twice what etcd suggests at most. */
export const maxQuotaGiB = 16;

/** More than any region has. */
export const maxZones = 6;

const flagValue = z.union([z.string(), z.number(), z.boolean()]);
const flags = z.record(z.string().regex(/^[a-z][a-z0-9-]*$/, "a flag's name without the leading dashes"), flagValue);

/** Stands for what the scale model says, until a configuration has been read (read.ts). */
export const byModel = 0;

const Shard = z.strictObject({
  /**
   * Voting members. Odd, at most {@link maxVoters} without `etcd.allowMoreThanSevenVoters`. Default: what the scale model says for
   * `workload.nodes`, so that a shard grows with it: 3, 5 above 100 nodes, and main 7 above 1,000.
   */
  members: z.int().min(1).max(17).default(byModel),
  /**
   * API resources kept in this shard, as `group/resource` (`/events` is the core group). Empty for `main` alone, which holds
   * the rest. See kube-apiserver's --etcd-servers-overrides.
   */
  resources: z.array(z.string().regex(/^[a-z0-9.-]*\/[a-z]+$/, 'group/resource, for instance "/events"')).default([]),
  /**
   * The shard's block of addresses in each zone (see names.ts). Default: main 0, events 1, leases 2; any other name must say
   * its own, so that adding or removing a shard never moves the hosts of another.
   */
  slot: z.int().min(0).max(11).optional(),
  /**
   * While its resources move out of `main`, where they are: `joined`, its members are members of main's cluster, which gives them all
   * data; `served`, API servers use them for its resources. Absent: it is a cluster of its own. `kilonode etcd move` goes from one to
   * the next.
   */
  move: z.enum(["joined", "served"]).optional(),
});

const Etcd = z.strictObject({
  /**
   * Shard name to members and resources; each member has a host of its own. Default: main 7, events 5, leases 5. One 17-voter
   * cluster would make every write wait for 9 disks; splitting by resource is what every larger operator does (kops' `leases`
   * shard, EKS: 5 x the writes).
   */
  shards: z
    .record(z.string().regex(/^[a-z][a-z0-9]{0,14}$/, "lower-case letters and digits, at most 15"), Shard)
    .default({
      main: { members: 7, resources: [] },
      events: { members: 5, resources: ["/events"] },
      leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
    }),
  /** Says that a shard of more than 7 voters is meant. Default false; a policy warns when it is true. */
  allowMoreThanSevenVoters: z.boolean().default(false),
  /** Database quota of a member, GiB. Default 8: the largest that etcd suggests (it warns above). */
  quotaGiB: z.int().min(1).max(maxQuotaGiB).default(8),
  /** Interval of the leader's heartbeats, ms. Default 100: about the round trip between zones, etcd's own default. */
  heartbeatMs: z.int().min(10).max(5000).default(100),
  /** Time without a heartbeat until a follower stands for election, ms. Default 1000: 10 heartbeats, etcd's own default. */
  electionMs: z.int().min(100).max(50000).default(1000),
  /** Writes between two raft snapshots. Default 10,000: etcd's own default since 3.6. */
  snapshotCount: z.int().min(1000).max(1_000_000).default(10_000),
  /** Snapshots in a store outside of etcd's hosts; `false` for none. Default: every 30 minutes, none where the stack is ephemeral. */
  backup: BackupChoice.optional(),
  /**
   * Asks for etcd's own downgrade to the minor version before: the `etcdVersion` that is wanted, once more, so that an older one is never
   * a slip. Default: none; without it an older minor version is refused. See docs/releases.md.
   */
  downgradeTo: z.string().optional(),
});

const Masters = z.strictObject({
  /** Hosts that run kube-apiserver, controller-manager and scheduler. Default 11. */
  count: z.int().min(1).max(20).default(11),
  /** How the components run: systemd units, or static pods of a kubelet. Default: what the platform's masters can run. */
  runtime: z.enum(["systemd", "static-pod"]).optional(),
  /** Flags added to or changed from what the plan gives; protected ones are refused. */
  flags: z
    .strictObject({
      apiserver: flags.default({}),
      controllerManager: flags.default({}),
      scheduler: flags.default({}),
    })
    .prefault({}),
});

const Network = z.strictObject({
  /**
   * Range of the hosts. Default 198.18.0.0/20, from the range that RFC 2544 reserves for benchmarks: it collides with no LAN
   * or VPN. Each zone gets a /24 of it.
   */
  hosts: z.string().default("198.18.0.0/20"),
  /** Range of the nodes of pools. Default 198.19.0.0/16, the other half of that range: 65,534 nodes. */
  nodes: z.string().default("198.19.0.0/16"),
  /** Range of Services. Default 10.96.0.0/16: 65,536 addresses, above the 10,000 Services that upstream tests. */
  services: z.string().default("10.96.0.0/16"),
  /** Range of pods. Default 10.128.0.0/9: a /24 for each of 32,768 nodes. */
  pods: z.string().default("10.128.0.0/9"),
  /**
   * IPv4 ranges from which operators log in to hosts and reach the API, beside those that the platform knows. Default: none. Hosts drop
   * what comes from anywhere else.
   */
  operators: z.array(z.string()).default([]),
});

const Certificates = z.strictObject({
  /** Validity of the CAs, days; at least twice `days`. `up` renews one, with the same key, as soon as it has no more left than a new certificate. Default 3,650. */
  authorityDays: z.int().min(1).max(7300).default(3650),
  /** Validity of every other certificate, days. Default 365. */
  days: z.int().min(1).max(825).default(365),
  /** `up` renews a certificate that ends within this many days. Default 90. */
  renewBeforeDays: z.int().min(0).max(400).default(90),
});

/**
 * Numbers of keys, from 1: the first one is used, all are trusted. While 2 takes the place of 1 it is [1], [1, 2], [2, 1], [2], an `up`
 * after each: `kilonode rotate` goes that way.
 */
const keyNumbers = z
  .array(z.int().min(1).max(999))
  .min(1)
  .max(2)
  .refine((numbers) => new Set(numbers).size === numbers.length, "a key is named twice");

const Keys = z.strictObject({
  /** Authority (docs/security.md) to its keys. Default: [1] for each. */
  authorities: z.record(z.string(), keyNumbers).default({}),
  /** Keys that sign and verify tokens of service accounts. Default [1]. */
  serviceAccount: keyNumbers.default([1]),
  /** Keys that Secrets are encrypted with in etcd. Default [1]. */
  encryption: keyNumbers.default([1]),
  /** The key that logs in to every host. Default 1. */
  ssh: z.int().min(1).max(999).default(1),
});

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits");

const Toolchain = z.strictObject({
  /** `gomod` compiles from the Go module proxy, `release` downloads; `auto` is gomod where Go is installed. */
  source: z.enum(["auto", "gomod", "release"]).default("auto"),
  /** Sums for binaries of `release` that have no pinned one: binary to sha256. */
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits")).default({}),
  /** Digests of the images that static pods run, of `kubernetesVersion`; wanted of every cluster that is not ephemeral. */
  imageDigests: z
    .strictObject({ "kube-apiserver": digest, "kube-controller-manager": digest, "kube-scheduler": digest })
    .partial()
    .default({}),
});

const release = (product: keyof Releases) =>
  z
    .custom<string>((value) => releaseProblem(product, value) === undefined, {
      error: ({ input }) => releaseProblem(product, input),
    })
    .default(defaultReleases[product]);

/** The configuration of one stack: keys under `kilonode:` of stacks/Pulumi.<stack>.yaml. The platform adds its own (read.ts); rules.ts ties several together. */
export const ClusterConfig = z.strictObject({
  /** Where the hosts are: the name of a platform. */
  platform: z.string(),
  /** True for clusters whose data may be deleted with them (lab, test). Default false: destroy keeps every volume. */
  ephemeral: z.boolean().default(false),
  /** Failure domains, in order. Default a, b, c: three, so that a shard survives the loss of one. */
  zones: z
    .array(z.string().regex(/^[a-z]$/, "one letter"))
    .min(1)
    .max(maxZones)
    .default(["a", "b", "c"]),
  /** An exact release out of the catalogue (docs/releases.md), with everything that follows it. Default: the newest. */
  kubernetesVersion: release("kubernetes"),
  etcdVersion: release("etcd"),
  /** What the cluster has to carry: the scale model derives the rest from it. */
  workload: Workload.prefault({}),
  network: Network.prefault({}),
  etcd: Etcd.prefault({}),
  masters: Masters.prefault({}),
  /** Name to nodes that are all alike. Default: none. */
  pools: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,19}$/, "lower-case letters, digits, dashes, at most 20"), Pool)
    .default({}),
  certificates: Certificates.prefault({}),
  keys: Keys.prefault({}),
  toolchain: Toolchain.prefault({}),
});

export type ClusterConfig = z.output<typeof ClusterConfig>;
export type ShardConfig = z.output<typeof Shard>;

const knownSlots: Readonly<Record<string, number>> = { main: 0, events: 1, leases: 2 };

/** The shard's block of addresses; undefined when its name has no known one and the configuration gives none. */
export function slotOf(name: string, shard: ShardConfig): number | undefined {
  return shard.slot ?? lookup(knownSlots, name);
}

/** The shard whose resources are moving out of main, if one is. */
export const movingShard = ({ etcd }: Pick<ClusterConfig, "etcd">): string | undefined =>
  Object.entries(etcd.shards).find(([, { move }]) => move !== undefined)?.[0];

/** A configuration with the stack's name, which every name in the cluster starts with, and what the platform's own knobs say. */
export interface ClusterSpec<Own = unknown> extends ClusterConfig {
  readonly stack: string;
  readonly own: Own;
}
