/** The certificate authorities of a cluster: separate, so that a client of one plane, or of one shard, is nobody on the others. */
import { backupOf } from "../../config/backup";
import type { ClusterConfig } from "../../config/cluster";
import { lookup } from "../../config/lookup";
import type { Problem } from "../../config/rules";
import { numbered } from "../resources";
import type { PlatformFacts } from "./facts";

export type Authority =
  | "kubernetes"
  | "front-proxy"
  /**
   * Of the API servers as clients of etcd, accepted by every shard: kube-apiserver has one --etcd-certfile for all of them. No host of etcd
   * has a certificate of it.
   */
  | "apiserver-etcd-client"
  /** Of the host that is the store of backups. */
  | "backup"
  /** Of a shard's members as servers, and of the client that each of them has for its own host. */
  | `etcd-${string}-client`
  | `etcd-${string}-peer`;

export const clientAuthority = (shard: string): Authority => `etcd-${shard}-client`;
export const peerAuthority = (shard: string): Authority => `etcd-${shard}-peer`;

export function authoritiesOf(
  config: Pick<ClusterConfig, "ephemeral" | "etcd">,
  { backupStore }: Pick<PlatformFacts, "backupStore">,
): Authority[] {
  const ofShards = Object.keys(config.etcd.shards).flatMap((shard) => [clientAuthority(shard), peerAuthority(shard)]);
  const ofStore: Authority[] = backupOf(config) && backupStore.kind === "host" ? ["backup"] : [];
  return ["kubernetes", "front-proxy", "apiserver-etcd-client", ...ofShards, ...ofStore];
}

/** The keys of an authority, by number: the first one signs, all are trusted. */
export function keysOf({ keys }: Pick<ClusterConfig, "keys">, authority: Authority): readonly number[] {
  return lookup(keys.authorities, authority) ?? [1];
}

/** Common name of an authority's certificate. */
export const subjectOf = (stack: string, authority: Authority, number: number): string =>
  numbered(`${stack} ${authority} CA`, number);

export function authorityProblems(
  config: Pick<ClusterConfig, "ephemeral" | "etcd" | "keys">,
  facts: Pick<PlatformFacts, "backupStore">,
): Problem[] {
  const known: readonly string[] = authoritiesOf(config, facts);
  return Object.keys(config.keys.authorities)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: ["keys", "authorities", name],
      message: `no authority of this cluster; there are ${known.join(", ")}`,
    }));
}
