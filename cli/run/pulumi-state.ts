/** A stack of Pulumi's own engine, as `pulumi stack export --show-secrets` and `pulumi stack history` tell it. */
import type { UpdateSummary } from "@pulumi/pulumi/automation";
import { Crypter } from "../../engine/state/crypter";
import { open } from "../../engine/state/snapshot";
import type { Deployment } from "../../engine/state/types";
import { plainValues } from "../../engine/values";
import type { OpenedState } from "./engine";
import type { Unfinished } from "./run-record";

export function openedState(
  { resources = [], pending_operations: pending = [] }: Partial<Deployment>,
  history: readonly Pick<UpdateSummary, "kind" | "result" | "startTime" | "endTime">[],
): OpenedState {
  // Its secrets come in clear, so none is decrypted here.
  const crypter = new Crypter(undefined, undefined, "the exported state");
  const under = pending.map(({ resource, type }) => ({ urn: resource.urn, operation: type }));
  const unfinished = unfinishedRun(history, under.length > 0);
  return {
    resources: resources.map((resource) => {
      const { urn, type, outputs } = open(crypter, resource);
      return { urn, type, ...(resource.delete && { delete: true }), outputs: plainValues(outputs) };
    }),
    pending: under,
    ...(unfinished && { unfinished }),
  };
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
