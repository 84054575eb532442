/** Where etcd's log and database are, and how large and fast. */
import { instanceNamed } from "../../config/instances";
import { etcdSetting, isIn, machineOf, machines, volumesOf } from "../machine";
import { at, isMissing, type Resource, shown, textAt, unknown } from "../resource";
import type { Finding, Rule } from "../rule";
import { commitmentsOf } from "./quorum";

const gibibyte = 2 ** 30;
const largestQuotaGiB = 8;

export const volumeRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "wal-and-database-apart",
    severity: "mandatory",
    of: machines,
    asks: "A member's log (WAL) and its database are on different devices.",
    why: "A database that is written must not hold up the log that every write waits for: slow applies went from 59,953 to 3,306 with faster disks (cilium/cilium#33778); etcd.io/docs asks for p99 of a WAL fsync below 10 ms (https://etcd.io/docs/v3.6/faq/).",
    remedy:
      "give the host two volumes with a device each, one mounted above the WAL and one at member/snap of the data directory",
    judge: (resource) => {
      const machine = machineOf(resource);
      const [walDir, dataDir] = machine
        ? [etcdSetting(machine, "ETCD_WAL_DIR"), etcdSetting(machine, "ETCD_DATA_DIR")]
        : [];
      if (!machine || dataDir === undefined) return [];
      const volumes = volumesOf(machine);
      const on = (path: string) =>
        volumes.filter(({ mount }) => isIn(path, mount)).sort((a, b) => b.mount.length - a.mount.length)[0];
      const [wal, database] = [on(walDir ?? `${dataDir}/member/wal`), on(`${dataDir}/member/snap`)];
      if (!wal || !database)
        return [
          `${machine.host} has its ${wal ? "database" : "WAL"} on no volume of its own, but on the root file system`,
        ];
      return wal.device === database.device
        ? [`${machine.host} has its WAL and its database on one device, ${wal.device}; two are needed`]
        : [];
    },
  },
  {
    kind: "stack",
    name: "two-devices",
    severity: "mandatory",
    asks: "An instance that is a member of etcd has two volumes attached, or two local disks.",
    why: "Two volumes of a host are on two devices only where there are two; an instance's local disks are known by its type (EC2's DescribeInstanceTypes).",
    remedy:
      "take an instance type with two local disks (`kilonode scale` names some), or volumes: `aws.disks: {type: gp3}`",
    judge: twoDevices,
  },
  {
    kind: "resource",
    name: "wal-dir-below-mount",
    severity: "mandatory",
    of: machines,
    asks: "etcd's WAL directory is below the mount point of its volume, never the mount point itself.",
    why: "etcd makes <wal>.tmp beside it and renames that; onto a mount point this fails, and etcd panics at its first start (etcd server/storage/wal/wal.go, `Create`; tried).",
    remedy: "set ETCD_WAL_DIR to a folder on the volume, such as <mount>/wal",
    judge: (resource) => {
      const machine = machineOf(resource);
      const walDir = machine && etcdSetting(machine, "ETCD_WAL_DIR");
      if (!machine || walDir === undefined) return [];
      return volumesOf(machine).some(({ mount }) => mount === walDir)
        ? [`ETCD_WAL_DIR of ${machine.host} is ${walDir}, a mount point; a folder below it is allowed`]
        : [];
    },
  },
  {
    kind: "stack",
    name: "etcd-quota",
    severity: "mandatory",
    asks: `A member's database may grow to ${largestQuotaGiB} GiB at most, unless the stack's file makes this rule advisory: then more is meant.`,
    why: "etcd suggests 8 GiB at most and warns above (server/storage/quota.go); a restart, a new member and a restore take longer with each GiB.",
    remedy: `set \`etcd.quotaGiB\` to ${largestQuotaGiB} or less; where more is meant, say so in the stack's file: \`policy:severities: {etcd-quota: advisory}\``,
    judge: (resources) => [...quotaOfCluster(resources), ...quotasOfMembers(resources)],
  },
  {
    kind: "resource",
    name: "volume-ratios",
    severity: "mandatory",
    of: /^aws:ebs\/volume:Volume$/,
    asks: "A volume's IOPS and throughput go with its size.",
    why: "AWS refuses others, some of them only when the volume is made (https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html and provisioned-iops.html).",
    remedy: "change `aws.disks`, or make the volume larger (`etcd.quotaGiB`)",
    judge: volumeRatios,
  },
];

function twoDevices(resources: readonly Resource[]): Finding[] {
  const attachments = resources.filter(({ type }) => type === "aws:ec2/volumeAttachment:VolumeAttachment");
  const members = resources.filter(
    ({ name, type }) => type === "aws:ec2/instance:Instance" && /-etcd-[a-z0-9]+-\d+$/.test(name),
  );
  return members.flatMap(({ name, props, urn }) => {
    const volumes = attachments.filter(({ madeFrom }) => madeFrom.instanceId?.includes(urn));
    const attached = new Set(volumes.flatMap(({ madeFrom }) => madeFrom.volumeId ?? [])).size;
    if (attached >= 2) return [];
    const type = textAt(props, "instanceType");
    const disks = instanceNamed(type ?? "")?.disks.count ?? 0;
    return attached === 0 && disks >= 2
      ? []
      : [
          {
            urn,
            problem: `${name} has ${attached} volumes attached, and ${type} has ${disks} local disks; two are needed`,
          },
        ];
  });
}

const tooLarge = (whose: string, gibibytes: number) =>
  `${whose} may grow to ${gibibytes} GiB; at most ${largestQuotaGiB} are allowed`;

function quotaOfCluster(resources: readonly Resource[]): Finding[] {
  const quota = at(commitmentsOf(resources), "settings", "quotaGiB");
  return typeof quota === "number" && quota > largestQuotaGiB
    ? [{ problem: tooLarge("the database of each member", quota) }]
    : [];
}

function quotasOfMembers(resources: readonly Resource[]): Finding[] {
  return resources.flatMap((one) => {
    const machine = machineOf(one);
    const quota = machine && etcdSetting(machine, "ETCD_QUOTA_BACKEND_BYTES");
    if (!machine || quota === undefined || Number(quota) <= largestQuotaGiB * gibibyte) return [];
    return [{ urn: one.urn, problem: tooLarge(`the database of ${machine.host}`, Number(quota) / gibibyte) }];
  });
}

interface Limits {
  readonly iops: readonly [least: number, most: number];
  readonly iopsPerGiB: number;
  readonly throughputMiB?: readonly [least: number, most: number];
  readonly throughputMiBPerIops?: number;
}

/** As of September 2025; kops checks the same ratios (pkg/model/master_volumes.go) with the limits of before. */
const limits: ReadonlyMap<string, Limits> = new Map([
  ["gp3", { iops: [3000, 80_000], iopsPerGiB: 500, throughputMiB: [125, 2000], throughputMiBPerIops: 0.25 }],
  ["io2", { iops: [100, 256_000], iopsPerGiB: 1000 }],
  ["io1", { iops: [100, 64_000], iopsPerGiB: 50 }],
]);

function volumeRatios({ name, props }: Resource): string[] {
  const { iops, size, throughput, type } = props;
  const of = typeof type === "string" ? limits.get(type) : undefined;
  if (!of)
    return type === unknown
      ? []
      : [
          `volume ${name} is of type ${shown(type)}; allowed are ${[...limits.keys()].join(", ")}: etcd needs steady IOPS`,
        ];
  const found: string[] = [];
  const outside = (unit: string, value: number, [least, most]: readonly [number, number]) => {
    if (value < least || value > most)
      found.push(`volume ${name} has ${value} ${unit}; ${type} takes ${least} to ${most}`);
  };
  if (typeof iops === "number") {
    outside("IOPS", iops, of.iops);
    // What every gp3 volume may have is no matter of its size.
    const most = Math.max(type === "gp3" ? of.iops[0] : 0, Number(size) * of.iopsPerGiB);
    if (iops > most)
      found.push(
        `volume ${name} has ${iops} IOPS for ${shown(size)} GiB; ${type} takes ${of.iopsPerGiB} for each, so ${most}`,
      );
  }
  if (typeof throughput === "number" && of.throughputMiB && of.throughputMiBPerIops) {
    outside("MiB/s", throughput, of.throughputMiB);
    const most = (typeof iops === "number" ? iops : of.iops[0]) * of.throughputMiBPerIops;
    if (throughput > most)
      found.push(
        `volume ${name} has ${throughput} MiB/s; ${type} takes ${of.throughputMiBPerIops} for each of its IOPS, so ${most}`,
      );
  }
  if (!of.throughputMiB && !isMissing(throughput) && throughput !== unknown)
    found.push(
      `volume ${name} has a throughput of its own, ${shown(throughput)} MiB/s; that of ${type} follows from its IOPS`,
    );
  return found;
}
