/**
 * What the program talks to: the resource monitor and the engine service (pkg/resource/deploy/source_eval.go). Free of any
 * transport: each method takes a request and gives a response, so a server or a stub can stand in front of it.
 */

import type { Plugin } from "../provider/plugin";
import { isProviderType, providerInputs, type Registry } from "../provider/registry";
import type { Severity } from "../run/events";
import { Bail, messageOf, type Run } from "../run/run";
import { empty, engine, fromStruct, grpc, provider as providers, resource, toStruct } from "../sdk/proto";
import type { Goal } from "../state/goal";
import { PROVIDER_PREFIX, ROOT_STACK } from "../state/types";
import type { Executor } from "../steps/executor";
import type { Generator } from "../steps/generate";
import { receive } from "../values/receive";
import type { Values } from "../values/value";
import type { DefaultProviders, PackageRequest } from "./defaults";
import { type RegisterRequest, readGoal, refusal } from "./request";

const FEATURES = new Set([
  "secrets", // without it values would travel in clear
  "resourceReferences",
  "outputValues",
  "aliasSpecs",
  "deletedWith",
  "replaceWith",
  "transforms", // so that the refusal is ours and says what to do
  "invokeTransforms",
  "parameterization",
  "replacementTrigger",
]);
const SEVERITIES: readonly Severity[] = ["debug", "info", "warning", "error"];

/** An error with a status code of the protocol. */
function status(code: number, message: string): Error {
  return Object.assign(new Error(message), { code, details: message });
}

export class Monitor {
  /** Resolves when the program has registered everything it will. */
  readonly finished: Promise<void>;
  /** Outputs of the stack, kept to the end: what is missing in them was only removed when the run succeeds. */
  stackOutputs: { urn: string; outputs: Values } | undefined;
  #finish: () => void = () => undefined;
  #shutDown: () => void = () => undefined;
  readonly #shutdown: Promise<void>;
  readonly #settled = new Map<string, Goal>();
  readonly #componentProviders = new Map<string, ReadonlyMap<string, string>>();
  #root = "";

  constructor(
    private readonly run: Run,
    private readonly generator: Generator,
    private readonly executor: Executor,
    private readonly registry: Registry,
    private readonly defaults: DefaultProviders,
    private readonly directory: string,
  ) {
    this.finished = new Promise((resolve) => (this.#finish = resolve));
    this.#shutdown = new Promise((resolve) => (this.#shutDown = resolve));
  }

  /** Lets the program end, once the deletes are done. */
  release(): void {
    this.#shutDown();
  }

  async supportsFeature(
    request: InstanceType<typeof resource.SupportsFeatureRequest>,
  ): Promise<InstanceType<typeof resource.SupportsFeatureResponse>> {
    return new resource.SupportsFeatureResponse().setHassupport(FEATURES.has(request.getId()));
  }

  async registerResource(request: RegisterRequest): Promise<InstanceType<typeof resource.RegisterResourceResponse>> {
    return this.#guarded(`${request.getType()} "${request.getName()}"`, async () => {
      const refused = refusal(request);
      if (refused !== undefined) throw new Error(refused);
      const parent = request.getParent();
      const inherited = this.#settled.get(parent);
      const goal = await readGoal(request, this.directory, inherited, await this.#providerOf(request, inherited));
      if (isProviderType(goal.type)) {
        Object.assign(goal.inputs, providerInputs(goal.inputs, request.getVersion(), request.getPlugindownloadurl()));
      }
      const state = await this.generator.register(goal);
      this.#settled.set(state.urn, goal);
      if (!goal.custom) this.#componentProviders.set(state.urn, this.#inheritedProviders(request, parent));
      return (
        new resource.RegisterResourceResponse()
          .setUrn(state.urn)
          .setId(state.id ?? "")
          // Outputs of a component come from what it registers; older ones could refer to resources that are not made yet.
          .setObject(toStruct(goal.custom ? (state.outputs ?? {}) : {}))
      );
    });
  }

  async registerResourceOutputs(
    request: InstanceType<typeof resource.RegisterResourceOutputsRequest>,
  ): Promise<InstanceType<typeof empty.Empty>> {
    return this.#guarded(`outputs of ${request.getUrn()}`, async () => {
      const urn = request.getUrn();
      const { values } = await receive(fromStruct(request.getOutputs()), this.directory);
      if (this.executor.news.get(urn)?.type === ROOT_STACK) this.stackOutputs = { urn, outputs: values };
      else await this.executor.registerOutputs(urn, values);
      return new empty.Empty();
    });
  }

  async readResource(
    request: InstanceType<typeof resource.ReadResourceRequest>,
  ): Promise<InstanceType<typeof resource.ReadResourceResponse>> {
    return this.#guarded(`${request.getType()} "${request.getName()}"`, async () => {
      const type = request.getType();
      const { values } = await receive(fromStruct(request.getProperties()), this.directory);
      const reference = request.getProvider() || (await this.defaults.reference(packageOf(type, request)));
      const state = await this.generator.read({
        type,
        name: request.getName(),
        id: request.getId(),
        parent: request.getParent(),
        inputs: values,
        provider: reference,
        dependencies: request.getDependenciesList(),
        additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
      });
      return new resource.ReadResourceResponse().setUrn(state.urn).setProperties(toStruct(state.outputs ?? {}));
    });
  }

  async invoke(
    request: InstanceType<typeof resource.ResourceInvokeRequest>,
  ): Promise<InstanceType<typeof providers.InvokeResponse>> {
    return this.#guarded(`the function ${request.getTok()}`, async () => {
      const token = request.getTok();
      const { values } = await receive(fromStruct(request.getArgs()), this.directory);
      if (token === "pulumi:pulumi:getResource") return respond(this.#getResource(String(values.urn)));
      const plugin = await this.#pluginOf(request.getProvider(), packageOf(token, request));
      const { run } = this;
      return respond(await run.limited(() => plugin.invoke(token, values, run.call(this.#root))));
    });
  }

  /** How the SDK turns a reference to a resource into the resource. */
  #getResource(urn: string): Values {
    const state = this.executor.news.get(urn);
    if (state === undefined) throw new Error(`there is no resource ${urn} in this run`);
    return { urn, id: state.id ?? "", state: state.outputs ?? {} };
  }

  async signalAndWaitForShutdown(): Promise<InstanceType<typeof empty.Empty>> {
    this.#finish();
    await this.#shutdown;
    return new empty.Empty();
  }

  refuse(what: string): () => Promise<never> {
    return () =>
      this.#guarded(what, async () =>
        Promise.reject(
          new Error(`the rehearsal engine does not support ${what}; use the Pulumi CLI for a program that needs it`),
        ),
      );
  }

  // The engine service: messages, and the stack's own resource.

  async log(request: InstanceType<typeof engine.LogRequest>): Promise<InstanceType<typeof empty.Empty>> {
    this.run.report(
      SEVERITIES[request.getSeverity()] ?? "info",
      request.getMessage(),
      request.getUrn(),
      request.getEphemeral(),
    );
    return new empty.Empty();
  }

  async getRootResource(): Promise<InstanceType<typeof engine.GetRootResourceResponse>> {
    return new engine.GetRootResourceResponse().setUrn(this.#root);
  }

  async setRootResource(
    request: InstanceType<typeof engine.SetRootResourceRequest>,
  ): Promise<InstanceType<typeof engine.SetRootResourceResponse>> {
    this.#root = request.getUrn();
    return new engine.SetRootResourceResponse();
  }

  /** Reports what fails, ends the run by it, and tells the program that the monitor is gone, as the real one does. */
  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    const gone = status(grpc.status.UNAVAILABLE, "resource monitor shut down");
    if (!this.run.going) throw gone;
    let stop: () => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      stop = () => reject(gone);
      this.run.ended.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([work(), ended]);
    } catch (error) {
      if (error !== gone && !(error instanceof Bail)) {
        this.run.report("error", `${what}: ${messageOf(error)}`);
        this.run.fail(true);
      }
      this.run.abort();
      throw gone;
    } finally {
      this.run.ended.removeEventListener("abort", stop);
    }
  }

  async #providerOf(request: RegisterRequest, inherited: Goal | undefined): Promise<string> {
    const type = request.getType();
    if (isProviderType(type) || !request.getCustom()) return "";
    const wanted = packageOf(type, request);
    const parent = request.getParent();
    const explicit =
      request.getProvider() ||
      request.getProvidersMap().get(wanted.name) ||
      this.#componentProviders.get(parent)?.get(wanted.name);
    if (explicit) return explicit;
    if (inherited?.provider.includes(`::${PROVIDER_PREFIX}${wanted.name}::`)) return inherited.provider;
    return this.defaults.reference(wanted);
  }

  #inheritedProviders(request: RegisterRequest, parent: string): ReadonlyMap<string, string> {
    return new Map([...(this.#componentProviders.get(parent) ?? []), ...request.getProvidersMap().entries()]);
  }

  async #pluginOf(explicit: string, wanted: PackageRequest): Promise<Plugin> {
    const reference = explicit || (await this.defaults.reference(wanted));
    const plugin = this.registry.get(reference);
    if (plugin === undefined) throw new Error(`the provider ${reference} is not registered`);
    return plugin;
  }
}

function packageOf(token: string, request: { getVersion(): string; getPlugindownloadurl(): string }): PackageRequest {
  const [name] = token.split(":");
  return { name: name ?? token, version: request.getVersion(), url: request.getPlugindownloadurl() };
}

function respond(values: Values): InstanceType<typeof providers.InvokeResponse> {
  return new providers.InvokeResponse().setReturn(toStruct(values));
}
