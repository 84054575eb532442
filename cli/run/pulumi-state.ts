/** A stack of Pulumi's own engine, as `pulumi stack export --show-secrets` and `pulumi stack history` tell it. */
import type { UpdateSummary } from "@pulumi/pulumi/automation";
import { type Deployment, openDeployment } from "../../engine";
import type { StackState } from "./engine";
import type { Unfinished } from "./unfinished";

export function openedState(
  deployment: Partial<Deployment>,
  history: readonly Pick<UpdateSummary, "kind" | "result" | "startTime" | "endTime">[],
): StackState {
  const { resources, pending } = openDeployment(deployment);
  const unfinished = unfinishedRun(history, pending.length > 0);
  return { resources, pending, ...(unfinished && { unfinished }) };
}

function unfinishedRun(history: Parameters<typeof openedState>[1], cutShort: boolean): Unfinished | undefined {
  const last = history.find(({ kind }) => kind === "update" || kind === "destroy");
  const action = last?.kind === "destroy" ? "destroy" : "up";
  if (last?.result === "in-progress")
    return { action, how: "running", at: new Date(last.startTime).toISOString(), what: [] };
  if (last?.result === "failed")
    return { action, how: "failed", at: new Date(last.endTime ?? last.startTime).toISOString(), what: [] };
  // A history without a word of it: the command was killed.
  return cutShort ? { action, how: "killed", what: [] } : undefined;
}
