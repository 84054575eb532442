/** How far a move is, by the stack's file and by the hosts that the state knows. */
import { exitCodes, UserError } from "../../../config/errors";
import { checkedStack } from "../../stack/configuration";

/** The steps that a configuration can be at. `own`: the shard is a cluster of its own. */
export type Step = "joined" | "served" | "own";

/** @throws UserError for a shard that is not there, or that nothing can move to */
export function stepOf(stack: string, shard: string): Step {
  const { etcd } = checkedStack(stack).spec;
  const found = new Map(Object.entries(etcd.shards)).get(shard);
  if (shard === "main")
    throw new UserError(
      "main is where resources move from; name the shard that they move to",
      exitCodes.badConfiguration,
    );
  if (!found)
    throw new UserError(
      `stack ${stack} has no shard "${shard}" in \`etcd.shards\`; add it with what moves to it, for instance ` +
        `\`${shard}: {members: 3, resources: [/pods], slot: 3, move: joined}\``,
      exitCodes.badConfiguration,
    );
  return found.move ?? "own";
}

export const stepTexts: Readonly<Record<Step, string>> = {
  joined: "its members join main's cluster, one at a time, and get all data; API servers come to trust it",
  served: "API servers use them for what moves, one master at a time; it is the same cluster still",
  own: "they leave main for a cluster of their own: writes of what moves wait for some seconds. From there it does not go back",
};
