/**
 * The `kubernetes` package: any object, by server-side apply.
 *
 * Follows pulumi-kubernetes 4 in server-side apply mode. Stricter than it in one thing: unknown fields are an error, not a
 * warning, since a rehearsal is there to find them. A preview compares inputs and asks the server nothing, so that the objects of a
 * cluster that does not exist yet can be previewed.
 */
import { createHash } from "node:crypto";
import { diffOf, PartialFailure, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths } from "../../values/compare";
import { isObject, UNKNOWN, type Values } from "../../values/value";
import { Client } from "./client";
import { Discovery, scopeOf } from "./discovery";
import { readKubeconfig } from "./kubeconfig";
import * as objects from "./objects";
import { type Connected, NotReadyError, ObjectStore } from "./store";

/** Settings of the real provider that would make it behave in another way than this one does. */
const REFUSED: Record<string, string> = {
  renderYamlToDirectory: "rendering to files",
  helmReleaseSettings: "Helm",
};

/** The SDK sends flags of a provider as JSON text. */
function flag(config: Values, name: string): boolean | undefined {
  const value = config[name];
  if (value === true || value === "true") return true;
  return value === false || value === "false" ? false : undefined;
}

function text(config: Values, name: string): string | undefined {
  return typeof config[name] === "string" && config[name] !== "" ? config[name] : undefined;
}

/** Why a type is not an object of the API that can be applied as it is. */
function refusal(type: string, inputs: Values | undefined): string | undefined {
  const [, group = "", kind = ""] = type.split(":");
  if (!/^[a-z0-9.-]+\/v\d\w*$/.test(group) || /^(helm\.sh|yaml|kustomize)\//.test(group)) {
    return "only objects of the Kubernetes API are, not charts and sets of manifests";
  }
  if (kind.endsWith("List")) return "the objects of a list have to be created one by one";
  if (kind.endsWith("Patch") && inputs?.kind !== kind) return "patches of objects are not";
  return undefined;
}

class KubernetesProvider implements Provider {
  #config: Values = {};
  #connected: Connected | undefined;

  async configure(config: Values): Promise<void> {
    if (flag(config, "enableServerSideApply") === false) {
      throw new Error("enableServerSideApply: false is not supported in a rehearsal");
    }
    for (const [name, what] of Object.entries(REFUSED)) {
      if (config[name] !== undefined && config[name] !== null)
        throw new Error(`${what} (${name}) is not supported in a rehearsal`);
    }
    this.#config = config;
    this.#connected?.client.close();
    this.#connected = undefined;
  }

  async check(call: ResourceCall, old: Values | undefined, inputs: Values, randomSeed: Buffer) {
    const refused = refusal(call.type, inputs);
    if (refused !== undefined) {
      throw new Error(`Resource type ${call.type} is not supported in a rehearsal: ${refused}`);
    }
    const checked = objects.named(objects.cleaned(inputs), old, call.name, randomSeed);
    const namespace = await this.#namespace(call, checked, old);
    return { inputs: namespace === undefined ? checked : objects.withMetadata(checked, { namespace }) };
  }

  async diff(_call: ResourceCall, _id: string, oldInputs: Values, oldOutputs: Values, inputs: Values) {
    const immutable = objects.forcesReplacement(inputs, {
      configMap: flag(this.#config, "enableConfigMapMutable") === true,
      secret: flag(this.#config, "enableSecretMutable") === true,
    });
    const group = (object: Values) => String(object.apiVersion).split("/").slice(0, -1).join("/");
    const moved = oldInputs.apiVersion !== undefined && group(oldInputs) !== group(inputs);
    const found = diffOf(changedPaths(canonical(oldInputs), canonical(inputs)), (path) => {
      if (path === "apiVersion") return moved; // Another version of a group shows the same object.
      return immutable.some((field) => path.startsWith(field) && /^($|[.[])/.test(path.slice(field.length)));
    });
    if (found.replaces === undefined) return found;
    // Two objects of one name cannot exist at the same time.
    const [was, will] = [objects.metadata(oldOutputs), objects.metadata(inputs)];
    const clash =
      objects.annotation(inputs, objects.AUTONAMED) !== "true" &&
      will.name === was.name &&
      (will.namespace ?? "default") === (was.namespace ?? "default");
    return { ...found, deleteBeforeReplace: clash };
  }

  async create(call: ResourceCall, inputs: Values) {
    if (call.preview) return { id: "", outputs: inputs };
    const store = this.#store(call, inputs, undefined);
    const initial = String(inputs.apiVersion);
    const live = await kept(store, inputs, initial, store.create(flag(this.#config, "upsertExistingObjects") === true));
    return { id: objects.idOf(live), outputs: objects.checkpoint(inputs, live, initial, store.fieldManager) };
  }

  async update(call: ResourceCall, _id: string, _oldInputs: Values, oldOutputs: Values, inputs: Values) {
    if (call.preview) {
      const metadata = { ...objects.metadata(oldOutputs), ...objects.metadata(inputs) };
      return { outputs: { ...oldOutputs, ...inputs, metadata } };
    }
    const store = this.#store(call, inputs, oldOutputs);
    const initial = String(oldOutputs.__initialApiVersion ?? inputs.apiVersion);
    const live = await kept(store, inputs, initial, store.update());
    return { outputs: objects.checkpoint(inputs, live, initial, store.fieldManager) };
  }

  async delete(call: ResourceCall, _id: string, inputs: Values, outputs: Values): Promise<void> {
    const object = objects.nameOf(outputs) === undefined ? inputs : { ...inputs, ...identity(outputs) };
    await this.#store(call, object, outputs).delete(flag(this.#config, "deleteUnreachable") === true);
  }

  async read(call: ResourceCall, id: string, inputs: Values, outputs: Values) {
    const [name, namespace] = id.split("/").reverse();
    const [, group = "", kind = ""] = call.type.split(":");
    const type = { apiVersion: group.replace(/^core\//, ""), kind, ...inputs };
    const object = objects.withMetadata(type, {
      name: name as string,
      ...(namespace !== undefined ? { namespace } : {}),
    });
    const store = this.#store(call, object, outputs);
    const live = await store.read();
    if (live === undefined) return undefined;
    const now = objects.liveInputs(live, Object.keys(inputs).length > 0 ? inputs : object);
    const initial = String(outputs.__initialApiVersion ?? object.apiVersion);
    return { id, inputs: now, outputs: objects.checkpoint(now, live, initial, store.fieldManager) };
  }

  /** `__inputs` repeats the inputs, and so may hold what is secret in them. */
  secretOutputs(type: string): readonly string[] {
    return type === "kubernetes:core/v1:Secret" ? ["__inputs", "data", "stringData"] : ["__inputs"];
  }

  async close(): Promise<void> {
    this.#connected?.client.close();
  }

  #store(call: ResourceCall, inputs: Values, outputs: Values | undefined): ObjectStore {
    // Known by the resource, so that a creation that was interrupted is recognized as this resource's own by the next one.
    const own = `pulumi-kubernetes-${createHash("sha256").update(call.urn).digest("hex").slice(0, 8)}`;
    const fieldManager = objects.annotation(inputs, objects.FIELD_MANAGER) ?? outputs?.__fieldManager ?? own;
    const force =
      flag(this.#config, "enablePatchForce") === true || objects.annotation(inputs, objects.PATCH_FORCE) === "true";
    return new ObjectStore(this.#connect(), call, objects.toServer(inputs), String(fieldManager), force);
  }

  #connect(): Connected {
    if (this.#connected !== undefined) return this.#connected;
    if (this.#config.kubeconfig === UNKNOWN) throw new Error("the kubeconfig of the provider is not known yet");
    const settings = ["kubeconfig", "context", "cluster"].map((name) => text(this.#config, name));
    const target = readKubeconfig(settings[0], settings[1], settings[2]);
    const client = new Client(target);
    const namespace = text(this.#config, "namespace") ?? target.namespace ?? "default";
    this.#connected = { client, discovery: new Discovery(client), namespace };
    return this.#connected;
  }

  /** The namespace that an object without one gets; none for a kind that has no namespaces. */
  async #namespace(call: ResourceCall, inputs: Values, old: Values | undefined): Promise<string | undefined> {
    const unknown = inputs.metadata !== undefined && !isObject(inputs.metadata);
    if (unknown || objects.metadata(inputs).namespace !== undefined) return undefined;
    const [apiVersion, kind] = [String(inputs.apiVersion), String(inputs.kind)];
    const known = scopeOf(apiVersion, kind);
    if (known === "cluster") return undefined;
    const before = old === undefined ? undefined : objects.namespaceOf(old);
    if (this.#config.kubeconfig === UNKNOWN) return text(this.#config, "namespace") ?? before;
    try {
      const { discovery, namespace } = this.#connect();
      if (known === "namespace") return namespace;
      const options = { wait: false, ...(call.preview ? { patience: 0 } : {}) };
      const resource = await discovery.find(apiVersion, kind, call.signal, options);
      // A kind that is not defined yet is taken for one with namespaces; its object's path is decided when it is created.
      return resource?.namespaced === false ? undefined : namespace;
    } catch (error) {
      if (!call.preview) throw error;
      call.log("debug", `the namespace of ${call.name} is not known: ${(error as Error).message}`);
      return text(this.#config, "namespace") ?? before;
    }
  }
}

/** An object that does not become ready stays in the state: the next run updates it. */
async function kept(store: ObjectStore, inputs: Values, initial: string, applied: Promise<Values>): Promise<Values> {
  try {
    return await applied;
  } catch (error) {
    if (!(error instanceof NotReadyError)) throw error;
    const outputs = objects.checkpoint(inputs, error.live, initial, store.fieldManager);
    throw new PartialFailure(error.message, objects.idOf(error.live), outputs);
  }
}

/** No namespace is the one called default, as far as a change of it goes. */
function canonical(inputs: Values): Values {
  const metadata = objects.metadata(inputs);
  if (!isObject(inputs.metadata) || metadata.namespace !== "default") return inputs;
  const { namespace: _, ...rest } = metadata;
  return { ...inputs, metadata: rest };
}

function identity(outputs: Values): Values {
  const { name, namespace } = objects.metadata(outputs);
  const annotations = objects.metadata(isObject(outputs.__inputs) ? outputs.__inputs : outputs).annotations;
  return {
    apiVersion: outputs.apiVersion ?? null,
    kind: outputs.kind ?? null,
    metadata: { name: name ?? null, namespace: namespace ?? null, annotations: annotations ?? null },
  };
}

export function kubernetesProvider(): Provider {
  return new KubernetesProvider();
}
