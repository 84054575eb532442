/** What hosts cost a month, as the state has them. As planned: the scale. */
import type { PlatformModule } from "../../components/platform/module";
import { instanceNamed } from "../../config/instances";
import { constants } from "../../config/scale/constants";
import { usd } from "../../config/scale/table";
import type { Step } from "../../engine";

/** @returns USD; undefined where there is no host yet, or one of a type without a price */
export function costBefore(
  steps: readonly Pick<Step, "oldInputs" | "op" | "type">[],
  { property, type }: NonNullable<PlatformModule["instances"]>,
): number | undefined {
  const hosts = steps.filter((step) => step.type === type && step.oldInputs && !partsOfReplacement.has(step.op));
  const prices = hosts.map(({ oldInputs }) => instanceNamed(String(oldInputs?.[property]))?.usdPerHour);
  if (prices.length === 0 || prices.includes(undefined)) return undefined;
  return prices.reduce<number>((sum, price = 0) => sum + price, 0) * constants.hoursPerMonth.value;
}

const partsOfReplacement: ReadonlySet<string> = new Set(["create-replacement", "delete-replaced"]);

/** "1,204 USD more than now"; undefined where nothing is known of now. */
export function costDifference(after: number, before: number | undefined): string | undefined {
  if (before === undefined) return undefined;
  const difference = Math.round(after - before);
  if (difference === 0) return "as much as now";
  return `${usd(Math.abs(difference))} ${difference > 0 ? "more" : "less"} than now`;
}
