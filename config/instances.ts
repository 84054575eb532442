/**
 * Instance types that hosts are chosen from: x86, on Nitro, in families that three of four regions offer. Left out for that:
 * m5ad and c5ad, which are cheaper than m5d, in half of the regions or fewer. Left out also: i3, which runs on Xen and costs more
 * than r5d of the same size.
 *
 * vCPU, memory and baseline network: aws/karpenter-provider-aws website/content/en/preview/reference/instance-types.md
 * (2026-07-11, generated from EC2's DescribeInstanceTypes). Disks: InstanceStorageInfo of the same call, as moto 5.2.5 records it
 * (moto/ec2/resources/instance_types.json.gz, regions beside it); count times size is the first source's total. Prices:
 * {@link prices}.
 */
export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryGiB: number;
  /** Sustained bandwidth, Gbit/s: "up to" bursts are left out. */
  readonly networkGbit: number;
  /** Price of an hour, USD: see {@link prices}. */
  readonly usdPerHour: number;
  /** Local NVMe disks; none on c, m and r without a d. */
  readonly disks: { readonly count: number; readonly sizeGB: number };
}

/** What the prices are of. Other regions differ, and no source gives their factor: a cost is always one of this region. */
export const prices = {
  region: "us-east-1",
  date: "2026-07-20",
  terms: "on demand, Linux",
  source: "aws/karpenter-provider-aws pkg/providers/pricing/zz_generated.pricing_aws.go",
} as const;

type Row = readonly [
  name: string,
  vcpus: number,
  memoryGiB: number,
  networkGbit: number,
  usdPerHour: number,
  disks?: readonly [count: number, sizeGB: number],
];

const rows: readonly Row[] = [
  ["c7i.large", 2, 4, 0.781, 0.08925],
  ["c7i.xlarge", 4, 8, 1.562, 0.1785],
  ["c7i.2xlarge", 8, 16, 3.125, 0.357],
  ["c7i.4xlarge", 16, 32, 6.25, 0.714],
  ["c7i.8xlarge", 32, 64, 12.5, 1.428],
  ["c7i.12xlarge", 48, 96, 18.75, 2.142],
  ["c7i.16xlarge", 64, 128, 25, 2.856],
  ["c7i.24xlarge", 96, 192, 37.5, 4.284],
  ["c7i.48xlarge", 192, 384, 50, 8.568],
  ["m7i.large", 2, 8, 0.781, 0.1008],
  ["m7i.xlarge", 4, 16, 1.562, 0.2016],
  ["m7i.2xlarge", 8, 32, 3.125, 0.4032],
  ["m7i.4xlarge", 16, 64, 6.25, 0.8064],
  ["m7i.8xlarge", 32, 128, 12.5, 1.6128],
  ["m7i.12xlarge", 48, 192, 18.75, 2.4192],
  ["m7i.16xlarge", 64, 256, 25, 3.2256],
  ["m7i.24xlarge", 96, 384, 37.5, 4.8384],
  ["m7i.48xlarge", 192, 768, 50, 9.6768],
  ["r7i.large", 2, 16, 0.781, 0.1323],
  ["r7i.xlarge", 4, 32, 1.562, 0.2646],
  ["r7i.2xlarge", 8, 64, 3.125, 0.5292],
  ["r7i.4xlarge", 16, 128, 6.25, 1.0584],
  ["r7i.8xlarge", 32, 256, 12.5, 2.1168],
  ["r7i.12xlarge", 48, 384, 18.75, 3.1752],
  ["r7i.16xlarge", 64, 512, 25, 4.2336],
  ["r7i.24xlarge", 96, 768, 37.5, 6.3504],
  ["r7i.48xlarge", 192, 1536, 50, 12.7008],
  ["m5d.4xlarge", 16, 64, 5, 0.904, [2, 300]],
  ["m5d.8xlarge", 32, 128, 10, 1.808, [2, 600]],
  ["m5d.12xlarge", 48, 192, 12, 2.712, [2, 900]],
  ["m5d.16xlarge", 64, 256, 20, 3.616, [4, 600]],
  ["m5d.24xlarge", 96, 384, 25, 5.424, [4, 900]],
  ["r5d.4xlarge", 16, 128, 5, 1.152, [2, 300]],
  ["r5d.8xlarge", 32, 256, 10, 2.304, [2, 600]],
  ["r5d.12xlarge", 48, 384, 12, 3.456, [2, 900]],
  ["r5d.16xlarge", 64, 512, 20, 4.608, [4, 600]],
  ["r5d.24xlarge", 96, 768, 25, 6.912, [4, 900]],
  ["i4i.large", 2, 16, 0.781, 0.172, [1, 468]],
  ["i4i.xlarge", 4, 32, 1.875, 0.343, [1, 937]],
  ["i4i.2xlarge", 8, 64, 4.687, 0.686, [1, 1875]],
  ["i4i.4xlarge", 16, 128, 9.375, 1.373, [1, 3750]],
  ["i4i.8xlarge", 32, 256, 18.75, 2.746, [2, 3750]],
  ["i4i.16xlarge", 64, 512, 37.5, 5.491, [4, 3750]],
  ["i7i.large", 2, 16, 1.171, 0.1888, [1, 468]],
  ["i7i.xlarge", 4, 32, 2.343, 0.3775, [1, 937]],
  ["i7i.2xlarge", 8, 64, 4.687, 0.755, [1, 1875]],
  ["i7i.4xlarge", 16, 128, 9.375, 1.5101, [1, 3750]],
  ["i7i.8xlarge", 32, 256, 25, 3.0202, [2, 3750]],
  ["i7i.16xlarge", 64, 512, 37.5, 6.0403, [4, 3750]],
  ["i7ie.2xlarge", 8, 64, 8.333, 1.0396, [2, 2500]],
  ["i7ie.6xlarge", 24, 192, 12.5, 3.1188, [2, 7500]],
  ["i7ie.12xlarge", 48, 384, 25, 6.2376, [4, 7500]],
  ["i3en.2xlarge", 8, 64, 8.4, 0.904, [2, 2500]],
  ["i3en.6xlarge", 24, 192, 25, 2.712, [2, 7500]],
  ["i3en.12xlarge", 48, 384, 50, 5.424, [4, 7500]],
];

export const instances: readonly InstanceType[] = rows.map(
  ([name, vcpus, memoryGiB, networkGbit, usdPerHour, [count, sizeGB] = [0, 0]]) => ({
    name,
    vcpus,
    memoryGiB,
    networkGbit,
    usdPerHour,
    disks: { count, sizeGB },
  }),
);

/** What a host must have. */
export interface InstanceNeed {
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly networkGbit: number;
  /** Local NVMe disks. */
  readonly nvmeDisks: number;
  /** Room on each of them. */
  readonly diskGiB: number;
}

/** What an instance lacks for a need; empty when it fits. */
export function shortfalls(instance: InstanceType, need: InstanceNeed): readonly string[] {
  const { count, sizeGB } = instance.disks;
  const sizeGiB = Math.floor((sizeGB * 1e9) / 2 ** 30);
  const found: string[] = [];
  if (instance.vcpus < need.vcpus) found.push(`${instance.vcpus} vCPU, needs ${need.vcpus}`);
  if (instance.memoryGiB < need.memoryGiB) found.push(`${instance.memoryGiB} GiB, needs ${Math.ceil(need.memoryGiB)}`);
  if (instance.networkGbit < need.networkGbit)
    found.push(`${instance.networkGbit} Gbit/s, needs ${need.networkGbit.toFixed(1)}`);
  if (count < need.nvmeDisks) found.push(`${count} local NVMe disks, needs ${need.nvmeDisks}`);
  else if (need.nvmeDisks > 0 && sizeGiB < need.diskGiB)
    found.push(`local NVMe disks of ${sizeGiB} GiB, needs ${need.diskGiB}`);
  return found;
}

/**
 * The cheapest instance that has what is needed. At equal price the one with more vCPU, then more memory, then more bandwidth;
 * then by name, so that the answer is always the same.
 * @param among what may be taken. Default: the whole catalogue
 */
export function chooseInstance(
  need: InstanceNeed,
  among: readonly InstanceType[] = instances,
): InstanceType | undefined {
  return among
    .filter((instance) => shortfalls(instance, need).length === 0)
    .sort(
      (a, b) =>
        a.usdPerHour - b.usdPerHour ||
        b.vcpus - a.vcpus ||
        b.memoryGiB - a.memoryGiB ||
        b.networkGbit - a.networkGbit ||
        (a.name < b.name ? -1 : 1),
    )[0];
}

export const instanceNamed = (name: string): InstanceType | undefined =>
  instances.find((instance) => instance.name === name);
