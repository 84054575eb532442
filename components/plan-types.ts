/** The shape of a cluster's plan: plain data, printable and diffable, without a secret in it. */
import type { Place, Role } from "../config/names";
import type { Scale } from "../config/scale";
import type { KeyRequest, Machine } from "./machine/machine";

/** The certificate authorities. Separate, so that a client of one plane is nobody on the others. */
export const authorities = ["etcd-peer", "etcd-client", "kubernetes", "front-proxy"] as const;
export type Authority = (typeof authorities)[number];

/** A certificate of a host: its key is made on the host, its authority signs the request that comes back. */
export interface CertificatePlan extends KeyRequest {
  readonly authority: Authority;
  readonly certPath: string;
  readonly uses: readonly ("server_auth" | "client_auth")[];
}

/** Public PEM text that exists only once the authorities do: which one goes to which path. */
export type PublicPem =
  | { readonly kind: "authority"; readonly authority: Authority }
  | { readonly kind: "service-account-public-key" };

/** A secret that a host is given: delivered by an input of its own, never part of a diff. */
export interface SecretPlan {
  readonly secret: "service-account-key" | "encryption-config";
  readonly mode: string;
  readonly owner: string;
}

/** A disk that the platform gives a host, mounted by the platform or by the host (see MachineVolume). */
export interface DiskPlan {
  readonly name: string;
  readonly fs: "ext4" | "xfs";
  readonly sizeGiB: number;
  readonly mount: string;
}

export interface HostPlan extends Place {
  readonly role: Role;
  /** The hosts that one rollout changes together, in order: "etcd-main", "masters", "load-balancer", "node-simulator". */
  readonly group: string;
  readonly machine: Machine;
  readonly certificates: readonly CertificatePlan[];
  readonly pem: Readonly<Record<string, PublicPem>>;
  readonly secrets: Readonly<Record<string, SecretPlan>>;
  readonly disks: readonly DiskPlan[];
}

export interface ShardPlan {
  readonly name: string;
  readonly group: string;
  readonly token: string;
  readonly resources: readonly string[];
  readonly members: readonly Place[];
  /** Client URLs of all members. */
  readonly endpoints: readonly string[];
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
  readonly ephemeral: boolean;
  readonly versions: { readonly kubernetes: string; readonly etcd: string };
  readonly network: {
    readonly hosts: string;
    readonly gateway: string;
    readonly services: string;
    readonly pods: string;
  };
  readonly scale: Scale;
  readonly shards: readonly ShardPlan[];
  /** Where clients reach the API: the load balancer. */
  readonly apiEndpoint: string;
  readonly hosts: readonly HostPlan[];
  readonly objects: readonly ObjectPlan[];
}

/** sha256 of each binary by name, as the toolchain verified them. */
export type ArtifactSums = Readonly<Record<string, { readonly version: string; readonly sha256: string }>>;
