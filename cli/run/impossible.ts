/** What a cluster that exists cannot become, from what its state tells. */
import { changeProblems, commitmentsOf, readCommitments } from "../../components/plan/commitments";
import type { ClusterPlan } from "../../components/plan/types";
import { releaseChange, releaseNotes } from "../../components/rollout/other-release";
import { previousResult } from "../../components/rollout/result";
import { stepProblem } from "../../components/rollout/step";

/** What of another release is said before it begins. @param results as of {@link impossibleChanges} */
export function otherReleases(plan: ClusterPlan, results: readonly (string | undefined)[]): string[] {
  const changes = plan.groups.flatMap(({ strategy }, index) =>
    releaseChange(strategy, previousResult(results[index]).release),
  );
  return releaseNotes(changes, plan.backup !== undefined);
}

/**
 * Each problem once; empty when it can.
 * @param commitments what the state's commitments printed: written when an `up` begins, so they tell nothing of how far it came
 * @param results what the last completed rollout of each of the plan's groups printed: the releases that their hosts really have
 */
export function impossibleChanges(
  plan: ClusterPlan,
  commitments: string | undefined,
  results: readonly (string | undefined)[],
): string[] {
  const before = readCommitments(commitments);
  if (!before) return [];
  const steps = plan.groups.flatMap(
    ({ strategy }, index) => stepProblem(strategy, previousResult(results[index])) ?? [],
  );
  return [...new Set([...changeProblems(before, commitmentsOf(plan)), ...steps])];
}
