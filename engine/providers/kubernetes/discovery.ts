/** From an object's apiVersion and kind to its path, by asking the server what it has. */
import { setTimeout as sleep } from "node:timers/promises";
import { isObject, type Values } from "../../values/value";
import { ApiError, type Client } from "./client";

/** A kind whose definition was only just created is not there at once. */
const PATIENCE_MS = 15_000;

export interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Kinds of Kubernetes itself that have no namespace, for when no server can be asked. */
const CLUSTER_SCOPED = new Set(
  (
    "APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle " +
    "CustomResourceDefinition DeviceClass FlowSchema IPAddress IngressClass MutatingAdmissionPolicy " +
    "MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace Node PersistentVolume PriorityClass " +
    "PriorityLevelConfiguration ResourceSlice RuntimeClass ServiceCIDR StorageClass StorageVersion " +
    "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment " +
    "VolumeAttributesClass"
  ).split(" "),
);

/** Where objects of a kind of Kubernetes itself are; undefined for a kind that a server has to be asked about. */
export function scopeOf(apiVersion: string, kind: string): "cluster" | "namespace" | undefined {
  const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
  if (group.includes(".") && !group.endsWith(".k8s.io")) return undefined;
  if (CLUSTER_SCOPED.has(kind)) return "cluster";
  // Projects of Kubernetes use such groups for their own kinds too, so only groups of the server itself are known.
  return /^(|apps|autoscaling|batch|policy|(coordination|discovery|events|networking|rbac\.authorization)\.k8s\.io)$/.test(
    group,
  )
    ? "namespace"
    : undefined;
}

export function groupPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

export class Discovery {
  readonly #versions = new Map<string, Promise<Map<string, Resource>>>();

  constructor(private readonly client: Client) {}

  /** Undefined when the server has no such kind, also after `patience` milliseconds. */
  async find(
    apiVersion: string,
    kind: string,
    signal: AbortSignal,
    options: { readonly wait: boolean; readonly patience?: number } = { wait: true },
  ): Promise<Resource | undefined> {
    const until = Date.now() + (options.wait ? PATIENCE_MS : 0);
    for (let pause = 250; ; pause = Math.min(pause * 2, 2_000)) {
      const remembered = this.#versions.has(apiVersion);
      const known = (await this.#version(apiVersion, signal, options.patience)).get(kind);
      if (known !== undefined) return known;
      this.#versions.delete(apiVersion);
      if (remembered) continue; // The kind may have been defined since.
      if (Date.now() + pause > until) return undefined;
      await sleep(pause, undefined, { signal });
    }
  }

  #version(apiVersion: string, signal: AbortSignal, patience?: number): Promise<Map<string, Resource>> {
    const cached = this.#versions.get(apiVersion);
    if (cached !== undefined) return cached;
    const asked = this.#ask(apiVersion, signal, patience);
    this.#versions.set(apiVersion, asked);
    asked.catch(() => this.#versions.delete(apiVersion));
    return asked;
  }

  async #ask(apiVersion: string, signal: AbortSignal, patience?: number): Promise<Map<string, Resource>> {
    let list: Values;
    try {
      const path = groupPath(apiVersion);
      list = await this.client.send({ method: "GET", path, signal, ...(patience !== undefined ? { patience } : {}) });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return new Map();
      throw error;
    }
    const resources = Array.isArray(list.resources) ? list.resources.filter(isObject) : [];
    return new Map(
      resources
        .filter(({ name }) => !String(name).includes("/")) // Not `pods/status` and the like.
        .map(({ name, kind, namespaced }) => [String(kind), { plural: String(name), namespaced: namespaced === true }]),
    );
  }
}
