/**
 * The kinds of objects that a rehearsal applies: those that a plan holds (components/objects of the project). All of them are in
 * effect as soon as they are stored, and own nothing that would have to go with them.
 */
import { isObject, type Values } from "../../values/value";
import { type Failure, unsupported } from "../unsupported";

interface Kind {
  readonly plural: string;
  /** Fields that the server does not let change, so that another value needs another object. */
  readonly immutable: readonly string[];
  readonly namespaced?: true;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "admissionregistration.k8s.io/v1:MutatingAdmissionPolicy": { plural: "mutatingadmissionpolicies", immutable: [] },
  "admissionregistration.k8s.io/v1:MutatingAdmissionPolicyBinding": {
    plural: "mutatingadmissionpolicybindings",
    immutable: [],
  },
  "flowcontrol.apiserver.k8s.io/v1:FlowSchema": { plural: "flowschemas", immutable: [] },
  "flowcontrol.apiserver.k8s.io/v1:PriorityLevelConfiguration": {
    plural: "prioritylevelconfigurations",
    immutable: [],
  },
  "rbac.authorization.k8s.io/v1:ClusterRole": { plural: "clusterroles", immutable: [] },
  "rbac.authorization.k8s.io/v1:ClusterRoleBinding": { plural: "clusterrolebindings", immutable: ["roleRef"] },
  "rbac.authorization.k8s.io/v1:Role": { plural: "roles", immutable: [], namespaced: true },
  "rbac.authorization.k8s.io/v1:RoleBinding": { plural: "rolebindings", immutable: ["roleRef"], namespaced: true },
};

/** By the type of the resource: `kubernetes:<apiVersion>:<kind>`, as CustomResource has it. */
export function kindOf(type: string): Kind {
  const key = type.replace(/^kubernetes:/, "");
  const found = Object.hasOwn(KINDS, key) ? KINDS[key] : undefined;
  if (found === undefined) {
    const known = Object.keys(KINDS).map((name) => `kubernetes:${name}`);
    throw unsupported("Resource type", type, known);
  }
  return found;
}

export function metadata(object: Values): Values {
  return isObject(object.metadata) ? object.metadata : {};
}

/** With its namespace, where its kind has one: an object's identity beside its kind. */
export function nameOf(object: Values): string {
  const { name, namespace } = metadata(object);
  return namespace === undefined ? String(name) : `${namespace}/${name}`;
}

export function pathOf(type: string, object: Values): string {
  const { name, namespace } = metadata(object);
  const inside = namespace === undefined ? "" : `namespaces/${encodeURIComponent(String(namespace))}/`;
  return `/apis/${object.apiVersion}/${inside}${kindOf(type).plural}/${encodeURIComponent(String(name))}`;
}

/** Annotations by which the real provider can be told to do things that this one does not. */
const ORDERS = "pulumi.com/";

/** What an object of these kinds may not have; a part that is not known in a preview is looked at when it is. */
export function failuresOf(type: string, inputs: Values): Failure[] {
  const { namespaced } = kindOf(type);
  if (inputs.metadata !== undefined && !isObject(inputs.metadata)) return [];
  const { name, namespace, annotations } = metadata(inputs);
  const failures: Failure[] = [];
  const fail = (property: string, reason: string) => failures.push({ property, reason: `${property} ${reason}` });
  if (typeof name !== "string" || name === "") fail("metadata.name", "is missing: a rehearsal does not make names up");
  if (namespaced) {
    if (typeof namespace !== "string" || namespace === "")
      fail("metadata.namespace", "is missing: a rehearsal has no default");
  } else if (namespace !== undefined) fail("metadata.namespace", "is set, and this kind has no namespaces");
  for (const annotation of Object.keys(isObject(annotations) ? annotations : {}))
    if (annotation.startsWith(ORDERS)) fail(`metadata.annotations["${annotation}"]`, "is not supported in a rehearsal");
  return failures;
}
