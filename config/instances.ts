/**
 * Instance types that hosts are chosen from: x86, current generations with published figures.
 *
 * vCPU, memory, baseline network and total local NVMe: aws/karpenter-provider-aws
 * website/content/en/preview/reference/instance-types.md (generated from EC2's DescribeInstanceTypes). Disks: the families'
 * largest disk is 3,750 GB (i4i, i7i) or 7,500 GB (i3en, i7ie); https://docs.aws.amazon.com/ec2/latest/instancetypes/so.html
 */
export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryGiB: number;
  /** Sustained bandwidth, Gbit/s: "up to" bursts are left out. */
  readonly networkGbit: number;
  /** Local NVMe disks; none on c, m and r. */
  readonly disks: { readonly count: number; readonly sizeGB: number };
}

type Row = readonly [
  name: string,
  vcpus: number,
  memoryGiB: number,
  networkGbit: number,
  disks?: readonly [number, number],
];

const rows: readonly Row[] = [
  ["c7i.large", 2, 4, 0.781],
  ["c7i.xlarge", 4, 8, 1.562],
  ["c7i.2xlarge", 8, 16, 3.125],
  ["c7i.4xlarge", 16, 32, 6.25],
  ["c7i.8xlarge", 32, 64, 12.5],
  ["c7i.12xlarge", 48, 96, 18.75],
  ["c7i.16xlarge", 64, 128, 25],
  ["c7i.24xlarge", 96, 192, 37.5],
  ["c7i.48xlarge", 192, 384, 50],
  ["m7i.large", 2, 8, 0.781],
  ["m7i.xlarge", 4, 16, 1.562],
  ["m7i.2xlarge", 8, 32, 3.125],
  ["m7i.4xlarge", 16, 64, 6.25],
  ["m7i.8xlarge", 32, 128, 12.5],
  ["m7i.12xlarge", 48, 192, 18.75],
  ["m7i.16xlarge", 64, 256, 25],
  ["m7i.24xlarge", 96, 384, 37.5],
  ["m7i.48xlarge", 192, 768, 50],
  ["r7i.large", 2, 16, 0.781],
  ["r7i.xlarge", 4, 32, 1.562],
  ["r7i.2xlarge", 8, 64, 3.125],
  ["r7i.4xlarge", 16, 128, 6.25],
  ["r7i.8xlarge", 32, 256, 12.5],
  ["r7i.12xlarge", 48, 384, 18.75],
  ["r7i.16xlarge", 64, 512, 25],
  ["r7i.24xlarge", 96, 768, 37.5],
  ["r7i.48xlarge", 192, 1536, 50],
  ["i4i.large", 2, 16, 0.781, [1, 468]],
  ["i4i.xlarge", 4, 32, 1.875, [1, 937]],
  ["i4i.2xlarge", 8, 64, 4.687, [1, 1875]],
  ["i4i.4xlarge", 16, 128, 9.375, [1, 3750]],
  ["i4i.8xlarge", 32, 256, 18.75, [2, 3750]],
  ["i4i.16xlarge", 64, 512, 37.5, [4, 3750]],
  ["i7i.large", 2, 16, 1.171, [1, 468]],
  ["i7i.xlarge", 4, 32, 2.343, [1, 937]],
  ["i7i.2xlarge", 8, 64, 4.687, [1, 1875]],
  ["i7i.4xlarge", 16, 128, 9.375, [1, 3750]],
  ["i7i.8xlarge", 32, 256, 25, [2, 3750]],
  ["i7i.16xlarge", 64, 512, 37.5, [4, 3750]],
  ["i7ie.2xlarge", 8, 64, 8.333, [2, 2500]],
  ["i7ie.6xlarge", 24, 192, 12.5, [2, 7500]],
  ["i7ie.12xlarge", 48, 384, 25, [4, 7500]],
  ["i3en.2xlarge", 8, 64, 8.4, [2, 2500]],
  ["i3en.6xlarge", 24, 192, 25, [2, 7500]],
  ["i3en.12xlarge", 48, 384, 50, [4, 7500]],
];

export const instances: readonly InstanceType[] = rows.map(([name, vcpus, memoryGiB, networkGbit, disks]) => ({
  name,
  vcpus,
  memoryGiB,
  networkGbit,
  disks: { count: disks?.[0] ?? 0, sizeGB: disks?.[1] ?? 0 },
}));

export interface InstanceNeed {
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly networkGbit: number;
  /** Local NVMe disks: etcd needs two, one for the write-ahead log, one for the database. */
  readonly disks: number;
}

/** Families in order of preference, for equal size. Masters take no local disks. */
export const masterFamilies = ["c7i", "m7i", "r7i"] as const;
export const etcdFamilies = ["i7ie", "i7i", "i4i", "i3en"] as const;

/** What an instance lacks for a need; empty when it fits. */
export function shortfalls(instance: InstanceType, need: InstanceNeed): readonly string[] {
  const found: string[] = [];
  if (instance.vcpus < need.vcpus) found.push(`${instance.vcpus} vCPU, needs ${need.vcpus}`);
  if (instance.memoryGiB < need.memoryGiB) found.push(`${instance.memoryGiB} GiB, needs ${Math.ceil(need.memoryGiB)}`);
  if (instance.networkGbit < need.networkGbit)
    found.push(`${instance.networkGbit} Gbit/s, needs ${need.networkGbit.toFixed(1)}`);
  if (instance.disks.count < need.disks) found.push(`${instance.disks.count} local NVMe disks, needs ${need.disks}`);
  return found;
}

/** The smallest instance of the families that meets the need (vCPU first, then memory, then the order of the families). */
export function chooseInstance(families: readonly string[], need: InstanceNeed): InstanceType | undefined {
  const family = (instance: InstanceType) => families.indexOf(instance.name.split(".")[0] ?? "");
  return instances
    .filter((instance) => family(instance) >= 0 && shortfalls(instance, need).length === 0)
    .sort((a, b) => a.vcpus - b.vcpus || a.memoryGiB - b.memoryGiB || family(a) - family(b))[0];
}

export const instanceNamed = (name: string): InstanceType | undefined =>
  instances.find((instance) => instance.name === name);
