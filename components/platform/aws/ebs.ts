/** Volumes of EBS: what AWS takes, so that nothing else is ever asked of it. */

export const ebsTypes = ["gp3", "io2"] as const;
export type EbsType = (typeof ebsTypes)[number];

export interface EbsVolume {
  readonly type: EbsType;
  readonly sizeGiB: number;
  readonly iops: number;
  /** MiB/s. Only gp3 is given one. */
  readonly throughputMiB?: number | undefined;
}

interface Limits {
  readonly sizeGiB: Range;
  readonly iops: Range;
  /** No more IOPS than this for each GiB, above the least that every volume may have. */
  readonly iopsPerGiB: number;
  readonly throughput?: { readonly miB: Range; readonly miBPerIops: number };
  readonly source: string;
}
type Range = readonly [least: number, most: number];

const source = "https://docs.aws.amazon.com/ebs/latest/userguide";

/**
 * As of September 2025, when gp3 grew to 80,000 IOPS, 2,000 MiB/s and 64 TiB. Sizes, IOPS and throughput are those of CreateVolume in
 * EC2's API, too (botocore 1.44.8); ratios stand in the user guide alone.
 */
export const ebsLimits: Readonly<Record<EbsType, Limits>> = {
  gp3: {
    sizeGiB: [1, 65_536],
    iops: [3000, 80_000],
    iopsPerGiB: 500,
    throughput: { miB: [125, 2000], miBPerIops: 0.25 },
    source: `${source}/general-purpose.html`,
  },
  io2: {
    sizeGiB: [4, 65_536],
    iops: [100, 256_000],
    iopsPerGiB: 1000,
    source: `${source}/provisioned-iops.html`,
  },
};

/**
 * Of every volume, whatever etcd needs less: of 2 GiB io2 is refused, and gp3 has no more than its first 3,000 IOPS. Here are 8,000 of gp3 and
 * 16,000 of io2. No setting decides it, since a volume of EBS does not shrink.
 */
export const leastGiB = 16;

/** What AWS would refuse; empty when it takes the volume. */
export function ebsProblems({ type, sizeGiB, iops, throughputMiB }: EbsVolume): string[] {
  const limits = ebsLimits[type];
  const { throughput } = limits;
  // What every volume may have is no matter of its size.
  const mostIops = Math.max(throughput ? limits.iops[0] : 0, sizeGiB * limits.iopsPerGiB);
  const found = [
    outside("GiB", sizeGiB, limits.sizeGiB),
    outside("IOPS", iops, limits.iops),
    iops > mostIops && iops <= limits.iops[1]
      ? `${iops} IOPS are more than ${limits.iopsPerGiB} for each of ${sizeGiB} GiB: at most ${mostIops}, or at least ${Math.ceil(iops / limits.iopsPerGiB)} GiB`
      : undefined,
  ];
  if (throughputMiB !== undefined && !throughput) found.push(`${type} takes no throughput: it follows from the IOPS`);
  if (throughputMiB !== undefined && throughput) {
    const most = Math.floor(iops * throughput.miBPerIops);
    found.push(
      outside("MiB/s", throughputMiB, throughput.miB) ??
        (throughputMiB > most
          ? `${throughputMiB} MiB/s are more than ${throughput.miBPerIops} for each of ${iops} IOPS: at most ${most}, or at least ${Math.ceil(throughputMiB / throughput.miBPerIops)} IOPS`
          : undefined),
    );
  }
  return found.flatMap((problem) => (problem === undefined ? [] : [`${problem} (${type}: ${limits.source})`]));
}

function outside(unit: string, value: number, [least, most]: Range): string | undefined {
  return value >= least && value <= most ? undefined : `${value} ${unit}; allowed are ${least} to ${most}`;
}
