/** When an object counts as created: at once for most, when it works for those whose users must wait for it. */
import { isObject, type Values } from "../../values/value";
import { metadata } from "./objects";

export type State = "ready" | { readonly waiting: string } | { readonly failed: string };

function conditions(object: Values): Values[] {
  const list = isObject(object.status) ? object.status.conditions : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function condition(object: Values, type: string): Values | undefined {
  return conditions(object).find((item) => item.type === type);
}

function count(from: Values, name: string): number {
  return Number(from[name] ?? 0);
}

function deployment(object: Values): State {
  const status = isObject(object.status) ? object.status : {};
  const wanted = isObject(object.spec) ? Number(object.spec.replicas ?? 1) : 1;
  if (count(status, "observedGeneration") < count(metadata(object), "generation")) {
    return { waiting: "the change has not been seen by the controller" };
  }
  const progressing = condition(object, "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    const failure = condition(object, "ReplicaFailure");
    return { failed: String(failure?.message ?? progressing.message ?? progressing.reason) };
  }
  const [updated, total, available] = ["updatedReplicas", "replicas", "availableReplicas"].map((name) =>
    count(status, name),
  ) as [number, number, number];
  if (updated < wanted) return { waiting: `${updated} of ${wanted} replicas are updated` };
  if (total > updated) return { waiting: `${total - updated} old replicas have to end` };
  return available < updated ? { waiting: `${available} of ${updated} updated replicas are available` } : "ready";
}

function job(object: Values): State {
  const failed = condition(object, "Failed");
  if (failed?.status === "True") return { failed: String(failed.message ?? failed.reason) };
  return condition(object, "Complete")?.status === "True" ? "ready" : { waiting: "the job has not completed" };
}

function namespace(object: Values): State {
  const phase = isObject(object.status) ? object.status.phase : undefined;
  return phase === undefined || phase === "Active" ? "ready" : { failed: `the namespace is ${phase}` };
}

function definition(object: Values): State {
  const accepted = condition(object, "NamesAccepted");
  if (accepted?.status === "False") return { failed: String(accepted.message) };
  return condition(object, "Established")?.status === "True" ? "ready" : { waiting: "the kind is not served yet" };
}

const CHECKS: Record<string, (object: Values) => State> = {
  "apps/v1/Deployment": deployment,
  "batch/v1/Job": job,
  "v1/Namespace": namespace,
  "apiextensions.k8s.io/v1/CustomResourceDefinition": definition,
};

export function readiness(object: Values): State {
  return CHECKS[`${object.apiVersion}/${object.kind}`]?.(object) ?? "ready";
}
