/** The providers of a run, by reference (pkg/resource/deploy/providers/registry.go). A provider is itself a resource. */
import { randomUUID } from "node:crypto";
import { EngineError } from "../errors";
import { PROVIDER_PREFIX, parseReference, type ResourceState, urnType } from "../state/types";
import { same } from "../values/compare";
import { plainValues } from "../values/secrets";
import { hasUnknown, UNKNOWN, type Values } from "../values/value";
import { Plugin } from "./plugin";
import type { Provider, ProviderFactory } from "./provider";

const INTERNAL = "__internal";

export function isProviderType(type: string): boolean {
  return type.startsWith(PROVIDER_PREFIX);
}

/** The engine's own notes among a provider's inputs do not concern the provider (`FilterProviderConfig`). */
function withoutInternal(inputs: Values): Values {
  const { [INTERNAL]: _, ...rest } = inputs;
  return rest;
}

/** Name of the default provider of a version: `default_1_2_1` (`DefaultName` in providers/provider.go). */
export function defaultProviderName(version: string, url: string): string {
  const parts = [
    ...(version === "" ? [] : version.split(/[.+-]/)),
    ...(url === "" ? [] : [url.replaceAll(/[^A-Za-z0-9_.]/g, "_")]),
  ];
  return ["default", ...parts].join("_");
}

/** Inputs of a provider resource: its configuration and version (`SetProviderVersion`, which also makes `__internal`). */
export function providerInputs(config: Values, version: string, url: string): Values {
  const inputs: Values = { ...config };
  if (url !== "") inputs[INTERNAL] = { pluginDownloadURL: url };
  if (version !== "") {
    inputs[INTERNAL] ??= {};
    inputs.version = version;
  }
  return inputs;
}

export class Registry {
  readonly #plugins = new Map<string, Promise<Plugin>>();
  readonly #aliases = new Map<string, string>();

  constructor(
    private readonly factory: ProviderFactory,
    private readonly preview: boolean,
  ) {}

  get(reference: string): Promise<Plugin> | undefined {
    const { urn, id } = parseReference(reference);
    return this.#plugins.get(reference) ?? this.#plugins.get(`${this.#aliases.get(urn) ?? urn}::${id}`);
  }

  alias(oldUrn: string, urn: string): void {
    this.#aliases.set(oldUrn, urn);
  }

  /** The provider that a resource of the old state belongs to, also when the program does not mention it any more. */
  ensure(reference: string, olds: readonly ResourceState[]): Promise<Plugin> {
    const loaded = this.get(reference);
    if (loaded !== undefined) return loaded;
    const { urn, id } = parseReference(reference);
    const state = olds.find((old) => old.urn === urn && old.id === id);
    if (state === undefined)
      throw new EngineError(
        "state",
        `the state holds no provider ${reference}, so nothing can be done with its resources`,
      );
    return this.load(urn, id, state.inputs ?? {});
  }

  load(urn: string, id: string, inputs: Values): Promise<Plugin> {
    const plugin = this.#start(urnType(urn).slice(PROVIDER_PREFIX.length), plainValues(withoutInternal(inputs)));
    // Whoever uses the provider sees the failure; without this it would also count as an unhandled one.
    plugin.catch(() => undefined);
    this.#plugins.set(`${urn}::${id}`, plugin);
    return plugin;
  }

  async #start(packageName: string, { version: _, ...config }: Values): Promise<Plugin> {
    const provider = this.factory(packageName);
    const known = !this.preview || !hasUnknown(config);
    if (known) await provider.configure?.(config);
    return new Plugin(provider, known);
  }

  /** How provider resources are created, compared and updated. */
  readonly resources: Plugin = new Plugin(this.#asProvider(), true);

  #asProvider(): Provider {
    return {
      diff: async (_call, _id, _oldInputs, oldOutputs, newInputs) => ({
        changes: !same(oldOutputs, withoutInternal(newInputs)),
      }),
      create: async ({ urn, preview }, inputs) => {
        const id = preview ? UNKNOWN : randomUUID();
        await this.load(urn, id, inputs);
        return { id, outputs: withoutInternal(inputs) };
      },
      update: async ({ urn }, id, _oldInputs, _oldOutputs, newInputs) => {
        await this.load(urn, id, newInputs);
        return { outputs: withoutInternal(newInputs) };
      },
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#plugins.values()].map(async (plugin) => (await plugin).provider.close?.()));
  }
}
