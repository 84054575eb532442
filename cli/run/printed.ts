/** What commands of the program printed, read from a state whose secrets stay encrypted. */
import type { ResourceId } from "../../components/resources";
import { urnName } from "../../engine";

interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly delete?: boolean;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export function printedBy(resources: readonly StateResource[], ids: readonly ResourceId[]): (string | undefined)[] {
  return ids.map(([type, name]) => {
    const found = resources.find((one) => one.type === type && urnName(one.urn) === name && !one.delete);
    const stdout = found?.outputs?.stdout;
    return typeof stdout === "string" ? stdout : undefined;
  });
}
