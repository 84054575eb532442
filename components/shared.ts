/** Small things that several parts of the plan need. */
import { type Cidr, parseCidr } from "../config/cidr";
import type { ClusterSpec } from "../config/cluster";
import { lookup } from "../config/lookup";
import type { MachineBinary } from "./machine/machine";
import type { ArtifactSums, CertificatePlan } from "./plan-types";

/** The stack's name, zones and range of hosts, as `place()` takes them. The configuration has checked the range. */
export function hostRange(spec: ClusterSpec): { stack: string; zones: readonly string[]; hosts: Cidr } {
  return { stack: spec.stack, zones: spec.zones, hosts: parseCidr(spec.network.hosts) as Cidr };
}

/** Binaries of the artifact store, each under /usr/local/bin. */
export function binaries(sums: ArtifactSums, ...names: string[]): Record<string, MachineBinary> {
  return Object.fromEntries(
    names.map((name) => {
      const sum = lookup(sums, name);
      if (!sum) throw new Error(`no artifact named ${name}; the toolchain offers ${Object.keys(sums).join(", ")}`);
      return [`/usr/local/bin/${name}`, { name, ...sum }];
    }),
  );
}

/** A certificate for a client alone: no server is ever asked for by its names. */
export function clientCertificate(
  own: Pick<CertificatePlan, "name" | "authority" | "keyPath" | "certPath" | "owner" | "commonName">,
): CertificatePlan {
  return { ...own, dnsNames: [], ipAddresses: [], uses: ["client_auth"] };
}
