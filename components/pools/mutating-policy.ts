/** A change that the API servers make to objects as they are written, for everybody: a MutatingAdmissionPolicy and its binding. */
import type { ObjectPlan } from "../plan/types";

interface MutatingPolicy {
  readonly name: string;
  /** Objects with these labels; none: all. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the core group. */
  readonly writes: readonly { readonly operation: "CREATE" | "UPDATE"; readonly resource: string }[];
  readonly condition: { readonly name: string; readonly expression: string };
  /** An expression: a list of JSONPatch. */
  readonly patch: string;
}

/** Where it cannot be computed the object is written as it came: whoever plans one says what that costs. */
export function mutatingPolicy({ condition, labels, name, patch, writes }: MutatingPolicy): ObjectPlan[] {
  const apiVersion = "admissionregistration.k8s.io/v1";
  return [
    {
      apiVersion,
      kind: "MutatingAdmissionPolicy",
      metadata: { name },
      spec: {
        failurePolicy: "Ignore",
        reinvocationPolicy: "Never",
        matchConstraints: {
          matchPolicy: "Equivalent",
          namespaceSelector: {},
          objectSelector: labels ? { matchLabels: labels } : {},
          resourceRules: writes.map(({ operation, resource }) => ({
            apiGroups: [""],
            apiVersions: ["v1"],
            operations: [operation],
            resources: [resource],
            scope: "*",
          })),
        },
        matchConditions: [condition],
        mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: patch } }],
      },
    },
    { apiVersion, kind: "MutatingAdmissionPolicyBinding", metadata: { name }, spec: { policyName: name } },
  ];
}
