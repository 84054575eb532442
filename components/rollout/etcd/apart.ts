/**
 * A move of resources out of main, as the hosts know it: until the split the members of the new shard are members of main, afterwards
 * never again. A configuration that says otherwise would have two clusters write the same resource, or put the newest data aside.
 */
import type { GateFinding } from "../gate/refusal";
import type { MachineStatus } from "../hosts/answers";
import { moveAdvice } from "./advice";
import type { View } from "./shard";

/** Members of a shard that are planned in another one: their split is still to come. @param elsewhere hosts of other groups */
export function notSplit(view: View, elsewhere: readonly string[]): GateFinding[] {
  const found = view.members.filter(({ name }) => elsewhere.includes(name)).map(({ name }) => name);
  if (found.length === 0) return [];
  return [
    {
      host: found.join(", "),
      checked: "shards that are planned apart are clusters of their own",
      found: "they are members of one",
      advice: moveAdvice.notSplit,
      lasting: true,
    },
  ];
}

/** Hosts whose data is that of another shard since a split. */
export function splitOff(group: string, statuses: ReadonlyMap<string, MachineStatus>): GateFinding[] {
  return [...statuses].flatMap(([host, { dataOf }]) =>
    dataOf == null || `etcd-${dataOf}` === group
      ? []
      : [
          {
            host,
            checked: `its data is that of ${group}`,
            found: `it is that of shard ${dataOf}, which is a cluster of its own`,
            advice: moveAdvice.split,
            lasting: true,
          },
        ],
  );
}
