/** Members' hosts that answer when a shard has lost its quorum, and whether that is a reason to give anything up. */
import { restoreAdvice } from "../../../components/rollout/etcd/advice";
import { quorumOf } from "../../../components/rollout/etcd/health";
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import { causeAdvice } from "../../../components/rollout/hosts/advice";
import type { MemberState } from "./answers";

export interface Survivor {
  readonly host: string;
  readonly state: MemberState;
  /** Its data cannot be read, as the host says. */
  readonly damaged: boolean;
  /** Its data is there, on disks that are attached in each other's place. */
  readonly swapped: boolean;
}

/** Those that could go on alone. */
export const usableOf = (survivors: readonly Survivor[]): readonly Survivor[] =>
  survivors.filter(({ damaged, state, swapped }) => state.hasData && !damaged && !swapped);

/** While most members are there, or could be, nothing is lost; and what is not lost must not be given up. @param names of all members */
export function needless(
  shard: string,
  names: readonly string[],
  survivors: readonly Survivor[],
  hasQuorum: boolean,
): GateFinding | undefined {
  const common = { host: `shard ${shard}`, lasting: true };
  const another = survivors.find(({ state }) => state.restore?.command === "restore");
  if (another)
    return { ...common, checked: "no restore is under way", found: another.host, advice: restoreAdvice.another };
  if (hasQuorum)
    return { ...common, checked: "the shard has no quorum", found: "it has one", advice: restoreAdvice.quorum };
  const needed = quorumOf(names.length);
  const usable = usableOf(survivors).map(({ host }) => host);
  const swapped = survivors.filter((one) => one.swapped).map(({ host }) => host);
  const checked = `the data of ${needed} of ${names.length} members is lost`;
  if (usable.length >= needed)
    return { ...common, checked, found: `${usable.join(", ")} have theirs`, advice: restoreAdvice.quorum };
  if (usable.length + swapped.length >= needed) {
    const found = `that of ${swapped.join(", ")} is on disks that are swapped`;
    return { ...common, checked, found, advice: causeAdvice.swapped };
  }
  if (usable.length > 0) return undefined;
  return { ...common, checked: "the data of a member is left", found: "of none", advice: restoreAdvice.noSurvivor };
}
