/** The shape of a cluster's plan: plain data, printable and diffable, without a secret in it. */
import type { ClusterConfig } from "../../config/cluster";
import type { HostRole, Place } from "../../config/names";
import type { Releases } from "../../config/releases";
import type { Scale } from "../../config/scale";
import type { KeyRequest, Machine, MachineFile } from "../machine/machine";
import type { Authority } from "./authorities";
import type { ObjectStore } from "./facts";
import type { GroupPlan } from "./groups";

/** A certificate of a host: its key is made on the host, its authority signs the request that comes back. */
export interface CertificatePlan extends KeyRequest {
  readonly authority: Authority;
  readonly certPath: string;
  readonly uses: readonly ("server_auth" | "client_auth")[];
}

/** Public PEM text that exists only once the authorities do: which one goes to which path. */
export type PublicPem =
  | { readonly kind: "authorities"; readonly authorities: readonly Authority[] }
  | { readonly kind: "service-account-public-keys" };

/** A secret that a host is given: delivered by an input of its own, never part of a diff. */
export interface SecretPlan {
  readonly secret: SecretName;
  /** Absent: it has no other one that would take its place while hosts use it. */
  readonly credential?: NonNullable<MachineFile["credential"]>;
  readonly mode: string;
  readonly owner: string;
}

export type SecretName =
  | "service-account-key"
  | "encryption-config"
  /** What a shard's snapshots are encrypted with. */
  | `backup-password ${string}`
  /** Who a shard's members are to the store of backups, as AWS's shared credentials file. */
  | `backup-credentials ${string}`
  /** All of them, as the store knows them. */
  | "backup-users";

export interface HostPlan extends Place {
  readonly role: HostRole;
  readonly machine: Machine;
  readonly certificates: readonly CertificatePlan[];
  readonly pem: Readonly<Record<string, PublicPem>>;
  readonly secrets: Readonly<Record<string, SecretPlan>>;
}

/** A cluster of etcd. */
export interface ShardPlan {
  readonly name: string;
  /** Its block of addresses in each zone. */
  readonly slot: number;
  /** Name of the group that its members are. */
  readonly group: string;
  readonly token: string;
  /** API resources kept in it; empty for the shard that holds the rest. */
  readonly resources: readonly string[];
  /** All voters; those of its guests are the last. */
  readonly members: readonly Place[];
  /** Client URLs of the members that API servers use for what it holds: of all but its guests. */
  readonly endpoints: readonly string[];
  /** Whose resources are on their way out of it, to a cluster of their own. */
  readonly guests?: GuestPlan;
}

/** A shard that is not a cluster of its own yet: its members are voters of main, so that raft itself brings them the data. */
export interface GuestPlan extends Pick<ShardPlan, "name" | "slot" | "resources" | "members" | "endpoints"> {
  /** True: API servers use its members for its resources. */
  readonly served: boolean;
}

/** Backups of all shards, each in a repository of its own. */
export interface BackupPlan {
  readonly everyMinutes: number;
  /** How many snapshots are kept for ever shorter times: the last one of each hour, day, week. */
  readonly keep: { readonly hourly: number; readonly daily: number; readonly weekly: number };
  /** Shard to its repository, as restic takes it: "s3:https://198.18.0.7:7070/etcd-main/main". */
  readonly repositories: Readonly<Record<string, string>>;
  /** For which requests to the store are signed. */
  readonly region: string;
  /** The host that is the store; absent where the platform has one. */
  readonly store?: Place;
}

/** Where clients reach the API. */
export interface ApiPlan {
  /** URL. */
  readonly endpoint: string;
  /** What clients may call it by, so what the API servers' certificates must name beside themselves. */
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** The host that balances; absent where the platform does. */
  readonly balancer?: Place;
}

/**
 * What a node is that belongs to the cluster. No platform delivers it yet: it is planned, shown and tested by the real programs, and
 * replaces the pool's template when nodes join (docs/decisions/0026).
 */
export interface NodePlan {
  readonly machine: Machine;
  /** Packages of Debian, beside those of every machine. */
  readonly packages: readonly string[];
}

/** Nodes that are all alike: made from one template, told apart by the platform. */
export interface PoolPlan {
  readonly name: string;
  /** What a node boots with today. */
  readonly template: Machine;
  readonly node: NodePlan;
  readonly count: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly {
    readonly key: string;
    readonly value: string;
    readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  }[];
}

/** A Kubernetes object that the program applies once the API answers. */
export interface ObjectPlan {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface ClusterPlan {
  readonly stack: string;
  readonly platform: string;
  readonly ephemeral: boolean;
  readonly releases: Releases;
  readonly network: {
    readonly hosts: string;
    /** Of pools. */
    readonly nodes: string;
    readonly services: string;
    readonly pods: string;
    /** Beside those that the platform knows. */
    readonly operators: readonly string[];
  };
  readonly scale: Scale;
  readonly shards: readonly ShardPlan[];
  /** Absent: it has none. */
  readonly backup?: BackupPlan;
  /** True: etcd may go back to its release from the minor version after it. Absent: not. */
  readonly etcdDowngrade?: boolean;
  readonly api: ApiPlan;
  readonly authorities: readonly Authority[];
  /** Which numbers of each key are used and trusted. */
  readonly keys: ClusterConfig["keys"];
  readonly hosts: readonly HostPlan[];
  /** What is changed together, and in which order. */
  readonly groups: readonly GroupPlan[];
  readonly pools: readonly PoolPlan[];
  /** Nodes that the node simulator makes. */
  readonly simulatedNodes: number;
  /** True: hosts share the kernel of one machine, so that they cannot have all of its settings as planned. */
  readonly sharedKernel: boolean;
  readonly objects: readonly ObjectPlan[];
  readonly objectStore: ObjectStore;
  /** Keys of the platform's own to what the cluster keeps for good. */
  readonly heldTo: Readonly<Record<string, string>>;
}
