/** What the plan of each part needs from the rest, computed once. */
import { type Cidr, parseCidr } from "../../config/cidr";
import type { ClusterSpec } from "../../config/cluster";
import { type Place, place, type Territory } from "../../config/names";
import { type BinaryName, binariesOf, releasesOf } from "../../config/releases";
import type { Scale } from "../../config/scale";
import type { MachineBinary, MachineVolume } from "../machine/machine";
import type { Authority } from "./authorities";
import type { ControlPlaneRuntime, PlatformFacts } from "./facts";
import type { ApiPlan, BackupPlan, CertificatePlan, PublicPem, ShardPlan } from "./types";

export interface PlanParts {
  readonly spec: ClusterSpec;
  readonly facts: PlatformFacts;
  readonly territory: Territory;
  readonly scale: Scale;
  readonly runtime: ControlPlaneRuntime;
  readonly shards: readonly ShardPlan[];
  readonly masters: readonly Place[];
  readonly api: ApiPlan;
  readonly backup?: BackupPlan;
}

/** Ranges that the configuration or a platform has checked. */
export function range(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`${text} is no IPv4 range`);
  return cidr;
}

export function territoryOf(
  { stack }: Pick<ClusterSpec, "stack">,
  { zones, laterRanges, domain }: PlatformFacts,
): Territory {
  return {
    stack,
    zones: zones.map((zone) => ({ name: zone.name, range: range(zone.range) })),
    laterRanges: laterRanges.map(range),
    ...(domain !== undefined && { domain }),
  };
}

export function masterPlaces(territory: Territory, count: number): Place[] {
  return Array.from({ length: count }, (_, index) => place(territory, { role: "master", label: "master" }, index));
}

/** Binaries in the versions of the cluster's releases, each under /usr/local/bin. */
export function binaries(spec: ClusterSpec, ...names: readonly BinaryName[]): Record<string, MachineBinary> {
  return Object.fromEntries(
    binariesOf(releasesOf(spec))
      .filter(({ name }) => names.includes(name))
      .map(({ name, release }) => [`/usr/local/bin/${name}`, { name, version: release.version }]),
  );
}

/** A volume on the device that the platform gives it. */
export function volume({ devices }: PlatformFacts, of: Omit<MachineVolume, "device">): MachineVolume {
  const device = new Map(Object.entries(devices)).get(of.name);
  if (device === undefined) throw new Error(`the platform names no device for the volume ${of.name}`);
  return { ...of, device };
}

/** By what a certificate names a host: what others call it by, and its own name. */
export function identity({ name, address, endpoint }: Place): Pick<CertificatePlan, "dnsNames" | "ipAddresses"> {
  return endpoint === address
    ? { dnsNames: [name], ipAddresses: [address] }
    : { dnsNames: [name, endpoint], ipAddresses: [] };
}

/** A file with the certificates of these authorities. */
export const trusted = (...authorities: readonly Authority[]): PublicPem => ({ kind: "authorities", authorities });

/** A certificate for a client alone: no server is ever asked for by its names. */
export function clientCertificate(
  own: Pick<CertificatePlan, "name" | "authority" | "keyPath" | "certPath" | "owner" | "commonName">,
): CertificatePlan {
  return { ...own, dnsNames: [], ipAddresses: [], uses: ["client_auth"] };
}
