/**
 * The `kubernetes` package: the objects of a control plane, by server-side apply.
 *
 * Follows pulumi-kubernetes 4 in server-side apply mode. Stricter than it in one thing: unknown fields are an error, not a
 * warning, since a rehearsal is there to find them. A preview compares inputs and asks the server nothing, so that the objects of a
 * cluster that does not exist yet can be previewed.
 */
import { createHash } from "node:crypto";
import { diffOf, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths } from "../../values/compare";
import { isObject, UNKNOWN, type Value, type Values } from "../../values/value";
import { unsupported } from "../unsupported";
import { Client } from "./client";
import { failuresOf, kindOf, metadata, nameOf } from "./kinds";
import { readKubeconfig } from "./kubeconfig";
import { ObjectStore } from "./store";

/** The SDK sends flags of a provider as JSON text. */
const SERVER_SIDE_APPLY = "enableServerSideApply";

class KubernetesProvider implements Provider {
  #kubeconfig: Value | undefined;
  #client: Client | undefined;

  async configure({ kubeconfig, [SERVER_SIDE_APPLY]: apply = "true", ...others }: Values): Promise<void> {
    if (String(apply) !== "true") throw unsupported("provider setting", `${SERVER_SIDE_APPLY}: ${apply}`, ["true"]);
    const [other] = Object.keys(others).filter((name) => others[name] !== null);
    if (other !== undefined) throw unsupported("provider setting", other, ["kubeconfig", SERVER_SIDE_APPLY]);
    this.#kubeconfig = kubeconfig;
    this.#client?.close();
    this.#client = undefined;
  }

  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    const checked = withoutNull(inputs) as Values;
    return { inputs: checked, failures: failuresOf(call.type, checked) };
  }

  async diff(call: ResourceCall, _id: string, oldInputs: Values, oldOutputs: Values, inputs: Values) {
    const fixed = ["apiVersion", "kind", "metadata.name", "metadata.namespace", ...kindOf(call.type).immutable];
    const found = diffOf(changedPaths(oldInputs, inputs), (path) =>
      fixed.some((field) => path === field || path.startsWith(`${field}.`)),
    );
    if (found.replaces === undefined) return found;
    // Two objects of one name cannot exist at the same time.
    return { ...found, deleteBeforeReplace: nameOf(inputs) === nameOf(oldOutputs) };
  }

  async create(call: ResourceCall, inputs: Values) {
    if (call.preview) return { id: "", outputs: inputs };
    const store = this.#store(call, inputs, {});
    const live = await store.create();
    return { id: nameOf(live), outputs: checkpoint(inputs, live, store) };
  }

  async update(call: ResourceCall, _id: string, _oldInputs: Values, oldOutputs: Values, inputs: Values) {
    if (call.preview) {
      return { outputs: { ...oldOutputs, ...inputs, metadata: { ...metadata(oldOutputs), ...metadata(inputs) } } };
    }
    const store = this.#store(call, inputs, oldOutputs);
    return { outputs: checkpoint(inputs, await store.apply(), store) };
  }

  async delete(call: ResourceCall, _id: string, inputs: Values, outputs: Values): Promise<void> {
    await this.#store(call, inputs, outputs).delete();
  }

  /** `__inputs` repeats the inputs, and so may hold what is secret in them. */
  secretOutputs(): readonly string[] {
    return ["__inputs"];
  }

  async close(): Promise<void> {
    this.#client?.close();
  }

  #store(call: ResourceCall, inputs: Values, outputs: Values): ObjectStore {
    // Known by the resource, so that a creation that was interrupted is recognized as this resource's own by the next one.
    const own = `pulumi-kubernetes-${createHash("sha256").update(call.urn).digest("hex").slice(0, 8)}`;
    return new ObjectStore(this.#connected(), call, inputs, String(outputs.__fieldManager ?? own));
  }

  #connected(): Client {
    if (this.#client !== undefined) return this.#client;
    if (this.#kubeconfig === UNKNOWN) throw new Error("the kubeconfig of the provider is not known yet");
    if (typeof this.#kubeconfig !== "string") throw new Error("the provider has no kubeconfig");
    this.#client = new Client(readKubeconfig(this.#kubeconfig));
    return this.#client;
  }
}

function withoutNull(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutNull(item)]));
}

/** What is kept in the state: the live object, and under `__` what the real provider must find there to take it over. */
function checkpoint(inputs: Values, live: Values, { fieldManager }: ObjectStore): Values {
  const { managedFields: _, ...rest } = metadata(live);
  return {
    ...live,
    metadata: rest,
    __inputs: inputs,
    __initialApiVersion: inputs.apiVersion ?? null,
    __fieldManager: fieldManager,
  };
}

export function kubernetesProvider(): Provider {
  return new KubernetesProvider();
}
