/**
 * Before the first rollout of a change: are the gates of all groups open? Shards roll side by side, so one that cannot pass would
 * otherwise stop only itself, with the others already under way. Here nothing has been touched yet.
 */
import { gateAdvice } from "./gate/advice";
import type { Progress } from "./gate/progress";
import { GateRefused, type Refusal } from "./gate/refusal";
import { checkGroup } from "./group";
import type { CheckSpec, RolloutSpec } from "./spec";

/** What is remembered of a check until the next one. */
export interface Checked {
  readonly storage: CheckSpec["storage"];
}

export async function checkGates(
  { groups, storage }: CheckSpec,
  previous: unknown,
  key: string,
  progressOf: (group: string) => Progress,
  check: (spec: RolloutSpec, key: string, progress: Progress) => Promise<void> = checkGroup,
): Promise<Checked> {
  const before = (previous as Partial<Checked> | null)?.storage;
  if (before) checkStorage(before, storage, progressOf("etcd"));
  const results = await Promise.allSettled(groups.map((spec) => check(spec, key, progressOf(spec.group))));
  const reasons = results.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
  const refusals = reasons.flatMap((reason): Refusal[] => (reason instanceof GateRefused ? [reason.refusal] : []));
  const other = reasons.find((reason) => !(reason instanceof GateRefused));
  if (other) throw other;
  const [first] = refusals;
  if (first) throw new GateRefused({ ...first, findings: refusals.flatMap(({ findings }) => findings) });
  return { storage };
}

/**
 * An API server looks for a kind of object in one shard only. With another shard named for it, all that is stored would be gone
 * for its clients, and controllers would begin to act on that.
 */
function checkStorage(before: CheckSpec["storage"], after: CheckSpec["storage"], progress: Progress): void {
  const findings = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((resource) => {
    const [from, to] = [before[resource] ?? rest, after[resource] ?? rest];
    if (from === to) return [];
    return [
      {
        host: `shard ${to}`,
        checked: "every kind of object stays in the shard that holds it",
        found: `${resource} would move from ${from} to ${to}, without what is stored`,
        advice: gateAdvice.movedResource,
        lasting: true,
      },
    ];
  });
  progress.refuseAny(findings);
}

/** The shard that holds what no other one is named for. */
const rest = "main";
