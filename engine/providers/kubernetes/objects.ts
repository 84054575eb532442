/**
 * Kubernetes objects as Pulumi keeps them: names that are given by itself, what forces a replacement, what is in the state.
 *
 * Follows pulumi-kubernetes 4: provider/pkg/metadata/naming.go, provider/pkg/provider/diff.go, checkpointObject.
 */
import { createHash } from "node:crypto";
import { isObject, isSpecial, type Value, type Values } from "../../values/value";

export const AUTONAMED = "pulumi.com/autonamed";
export const SKIP_AWAIT = "pulumi.com/skipAwait";
export const TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds";
export const PATCH_FORCE = "pulumi.com/patchForce";
export const FIELD_MANAGER = "pulumi.com/patchFieldManager";
export const PROPAGATION = "pulumi.com/deletionPropagationPolicy";

export function metadata(object: Values): Values {
  return isObject(object.metadata) ? object.metadata : {};
}

export function annotation(object: Values, name: string): string | undefined {
  const { annotations } = metadata(object);
  const value = isObject(annotations) ? annotations[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

export function nameOf(object: Values): string | undefined {
  const { name } = metadata(object);
  return typeof name === "string" && name !== "" ? name : undefined;
}

export function namespaceOf(object: Values): string | undefined {
  const { namespace } = metadata(object);
  return typeof namespace === "string" && namespace !== "" ? namespace : undefined;
}

export function withMetadata(object: Values, change: Values): Values {
  return { ...object, metadata: { ...metadata(object), ...change } };
}

/** What the server sets, and what a program that copies a live object brings along. */
const READ_ONLY = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

function mapDeep(value: Value, key: (name: string) => string): Value {
  if (Array.isArray(value)) return value.map((item) => mapDeep(item, key));
  if (!isObject(value) || isSpecial(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(entries.map(([name, item]) => [key(name), mapDeep(item, key)]));
}

/** Inputs without null values and read-only fields. */
export function cleaned(inputs: Values): Values {
  const object = mapDeep(inputs, (name) => name) as Values;
  if (!isObject(object.metadata)) return object;
  const kept = Object.entries(object.metadata).filter(([name]) => !READ_ONLY.includes(name));
  return { ...object, metadata: Object.fromEntries(kept) };
}

/** The SDK spells `x-kubernetes-...` with underscores, since its properties are TypeScript names. */
export function toServer(inputs: Values): Values {
  return mapDeep(inputs, (name) => (name.startsWith("x_kubernetes_") ? name.replaceAll("_", "-") : name)) as Values;
}

function fromServer(live: Values): Values {
  return mapDeep(live, (name) => (name.startsWith("x-kubernetes-") ? name.replaceAll("-", "_") : name)) as Values;
}

/** An object without a name keeps the one that it got before, or gets its resource's name and 8 digits. */
export function named(inputs: Values, old: Values | undefined, resourceName: string, randomSeed: Buffer): Values {
  if (inputs.metadata !== undefined && !isObject(inputs.metadata)) return inputs; // Unknown as a whole.
  const { name, generateName, annotations } = metadata(inputs);
  if (name !== undefined && name !== "") return inputs;
  if (generateName !== undefined) {
    throw new Error("the `.metadata.generateName` field is not supported in Server-Side Apply mode");
  }
  const kept = old !== undefined && annotation(old, AUTONAMED) === "true" ? nameOf(old) : undefined;
  const digits = createHash("sha256").update(randomSeed).digest("hex").slice(0, 8);
  const marked = { ...(isObject(annotations) ? annotations : {}), [AUTONAMED]: "true" };
  return withMetadata(inputs, { name: kept ?? `${resourceName}-${digits}`, annotations: marked });
}

/** As the real provider names objects in the state: `namespace/name`, or only the name. */
export function idOf(object: Values): string {
  const namespace = namespaceOf(object);
  return namespace === undefined ? String(nameOf(object)) : `${namespace}/${nameOf(object)}`;
}

/** What is kept in the state: the live object, and under `__` what the real provider must find there to take it over. */
export function checkpoint(inputs: Values, live: Values, initialApiVersion: string, fieldManager: string): Values {
  const { managedFields: _, ...rest } = metadata(live);
  return {
    ...fromServer({ ...live, metadata: rest }),
    __inputs: inputs,
    __initialApiVersion: initialApiVersion,
    __fieldManager: fieldManager,
  };
}

/** The live values of the fields that the inputs have, so that a comparison shows what was changed by others. */
export function pruned(live: Value, shape: Value): Value {
  if (isObject(live) && isObject(shape)) {
    const common = Object.entries(shape).filter(([name]) => live[name] !== undefined);
    return Object.fromEntries(common.map(([name, item]) => [name, pruned(live[name] as Value, item)]));
  }
  if (Array.isArray(live) && Array.isArray(shape)) {
    return live.map((item, i) => (shape[i] === undefined ? item : pruned(item, shape[i] as Value)));
  }
  return live;
}

export function liveInputs(live: Values, inputs: Values): Values {
  return pruned(fromServer(live), inputs) as Values;
}

const POD = [
  "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID",
  "hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName readinessGates",
  "restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName shareProcessNamespace",
  "subdomain terminationGracePeriodSeconds volumes containers initContainers",
].flatMap((line) => line.split(" ").map((field) => `spec.${field}`));
const VOLUME_SOURCES = [
  "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs hostPath",
  "iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume",
].flatMap((line) => line.split(" ").map((field) => `spec.${field}`));

/** Fields, by group and kind, that the server does not let change. */
const IMMUTABLE: Record<string, readonly string[]> = {
  "apps/DaemonSet": ["spec.selector"],
  "apps/Deployment": ["spec.selector"],
  "apps/StatefulSet": [
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
  ],
  "batch/Job": ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
  "/PersistentVolume": VOLUME_SOURCES,
  "/PersistentVolumeClaim": ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
  "/Pod": POD,
  "/ResourceQuota": ["spec.scopes"],
  "/Service": ["spec.clusterIP"],
};

/** Property paths whose change makes a new object necessary. */
export function forcesReplacement(inputs: Values, mutable: { configMap: boolean; secret: boolean }): readonly string[] {
  const apiVersion = String(inputs.apiVersion);
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  const kind = `${group}/${inputs.kind}`;
  const identity = ["kind", "metadata.name", "metadata.namespace"];
  const fixed = inputs.immutable === true;
  if (kind === "/ConfigMap" && (!mutable.configMap || fixed)) return [...identity, "binaryData", "data"];
  if (kind === "/Secret") return [...identity, "type", ...(!mutable.secret || fixed ? ["stringData", "data"] : [])];
  return [...identity, ...(IMMUTABLE[kind] ?? [])];
}
