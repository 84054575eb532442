/** What a plan for AWS is computed from. */
import { addressAt, sizeOf } from "../../../config/cidr";
import { type ClusterSpec, maxZones } from "../../../config/cluster";
import type { PlatformFacts } from "../../plan/facts";
import { range } from "../../plan/parts";
import { drainSeconds, returnSeconds } from "./health-times";
import type { AwsSpec } from "./knobs";
import { apiNameOf, bucketName } from "./names";

/** udev gives each volume its name, whatever the kernel calls it (boot/). */
const device = (volume: string) => `/dev/disk/by-id/kilonode-${volume}`;

export function awsFacts(spec: ClusterSpec): PlatformFacts {
  const hosts = range(spec.network.hosts);
  // The last /24 of the range is the load balancer's and the endpoints'.
  const room = Math.min(maxZones, sizeOf(hosts) / 256 - 1);
  // Rules are asked of a configuration that is not complete, too.
  const { account = "", disks, region = "" } = (spec as Partial<AwsSpec>).own ?? {};
  const bucket = (holds: string) => bucketName(spec.stack, holds, account, region);
  return {
    api: { kind: "managed", name: apiNameOf(spec.stack), drainSeconds, returnSeconds },
    zones: zonesOf(spec),
    laterRanges: Array.from({ length: Math.max(0, room - spec.zones.length) }, (_, index) =>
      rangeOfZone(spec, spec.zones.length + index),
    ),
    operators: [],
    runtimes: ["systemd"],
    devices: { wal: device("wal"), database: device("database") },
    networkVolumes: disks !== undefined && disks !== "instance-store",
    objectStore: { kind: "bucket", url: `https://${bucket("artifacts")}.s3.${region}.amazonaws.com`, region },
    backupStore: { kind: "bucket", url: `https://s3.${region}.amazonaws.com/${bucket("snapshots")}`, region },
    placesPools: true,
    // Addresses of the VPC, by an agent on each node (docs/decisions/0026).
    podNetwork: "platform",
    simulatedNodes: 0,
    sharedKernel: false,
    heldTo: heldTo(spec),
  };
}

/** What hosts and their data are in. */
function heldTo(spec: ClusterSpec): Record<string, string> {
  const { account = "", availabilityZones = {}, region = "", vpc } = (spec as Partial<AwsSpec>).own ?? {};
  // As parts of their region: with another one they are others, which is said once.
  const zones = spec.zones.map((zone) => [
    `aws.availabilityZones.${zone}`,
    `zone ${(availabilityZones[zone] ?? zone).replace(region, "")} of the region`,
  ]);
  const subnets = vpc ? (["hosts", "services", "nodes"] as const) : [];
  return {
    "aws.region": region,
    "aws.account": account,
    "aws.vpc.id": vpc?.id ?? "one of the cluster's own",
    ...Object.fromEntries(zones),
    ...Object.fromEntries(
      subnets.flatMap((kind) => Object.entries(vpc?.[kind] ?? {}).map(([zone, id]) => [`aws.vpc.${kind}.${zone}`, id])),
    ),
  };
}

export function zonesOf(spec: ClusterSpec): { readonly name: string; readonly range: string }[] {
  return spec.zones.map((name, index) => ({ name, range: rangeOfZone(spec, index) }));
}

/** A /24 each, from the start of the hosts' range. */
const rangeOfZone = ({ network }: ClusterSpec, index: number) => `${addressAt(range(network.hosts), index * 256)}/24`;
