/** Names and places, computed from the stack, the role and an index: never from what an instance returns. */
import { addressAt, type Cidr, sizeOf } from "./cidr";

export type HostRole = "etcd" | "master" | "load-balancer" | "node-simulator" | "backup-store";

/** A host's name, zone and address. */
export interface Place {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  /** What others call it in URLs and certificates: its DNS name where the platform has a domain, its address where not. */
  readonly endpoint: string;
}

/** A failure domain with the addresses that its hosts get. */
export interface Zone {
  readonly name: string;
  /** IPv4 range, for instance "198.18.0.0/24". */
  readonly range: Cidr;
}

/** Where hosts are placed. */
export interface Territory {
  readonly stack: string;
  readonly zones: readonly Zone[];
  /** What zones will have that are added later. */
  readonly laterRanges: readonly Cidr[];
  /** Private DNS domain in which each host has its name. Absent: hosts are called by their addresses. */
  readonly domain?: string;
}

/**
 * Where in a zone's range a role starts. Load balancer .5, node simulator .6, store of backups .7, masters .10-.39, etcd shards from .40 in steps of
 * 18 by their slot; so a member that joins moves no other address.
 */
const firstOffset: Readonly<Record<HostRole, number>> = {
  "load-balancer": 5,
  "node-simulator": 6,
  "backup-store": 7,
  master: 10,
  etcd: 40,
};
const shardStep = 18;

/** How many addresses of each zone a role has. */
const addresses: Readonly<Record<HostRole, number>> = {
  "load-balancer": 1,
  "node-simulator": 1,
  "backup-store": 1,
  master: 30,
  etcd: shardStep,
};

/**
 * Where hosts of a kind are, however many there are of them and will be: a range in each zone, as "198.18.0.10-198.18.0.39". Those of
 * zones to come are among them, so that the answer stays the same.
 */
export function rangesOf({ zones, laterRanges }: Territory, role: HostRole, slot = 0): string[] {
  const first = firstOffset[role] + slot * shardStep;
  const end = first + addresses[role] - 1;
  const all = [...zones.map(({ range }) => range), ...laterRanges];
  return all.map((range) => `${addressAt(range, first)}-${addressAt(range, end)}`);
}

/** The `index`-th (from 0) of a kind of host. Dealt out to the zones in turn, beginning with the zone `slot`. */
export function place(
  { stack, zones, domain }: Territory,
  kind: { readonly role: HostRole; readonly label: string; readonly slot?: number },
  index: number,
): Place {
  const slot = kind.slot ?? 0;
  const zone = zones[(index + slot) % zones.length];
  if (!zone) throw new Error(`no zone to place ${kind.label} in`);
  const name = `${stack}-${kind.label}-${index + 1}`;
  const address = addressAt(zone.range, firstOffset[kind.role] + slot * shardStep + index);
  return { name, zone: zone.name, address, endpoint: domain === undefined ? address : `${name}.${domain}` };
}

/** The last address but one of the hosts' range: the gateway, outside of every zone. */
export function gatewayOf(hosts: Cidr): string {
  return addressAt(hosts, sizeOf(hosts) - 2);
}

/** The service IP of `kubernetes.default`: the first address of the services' range. */
export function apiServiceAddress(services: Cidr): string {
  return addressAt(services, 1);
}

/** The service IP of the cluster's DNS: the tenth address of the services' range, as everywhere. */
export function dnsServiceAddress(services: Cidr): string {
  return addressAt(services, 10);
}
