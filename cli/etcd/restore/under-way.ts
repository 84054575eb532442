/** How far a restore is on the members of a shard, before anything is done about it. */
import { restoreAdvice } from "../../../components/rollout/etcd/advice";
import { hostAdvice } from "../../../components/rollout/hosts/advice";
import { exitCodes, UserError } from "../../../config/errors";
import type { MemberState, UnderWay } from "./answers";
import type { Session } from "./session";

/** Of all members that are to be restored; refuses when one does not answer. */
export async function membersIn(
  { names, progress, remote }: Session,
  without: ReadonlySet<string>,
): Promise<ReadonlyMap<string, MemberState>> {
  const unknown = [...without].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new UserError(
      `--without ${unknown[0]}: is no member of the shard, which has: ${names.join(", ")}`,
      exitCodes.badConfiguration,
    );
  const wanted = names.filter((name) => !without.has(name));
  if (2 * wanted.length <= names.length)
    throw new UserError(
      `--without: ${wanted.length} of ${names.length} members would be left; those without could go on as the shard that they were`,
      exitCodes.badConfiguration,
    );
  const answers = await Promise.allSettled(wanted.map((name) => remote.member(name)));
  progress.refuseAny(
    answers.flatMap((answer, index) => {
      if (answer.status === "fulfilled") return [];
      const checked = "the host of each member answers (etcd-restore state)";
      const advice = `${hostAdvice.unreachable} If it is lost, leave it out with \`--without ${wanted[index]}\`: it joins later.`;
      return [{ host: wanted[index]!, checked, found: (answer.reason as Error).message, advice, lasting: true }];
    }),
  );
  return new Map(
    answers.flatMap((answer, index) =>
      answer.status === "fulfilled" ? [[wanted[index]!, answer.value] as const] : [],
    ),
  );
}

export function underWayIn({ progress }: Session, states: ReadonlyMap<string, MemberState>): UnderWay | undefined {
  for (const [host, { held, restore: found }] of states) {
    if (found?.command !== "recover" && !(held && !found)) continue;
    const checked = "no recovery of the shard is under way";
    throw progress.refuse([{ host, checked, found: "one is", advice: hostAdvice.restoring, lasting: true }]);
  }
  const found = [...states].flatMap(([host, { restore: one }]) => (one ? [{ host, one }] : []));
  const [first] = found;
  const other = found.find(({ one }) => one.id !== first?.one.id);
  if (other) {
    const checked = `only restore ${first?.one.id} is under way`;
    const found = `restore ${other.one.id}`;
    throw progress.refuse([{ host: other.host, checked, found, advice: restoreAdvice.another, lasting: true }]);
  }
  return first?.one;
}
