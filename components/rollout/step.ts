/**
 * The step of a group from one release to the next, judged by what its own last completed rollout printed. A rollout that stopped
 * half-way has printed nothing, so its group counts as on the older of the two releases: that is what etcd says of such a cluster too.
 */
import type { Releases } from "../../config/releases";
import { releaseStepProblem } from "../../config/releases/steps";
import { gateAdvice } from "./gate/advice";
import type { Progress } from "./gate/progress";
import type { PreviousRollout } from "./result";
import type { RolloutSpec } from "./spec";

/** What of a strategy this needs: a plan's has it, and a rollout's. */
type Stepping = Pick<RolloutSpec["strategy"], "kind"> & { readonly release?: string; readonly downgrade?: boolean };

const products: Readonly<Record<Stepping["kind"], keyof Releases | undefined>> = {
  etcd: "etcd",
  masters: "kubernetes",
  together: undefined,
};

/** Why upstream forbids the step, with the way; undefined when it does not, or when no rollout of the group was ever completed. */
export function stepProblem(
  { kind, release, downgrade = false }: Stepping,
  previous: PreviousRollout,
): string | undefined {
  const product = products[kind];
  if (product === undefined || release === undefined || previous.release === undefined) return undefined;
  return releaseStepProblem(product, previous.release, release, { downgrade });
}

/** The command refuses earlier (cli/run/impossible.ts); this holds whatever engine and program has started the rollout. */
export function refuseStep(strategy: Stepping, previous: PreviousRollout, progress: Progress): void {
  const found = stepProblem(strategy, previous);
  if (found === undefined) return;
  const checked = "upstream allows the step from the release of the last completed rollout";
  throw progress.refuse([{ host: "all hosts", checked, found, advice: gateAdvice.forbiddenStep, lasting: true }]);
}
