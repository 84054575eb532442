/** What a plan for the lab is computed from. */
import { addressAt, parseCidr, sizeOf } from "../../../config/cidr";
import { type ClusterSpec, maxZones } from "../../../config/cluster";
import { gatewayOf } from "../../../config/names";
import type { PlatformFacts } from "../../plan/facts";
import type { LabSpec } from "./knobs";

/** The lab shows each host's volumes under their names (lab-host). */
const device = (volume: string) => `/dev/disk/by-id/kilonode-${volume}`;

export function labFacts(spec: ClusterSpec): PlatformFacts {
  const hosts = parseCidr(spec.network.hosts);
  if (!hosts) throw new Error(`network.hosts: ${spec.network.hosts} is no range`);
  // A /24 each, from the start of the range; the last one is the gateway's.
  const rangeOfZone = (index: number) => `${addressAt(hosts, index * 256)}/24`;
  const room = Math.min(maxZones, sizeOf(hosts) / 256 - 1);
  return {
    api: { kind: "host" },
    zones: spec.zones.map((name, index) => ({ name, range: rangeOfZone(index) })),
    laterRanges: Array.from({ length: Math.max(0, room - spec.zones.length) }, (_, index) =>
      rangeOfZone(spec.zones.length + index),
    ),
    // The machine itself: it is on the hosts' network by its gateway's address.
    operators: [`${gatewayOf(hosts)}/32`],
    runtimes: ["systemd"],
    devices: { wal: device("wal"), database: device("database"), backups: device("backups") },
    objectStore: { kind: "folder", path: "/opt/kilonode/artifacts" },
    backupStore: { kind: "host" },
    placesPools: false,
    podNetwork: "bridge",
    simulatedNodes: (spec as LabSpec).own.simulatedNodes,
    sharedKernel: true,
    heldTo: {},
  };
}
