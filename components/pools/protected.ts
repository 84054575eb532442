/**
 * Pods of protected pools stay longer on a node that does not answer: whoever may run there says so by a toleration, and the API servers
 * give such a pod an hour in place of the 5 minutes that every pod gets. (A pod that must go sooner says so in other seconds.) Before 1.36 they
 * cannot: there the pod says it itself.
 */
import { hasPolicies } from "../../config/pool-rules";
import type { PlanParts } from "../plan/parts";
import type { ObjectPlan } from "../plan/types";
import { mutatingPolicy } from "./mutating-policy";
import { protectedTaint } from "./names";

/** From the moment that the node does not answer, or says that it is not ready. */
export const protectedTolerationSeconds = 3600;

const conditions = "['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']";

export function protectedObjects({ scale, spec }: PlanParts): ObjectPlan[] {
  if (!hasPolicies(spec.kubernetesVersion) || !Object.values(spec.pools).some((pool) => pool.protected)) return [];
  // As DefaultTolerationSeconds has put them there, which runs before.
  const isDefault = `has(t.key) && t.key in ${conditions} && has(t.tolerationSeconds) && t.tolerationSeconds == ${scale.apiserver.tolerationSeconds}`;
  const path = '"/spec/tolerations/" + string(i) + "/tolerationSeconds"';
  const long = `JSONPatch{op: "replace", path: ${path}, value: ${protectedTolerationSeconds}}`;
  // A pod that is made while this fails gets the 5 minutes.
  return mutatingPolicy({
    name: "kilonode-long-tolerations",
    writes: [{ operation: "CREATE", resource: "pods" }],
    condition: {
      name: "may-run-on-protected-nodes",
      expression: `has(object.spec.tolerations) && object.spec.tolerations.exists(t, has(t.key) && t.key == '${protectedTaint}')`,
    },
    patch: `object.spec.tolerations.transformList(i, t, ${isDefault}, ${long})`,
  });
}
