/** What a plan for the lab is computed from. */
import { addressAt, parseCidr } from "../../../config/cidr";
import type { ClusterSpec } from "../../../config/cluster";
import { gatewayOf } from "../../../config/names";
import type { PlatformFacts } from "../../plan/facts";
import type { LabSpec } from "./knobs";

/** The lab shows each host's volumes under their names (lab-host). */
const device = (volume: string) => `/dev/disk/by-id/kilonode-${volume}`;

export function labFacts(spec: ClusterSpec): PlatformFacts {
  const hosts = parseCidr(spec.network.hosts);
  if (!hosts) throw new Error(`network.hosts: ${spec.network.hosts} is no range`);
  return {
    api: { kind: "host" },
    // A /24 each, from the start of the range.
    zones: spec.zones.map((name, index) => ({ name, range: `${addressAt(hosts, index * 256)}/24` })),
    // The machine itself: it is on the hosts' network by its gateway's address.
    operators: [`${gatewayOf(hosts)}/32`],
    runtimes: ["systemd"],
    devices: { wal: device("wal"), database: device("database") },
    objectStore: { kind: "folder", path: "/opt/kilonode/artifacts" },
    placesPools: false,
    simulatedNodes: (spec as LabSpec).own.simulatedNodes,
    sharedKernel: true,
  };
}
