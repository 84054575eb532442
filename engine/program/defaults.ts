/** Default providers, made when the first resource of a package wants one (pkg/resource/deploy/default_providers.go). */

import { defaultProviderName, providerInputs } from "../provider/registry";
import { PROVIDER_PREFIX } from "../state/types";
import type { Generator } from "../steps/generate";
import { secret } from "../values/secrets";
import type { Values } from "../values/value";
import type { StackConfig } from "./project";

/** The package of dynamic resources. */
export const DYNAMIC = "pulumi-nodejs";

export interface PackageRequest {
  readonly name: string;
  readonly version: string;
  readonly url: string;
}

export class DefaultProviders {
  readonly #references = new Map<string, Promise<string>>();

  constructor(
    private readonly generator: Generator,
    private readonly config: StackConfig,
  ) {}

  /** Reference of a package's default provider. */
  reference(wanted: PackageRequest): Promise<string> {
    const key = `${wanted.name}-${wanted.version}-${wanted.url}`;
    const known = this.#references.get(key) ?? this.#register(wanted);
    this.#references.set(key, known);
    return known;
  }

  async #register({ name, version, url }: PackageRequest): Promise<string> {
    const { urn, id } = await this.generator.register({
      type: `${PROVIDER_PREFIX}${name}`,
      name: defaultProviderName(version, url),
      custom: true,
      parent: "",
      inputs: providerInputs(this.#configOf(name), version, url),
      provider: "",
      dependencies: [],
      propertyDependencies: {},
      protect: undefined,
      retainOnDelete: undefined,
      deleteBeforeReplace: undefined,
      ignoreChanges: [],
      replaceOnChanges: [],
      additionalSecretOutputs: [],
      aliases: [],
      deletedWith: "",
      replaceWith: [],
      replacementTrigger: undefined,
      timeouts: {},
    });
    return `${urn}::${id}`;
  }

  /** Configuration of the package's namespace; dynamic providers get all of it, under full names (target.go). */
  #configOf(name: string): Values {
    const result: Values = {};
    for (const [key, value] of Object.entries(this.config.values)) {
      const [namespace, ...rest] = key.split(":");
      if (name !== DYNAMIC && namespace !== name) continue;
      result[name === DYNAMIC ? key : rest.join(":")] = this.config.secretKeys.includes(key) ? secret(value) : value;
    }
    return result;
  }
}
