/** Names and places, computed from the stack, the role and an index: never from what an instance returns. */
import { addressAt, type Cidr, sizeOf } from "./cidr";

export type Role = "etcd" | "master" | "load-balancer" | "node-simulator";

/** A host's name, zone and address. */
export interface Place {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
}

/**
 * Where in a zone's /24 a role starts. Load balancer .5, node simulator .6, masters .10-.39, etcd shards from .40 in steps of
 * 18 by their slot; so a member that joins moves no other address.
 */
const firstOffset: Readonly<Record<Role, number>> = { "load-balancer": 5, "node-simulator": 6, master: 10, etcd: 40 };
const shardStep = 18;

/** The `index`-th (from 0) of a kind of host. Dealt out to the zones in turn, beginning with the zone `firstZone`. */
export function place(
  of: { stack: string; zones: readonly string[]; hosts: Cidr },
  kind: { role: Role; label: string; group?: number },
  index: number,
): Place {
  const group = kind.group ?? 0;
  const zoneIndex = (index + group) % of.zones.length;
  const offset = zoneIndex * 256 + firstOffset[kind.role] + group * shardStep + index;
  return {
    name: `${of.stack}-${kind.label}-${index + 1}`,
    zone: of.zones[zoneIndex] as string,
    address: addressAt(of.hosts, offset),
  };
}

/** The last address but one of the hosts' range: the gateway, outside of every zone. */
export function gatewayOf(hosts: Cidr): string {
  return addressAt(hosts, sizeOf(hosts) - 2);
}

/** The service IP of `kubernetes.default`: the first address of the services' range. */
export function apiServiceAddress(services: Cidr): string {
  return addressAt(services, 1);
}
