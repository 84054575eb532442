/** Derived: the instance of a host, and what it costs. */
import { chooseInstance, type InstanceNeed, instanceNamed, prices } from "../instances";
import type { Book } from "./book";

/** Where nothing in the catalogue is large enough. */
export const noInstance = "none of the catalogue";

/** How an instance was found. */
export const asConfigured = "as configured";
const cheapest =
  "the cheapest that has what is needed; at equal price the one with more vCPU, then memory, then bandwidth";

/** @param given type that is to be taken instead of the cheapest */
export function deriveInstance(book: Book, at: string, need: InstanceNeed, given: string | undefined) {
  const instance = book.derive(`${at}.instance`, {
    value: given ?? chooseInstance(need)?.name ?? noInstance,
    unit: "",
    formula: given === undefined ? cheapest : asConfigured,
    inputs: ["vcpus", "memoryGiB", "networkGbit", "nvmeDisks", "diskGiB"].map((name) => `${at}.${name}`),
    source: "config/instances.ts",
  });
  const usdPerHour = book.derive(`${at}.usdPerHour`, {
    value: instanceNamed(instance)?.usdPerHour ?? 0,
    unit: "USD/h",
    formula: `the instance's price in ${prices.region} on ${prices.date}, ${prices.terms}`,
    inputs: [`${at}.instance`],
    source: prices.source,
  });
  return { instance, usdPerHour };
}
