/** The Kubernetes objects that belong to the control plane itself. */
import type { Scale } from "../../config/scale";
import { nodeSimulatorObjects } from "../node-simulator/plan";
import type { PlanParts } from "../plan/parts";
import type { ObjectPlan } from "../plan/types";
import { overcommitObjects } from "../pools/overcommit";
import { protectedObjects } from "../pools/protected";

export function objectPlans(parts: PlanParts): ObjectPlan[] {
  return [
    kubeletClient,
    operators,
    ...nodeSimulatorObjects(parts.facts),
    ...priorityAndFairness(parts.scale),
    ...overcommitObjects(parts),
    ...protectedObjects(parts),
  ];
}

/** Who gets how many of the seats (API priority and fairness), from the scale model. */
function priorityAndFairness(scale: Scale): ObjectPlan[] {
  const { priorityLevels, flowSchemas } = scale.flowControl;
  return [...priorityLevels, ...flowSchemas].map((object) => ({ ...object }));
}

/** People, as `kilonode kubeconfig` lets them in. */
export const operatorsGroup = "kilonode:operators";

/** Of every day, and a binding like any other: who has nothing but it has nothing without it. */
const operators: ObjectPlan = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: operatorsGroup },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: operatorsGroup }],
};

/** The API servers speak to kubelets as this user; the role is built in. */
const kubeletClient: ObjectPlan = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "kilonode:kubelet-client" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:kubelet-api-admin" },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "kilonode:kubelet-client" }],
};
