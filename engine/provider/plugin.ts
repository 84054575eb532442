/**
 * The engine's side of a provider: what pkg/resource/plugin/provider_plugin.go does around each call. Takes the secrets
 * off, brings them back, and stands in for a provider whose configuration a preview does not know yet.
 */

import type { ResourceState } from "../state/types";
import { changedPaths } from "../values/compare";
import { annotateSecrets, hasSecret, plainValues, secret } from "../values/secrets";
import type { Value, Values } from "../values/value";
import {
  type CheckResult,
  type DiffResult,
  diffOf,
  PartialFailure,
  type Provider,
  type ResourceCall,
} from "./provider";

export class Plugin {
  /** `known` is false in a preview when the provider's own configuration depends on something still to be made. */
  constructor(
    readonly provider: Provider,
    readonly known: boolean,
  ) {}

  async check(call: ResourceCall, old: Values | undefined, news: Values, seed: Buffer): Promise<CheckResult> {
    if (!this.known || this.provider.check === undefined) return { inputs: news };
    const result = await this.provider.check(call, old && plainValues(old), plainValues(news), seed);
    return { ...result, inputs: annotateSecrets(result.inputs, news) };
  }

  /** Undefined when the configuration is unknown: the resource is then taken for one that will be updated. */
  async diff(
    call: ResourceCall,
    old: ResourceState,
    inputs: Values,
    ignoreChanges: readonly string[],
  ): Promise<DiffResult | undefined> {
    if (!this.known) return undefined;
    const before = plainValues(old.inputs);
    const after = plainValues(inputs);
    if (this.provider.diff === undefined) return diffOf(changedPaths(before, after), () => false);
    return this.provider.diff(call, old.id ?? "", before, plainValues(old.outputs), after, ignoreChanges);
  }

  async create(call: ResourceCall, inputs: Values): Promise<{ id: string; outputs: Values }> {
    if (!this.known) return { id: "", outputs: {} };
    try {
      const { id, outputs } = await this.provider.create(call, plainValues(inputs));
      if (id === "" && !call.preview) throw new Error("the provider gave no id to what it created");
      return { id, outputs: this.#annotate(call.type, outputs, inputs) };
    } catch (error) {
      throw this.#withSecrets(call.type, error, inputs);
    }
  }

  async update(call: ResourceCall, old: ResourceState, inputs: Values): Promise<Values> {
    if (!this.known) return {};
    if (this.provider.update === undefined) {
      throw new Error(`a ${call.type} cannot be updated: its provider has no update; change an input that replaces it`);
    }
    try {
      const { outputs } = await this.provider.update(
        call,
        old.id ?? "",
        plainValues(old.inputs),
        plainValues(old.outputs),
        plainValues(inputs),
      );
      return this.#annotate(call.type, outputs, inputs);
    } catch (error) {
      throw this.#withSecrets(call.type, error, inputs);
    }
  }

  async delete(call: ResourceCall, old: ResourceState): Promise<void> {
    await this.provider.delete?.(call, old.id ?? "", plainValues(old.inputs), plainValues(old.outputs));
  }

  async read(call: ResourceCall, id: string, properties: Values): Promise<{ id: string; outputs: Values } | undefined> {
    if (!this.known) return { id, outputs: {} };
    if (this.provider.read === undefined)
      throw new Error(`a ${call.type} cannot be looked up in a rehearsal: its provider has no read`);
    const found = await this.provider.read(call, id, plainValues(properties), plainValues(properties));
    return found && { id: found.id, outputs: this.#annotate(call.type, found.outputs, properties) };
  }

  async invoke(token: string, args: Values, call: Pick<ResourceCall, "preview" | "signal" | "log">): Promise<Values> {
    if (!this.known) return {};
    if (this.provider.invoke === undefined)
      throw new Error(`the function ${token} is not supported in a rehearsal: its provider has none`);
    const result = await this.provider.invoke(token, plainValues(args), call);
    if (!hasSecret(args)) return result;
    return Object.fromEntries(Object.entries(result).map(([key, value]) => [key, secret(value)]));
  }

  #annotate(type: string, outputs: Values, inputs: Values): Values {
    const result = annotateSecrets(outputs, inputs);
    for (const key of this.provider.secretOutputs?.(type) ?? []) {
      const value: Value | undefined = result[key];
      if (value !== undefined) result[key] = secret(value);
    }
    return result;
  }

  #withSecrets(type: string, error: unknown, inputs: Values): unknown {
    if (error instanceof PartialFailure)
      return new PartialFailure(error.message, error.id, this.#annotate(type, error.outputs, inputs));
    return error;
  }
}
