/**
 * Before the first change of content or machines: are the gates of all groups open? Shards roll side by side, so one that cannot pass would
 * otherwise stop only itself, with the others already under way. Here nothing has been touched yet.
 */
import type { Progress } from "./gate/progress";
import { GateRefused, type Refusal } from "./gate/refusal";
import { checkGroup } from "./group";
import type { CheckSpec, WaitingSpec } from "./spec";

export async function checkGates(
  { groups }: Pick<CheckSpec, "groups">,
  key: string,
  progressOf: (group: string) => Progress,
  check: (
    spec: WaitingSpec,
    key: string,
    progress: Progress,
    elsewhere: readonly string[],
  ) => Promise<void> = checkGroup,
): Promise<void> {
  const elsewhere = (spec: WaitingSpec) =>
    groups.filter((other) => other !== spec).flatMap(({ hosts }) => hosts.map(({ name }) => name));
  const results = await Promise.allSettled(
    groups.map((spec) => check(spec, key, progressOf(spec.group), elsewhere(spec))),
  );
  const reasons = results.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
  const refusals = reasons.flatMap((reason): Refusal[] => (reason instanceof GateRefused ? [reason.refusal] : []));
  const other = reasons.find((reason) => !(reason instanceof GateRefused));
  if (other) throw other;
  const [first] = refusals;
  if (first) throw new GateRefused({ ...first, findings: refusals.flatMap(({ findings }) => findings) });
}
