/**
 * Before the first rollout of a change: are the gates of all groups open? Shards roll side by side, so one that cannot pass would
 * otherwise stop only itself, with the others already under way. Here nothing has been touched yet.
 */
import { GateRefused, type Refusal, type Run } from "./gate";
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
  runOf: (group: string) => Run,
  check: (spec: RolloutSpec, key: string, run: Run) => Promise<void> = checkGroup,
): Promise<Checked> {
  const before = (previous as Partial<Checked> | null)?.storage;
  if (before) checkStorage(before, storage, runOf("etcd"));
  const results = await Promise.allSettled(groups.map((spec) => check(spec, key, runOf(spec.group))));
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
function checkStorage(before: CheckSpec["storage"], after: CheckSpec["storage"], run: Run): void {
  const findings = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((resource) => {
    const [from, to] = [before[resource] ?? rest, after[resource] ?? rest];
    if (from === to) return [];
    return [
      {
        host: `shard ${to}`,
        checked: "every kind of object stays in the shard that holds it",
        found: `${resource} would move from ${from} to ${to}, without what is stored`,
        advice:
          "Give etcd.shards the resources that they had. Another layout is for a new cluster: an ephemeral stack gets it by `kilonode recreate`.",
        lasting: true,
      },
    ];
  });
  const [first, ...more] = findings;
  if (first) throw run.refuse([first, ...more]);
}

/** The shard that holds what no other one is named for. */
const rest = "main";
