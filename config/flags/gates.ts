/** Feature gates as a flag: sorted "Name=true" items, left out when there is none. */
import type { FlagMap } from "./flags";

/** Gates that something of this project relies on being as upstream has them. */
export const keptGates: Readonly<Record<string, string>> = {
  WatchList: "on by default: the first list of an informer is streamed, not held in memory at once",
  ListFromCacheSnapshot: "on by default: paged lists come from the cache",
  SizeBasedListCostEstimate: "on by default: a large list costs the seats it deserves",
  ConsistentListFromCache: "on and locked: lists need no quorum read",
};

export function gates(_version: string, on: Readonly<Record<string, boolean>>): FlagMap {
  const items = Object.entries(on).map(([name, value]) => `${name}=${value}`);
  return items.length > 0 ? { "feature-gates": items.sort() } : {};
}
