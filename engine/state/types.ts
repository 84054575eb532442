/** The deployment format version 3 of Pulumi (sdk/go/common/apitype/core.go), as far as the engine uses it. */
import type { Value, Values } from "../values/value";

/** One resource of a state file. Fields that the engine does not know are kept while the resource stays as it is. */
export interface ResourceState {
  urn: string;
  custom: boolean;
  type: string;
  delete?: boolean;
  id?: string;
  inputs?: Values;
  outputs?: Values;
  parent?: string;
  protect?: boolean;
  external?: boolean;
  dependencies?: string[];
  initErrors?: string[];
  provider?: string;
  propertyDependencies?: Record<string, string[]>;
  pendingReplacement?: boolean;
  additionalSecretOutputs?: string[];
  aliases?: string[];
  customTimeouts?: { create?: number; update?: number; delete?: number };
  retainOnDelete?: boolean;
  deletedWith?: string;
  replaceWith?: string[];
  replacementTrigger?: Value;
  created?: string;
  modified?: string;
  sourcePosition?: string;
  ignoreChanges?: string[];
  replaceOnChanges?: string[];
}

export interface PendingOperation {
  resource: ResourceState;
  type: "creating" | "updating" | "deleting" | "reading";
}

export interface Deployment {
  manifest: { time: string; magic: string; version: string };
  secrets_providers?: { type: string; state?: { salt?: string } };
  resources?: ResourceState[];
  pending_operations?: PendingOperation[];
  metadata?: Record<string, unknown>;
}

export interface StateFile {
  version: number;
  deployment: Deployment;
}

export const ROOT_STACK = "pulumi:pulumi:Stack";
export const PROVIDER_PREFIX = "pulumi:providers:";

export function urnName(urn: string): string {
  return urn.slice(urn.indexOf("::", urn.indexOf("::", urn.indexOf("::") + 2) + 2) + 2);
}

/** Types of the parents and of the resource itself, joined by `$`. */
export function urnQualifiedType(urn: string): string {
  return urn.split("::", 3)[2] ?? "";
}

export function urnType(urn: string): string {
  return urnQualifiedType(urn).split("$").at(-1) ?? "";
}

export function makeUrn(stack: string, project: string, parentType: string, type: string, name: string): string {
  const prefix = parentType === "" || parentType === ROOT_STACK ? "" : `${parentType}$`;
  return `urn:pulumi:${stack}::${project}::${prefix}${type}::${name}`;
}

/** A provider reference is the provider resource's URN and id. */
export function parseReference(reference: string): { urn: string; id: string } {
  const at = reference.lastIndexOf("::");
  return { urn: reference.slice(0, at), id: reference.slice(at + 2) };
}

/** URNs that a resource must not outlive, apart from its parent (`GetAllDependencies` in resource_state.go). */
export function dependenciesOf(state: ResourceState): Set<string> {
  const urns = new Set(state.dependencies);
  for (const list of Object.values(state.propertyDependencies ?? {})) for (const urn of list) urns.add(urn);
  for (const urn of state.replaceWith ?? []) urns.add(urn);
  if (state.deletedWith) urns.add(state.deletedWith);
  if (state.provider) urns.add(parseReference(state.provider).urn);
  return urns;
}
