/** Regions and zones. */
import { regions } from "./constraints/table.json";

export const isRegion = (name: string): boolean => regions.includes(name);

/** Regions with more zones than three that an account can use (EC2 user guide, "Regions and zones"); names go by letters. */
const MORE_ZONES: Readonly<Record<string, number>> = { "us-east-1": 6, "us-west-2": 4, "ap-northeast-2": 4 };

export function zonesOf(region: string): string[] {
  return [..."abcdef"].slice(0, MORE_ZONES[region] ?? 3).map((letter) => `${region}${letter}`);
}
