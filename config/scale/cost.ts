/** Derived: what the control plane's instances cost a month. */
import { prices } from "../instances";
import { type Book, rounded } from "./book";
import { constants as c } from "./constants";
import type { CostScale, EtcdScale, MastersScale } from "./types";

export function deriveCost(book: Book, masters: MastersScale, etcd: EtcdScale): CostScale {
  const put = book.below("cost");
  const month = (name: string, count: number, usdPerHour: number, inputs: readonly string[]) =>
    put(
      name,
      rounded(count * usdPerHour * c.hoursPerMonth.value),
      "USD/month",
      `hosts x price of an hour in ${prices.region} on ${prices.date}, ${prices.terms} x hours of a month`,
      prices.source,
      [...inputs, "constants.hoursPerMonth"],
    );
  const mastersUsd = month("masters", masters.count, masters.usdPerHour, ["masters.count", "masters.usdPerHour"]);
  const shards = Object.fromEntries(
    Object.entries(etcd.shards).map(([name, { members, host }]) => {
      const at = `etcd.shards.${name}`;
      return [name, month(`shards.${name}`, members, host.usdPerHour, [`${at}.members`, `${at}.host.usdPerHour`])];
    }),
  );
  return {
    masters: mastersUsd,
    shards,
    total: put(
      "total",
      rounded(Object.values(shards).reduce((sum, usd) => sum + usd, mastersUsd)),
      "USD/month",
      "masters and etcd hosts; without volumes, load balancer, traffic and nodes",
      "own sum",
      ["cost.masters", ...Object.keys(shards).map((name) => `cost.shards.${name}`)],
    ),
  };
}
