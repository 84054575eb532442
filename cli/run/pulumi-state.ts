/** A stack of Pulumi's own engine, as `pulumi stack export --show-secrets` and `pulumi stack history` tell it. */
import type { UpdateSummary } from "@pulumi/pulumi/automation";
import { type Deployment, openDeployment } from "../../engine";
import type { StackState } from "./engine";
import type { Unfinished } from "./unfinished";

type History = readonly Pick<UpdateSummary, "kind" | "result" | "startTime" | "endTime">[];

export function openedState(deployment: Partial<Deployment>, history: History): StackState {
  const last = history.find(({ kind }) => kind === "update" || kind === "destroy");
  const { resources, pending } = openDeployment(
    isOfItsEnd(deployment, last) ? withoutMadeGood(deployment) : deployment,
  );
  const unfinished = unfinishedRun(last, pending.length > 0);
  return { resources, pending, ...(unfinished && { unfinished }) };
}

/**
 * Of a state that an `up` has left which made all that its program wants: without creates that were under way in an earlier run and
 * whose resource exists now. Others stay: what they were making may exist, and no state knows it.
 */
export function withoutMadeGood<T extends Partial<Deployment>>(deployment: T): T {
  const { resources = [], pending_operations: pending = [] } = deployment;
  const made = new Set(resources.filter((resource) => !resource.delete).map(({ urn }) => urn));
  const left = pending.filter(({ type, resource }) => type !== "creating" || !made.has(resource.urn));
  return { ...deployment, pending_operations: left };
}

/** A run that was killed writes states, and nothing into the history: what is newer than its last entry is not that entry's. */
function isOfItsEnd({ manifest }: Partial<Deployment>, last: History[number] | undefined): boolean {
  if (last?.kind !== "update" || last.result !== "succeeded" || !last.endTime || !manifest) return false;
  // The history knows seconds.
  return Date.parse(manifest.time) < new Date(last.endTime).getTime() + 1000;
}

function unfinishedRun(last: History[number] | undefined, cutShort: boolean): Unfinished | undefined {
  const action = last?.kind === "destroy" ? "destroy" : "up";
  if (last?.result === "in-progress")
    return { action, how: "running", at: new Date(last.startTime).toISOString(), what: [] };
  if (last?.result === "failed")
    return { action, how: "failed", at: new Date(last.endTime ?? last.startTime).toISOString(), what: [] };
  // A history without a word of it: the command was killed.
  return cutShort ? { action, how: "killed", what: [] } : undefined;
}
