/** What the program wants of a resource, and the state that becomes of it. */
import type { Value, Values } from "../values/value";
import type { ResourceState } from "./types";

export interface AliasSpec {
  readonly urn?: string;
  readonly name?: string;
  readonly type?: string;
  readonly parent?: string;
  readonly noParent?: boolean;
  readonly stack?: string;
  readonly project?: string;
}

export interface Goal {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  readonly parent: string;
  readonly inputs: Values;
  readonly provider: string;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly protect: boolean | undefined;
  readonly retainOnDelete: boolean | undefined;
  readonly deleteBeforeReplace: boolean | undefined;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly aliases: readonly AliasSpec[];
  readonly deletedWith: string;
  readonly replaceWith: readonly string[];
  readonly replacementTrigger: Value | undefined;
  /** Seconds. */
  readonly timeouts: { readonly create?: number; readonly update?: number; readonly delete?: number };
}

/** A resource that is looked up. */
export interface ReadGoal
  extends Pick<Goal, "type" | "name" | "parent" | "inputs" | "provider" | "dependencies" | "additionalSecretOutputs"> {
  readonly id: string;
}

/** Only what is set is written, in the order in which Pulumi writes it (sdk/go/common/apitype/core.go, `ResourceV3`). */
export function newState(goal: Goal, urn: string, old: ResourceState | undefined): ResourceState {
  const list = (values: readonly string[]): string[] | undefined => (values.length > 0 ? [...values] : undefined);
  const map = Object.entries(goal.propertyDependencies);
  const all: { [K in keyof ResourceState]: ResourceState[K] | undefined } = {
    urn,
    custom: goal.custom,
    type: goal.type,
    inputs: Object.keys(goal.inputs).length > 0 ? goal.inputs : undefined,
    parent: goal.parent || undefined,
    protect: goal.protect || undefined,
    dependencies: list(goal.dependencies),
    provider: goal.provider || undefined,
    propertyDependencies: map.length > 0 ? Object.fromEntries(map.map(([key, urns]) => [key, [...urns]])) : undefined,
    additionalSecretOutputs: list(goal.additionalSecretOutputs),
    customTimeouts: Object.keys(goal.timeouts).length > 0 ? { ...goal.timeouts } : undefined,
    retainOnDelete: goal.retainOnDelete || undefined,
    deletedWith: goal.deletedWith || undefined,
    replaceWith: list(goal.replaceWith),
    replacementTrigger: goal.replacementTrigger ?? undefined,
    created: old?.created,
    modified: old?.modified,
    ignoreChanges: list(goal.ignoreChanges),
    replaceOnChanges: list(goal.replaceOnChanges),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as ResourceState;
}

export function externalState(wanted: ReadGoal, urn: string): ResourceState {
  const { id, type, inputs, parent, provider, dependencies, additionalSecretOutputs } = wanted;
  return {
    urn,
    custom: true,
    id,
    type,
    inputs,
    ...(parent !== "" && { parent }),
    external: true,
    ...(dependencies.length > 0 && { dependencies: [...dependencies] }),
    provider,
    ...(additionalSecretOutputs.length > 0 && { additionalSecretOutputs: [...additionalSecretOutputs] }),
  };
}

/** Empty properties are not written. */
export function setProperties(state: ResourceState, key: "inputs" | "outputs", values: Values | undefined): void {
  if (values !== undefined && Object.keys(values).length > 0) state[key] = values;
  else delete state[key];
}
