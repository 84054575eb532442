/** Steps of a restore as its progress tells them. */
import type { RestoreStep } from "./next";

/** One in which something is done, or waited for. */
export type DoneStep = Exclude<RestoreStep, { readonly kind: "blocked" } | { readonly kind: "done" }>;

const texts: Readonly<Record<DoneStep["kind"], string>> = {
  hold: "end and hold the members on",
  stage: "make the new data beside the live data on",
  stopApi: "stop the API servers on",
  swap: "put the data aside and the new data in its place on",
  start: "start the members on",
  settle: "wait until the restored shard is healthy",
  startApi: "start the API servers on",
  ready: "wait until all API servers are ready",
  restartApi: "restart the API server on",
  release: "let go the members on",
  finish: "note the restore as done on",
};

export function stepText(step: DoneStep): string {
  return "hosts" in step ? `${texts[step.kind]} ${step.hosts.join(", ")}` : texts[step.kind];
}
