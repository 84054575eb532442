/** Regions and zones. */
import { partitions } from "./constraints/table.json";

const known = Object.entries(partitions).flatMap(([partition, regions]) =>
  regions.map((name) => [name, partition] as const),
);
const partitionOfRegion = new Map<string, string>(known);

export const isRegion = (name: string): boolean => partitionOfRegion.has(name);

/** The first part of every ARN. */
export const partitionOf = (region: string): string => partitionOfRegion.get(region) ?? "";

/** Regions with more zones than three that an account can use (EC2 user guide, "Regions and zones"); names go by letters. */
const MORE_ZONES: Readonly<Record<string, number>> = { "us-east-1": 6, "us-west-2": 4, "ap-northeast-2": 4 };

export function zonesOf(region: string): string[] {
  return [..."abcdef"].slice(0, MORE_ZONES[region] ?? 3).map((letter) => `${region}${letter}`);
}
