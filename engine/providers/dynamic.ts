/** Dynamic resources: their code is part of their state and runs in the SDK's own provider process. */

import { type DiffResult, diffOf, PartialFailure, type Provider } from "../provider/provider";
import { messageOf } from "../run/run";
import { type Child, startServer, stopChild } from "../sdk/child";
import {
  CHANNEL,
  call,
  fromStruct,
  grpc,
  provider as messages,
  providerServices,
  statuses,
  toStruct,
} from "../sdk/proto";
import { changedPaths, same } from "../values/compare";
import type { Values } from "../values/value";

export interface DynamicOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly nodeArgs: readonly string[];
  readonly engineAddress: () => string;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

type Client = InstanceType<typeof providerServices.ResourceProviderClient>;

/** What a provider that threw tells of a resource that exists all the same (`parseError` in provider_plugin.go). */
function rethrow(error: unknown): never {
  const { cause } = error as { cause?: Partial<grpc.ServiceError> };
  const [details] = cause?.metadata?.get("grpc-status-details-bin") ?? [];
  if (!Buffer.isBuffer(details)) throw error;
  const [detail] = statuses.Status.deserializeBinary(details).getDetailsList();
  if (detail === undefined) throw error;
  const failed = messages.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
  const text = [messageOf(error), ...failed.getReasonsList()].join("; ");
  throw new PartialFailure(text, failed.getId(), fromStruct(failed.getProperties()));
}

export function dynamicProvider(options: DynamicOptions): Provider {
  let config: Values = {};
  let started: Promise<{ child: Child; client: Client }> | undefined;

  async function start(): Promise<{ child: Child; client: Client }> {
    const { cwd, env, nodeArgs, onLine } = options;
    const child = await startServer({
      script: "dynamic-provider",
      cwd,
      nodeArgs,
      args: [options.engineAddress()],
      env,
      onLine,
    });
    const client = new providerServices.ResourceProviderClient(
      `127.0.0.1:${child.port}`,
      grpc.credentials.createInsecure(),
      CHANNEL,
    );
    await call((done) => client.configure(new messages.ConfigureRequest().setArgs(toStruct(config)), done));
    return { child, client };
  }

  /** The process is started by the first resource that needs it. */
  async function client(): Promise<Client> {
    started ??= start();
    return (await started).client;
  }

  return {
    configure: async (values) => {
      config = values;
    },
    check: async ({ urn, type, name }, old, news, seed) => {
      const request = new messages.CheckRequest()
        .setUrn(urn)
        .setType(type)
        .setName(name)
        .setOlds(toStruct(old ?? {}))
        .setNews(toStruct(news))
        .setRandomseed(seed);
      const service = await client();
      const response = await call<InstanceType<typeof messages.CheckResponse>>((done) => service.check(request, done));
      return {
        inputs: fromStruct(response.getInputs()),
        failures: response
          .getFailuresList()
          .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() })),
      };
    },
    diff: async ({ urn, type, name }, id, oldInputs, oldOutputs, newInputs, ignoreChanges): Promise<DiffResult> => {
      const request = new messages.DiffRequest()
        .setId(id)
        .setUrn(urn)
        .setType(type)
        .setName(name)
        .setOldInputs(toStruct(oldInputs))
        .setOlds(toStruct(oldOutputs))
        .setNews(toStruct(newInputs))
        .setIgnorechangesList([...ignoreChanges]);
      const service = await client();
      const response = await call<InstanceType<typeof messages.DiffResponse>>((done) => service.diff(request, done));
      const { DIFF_UNKNOWN, DIFF_SOME } = messages.DiffResponse.DiffChanges;
      if (response.getChanges() === DIFF_UNKNOWN) {
        return same(oldInputs, newInputs)
          ? { changes: false }
          : diffOf(changedPaths(oldInputs, newInputs), () => false);
      }
      return {
        changes: response.getChanges() === DIFF_SOME,
        replaces: response.getReplacesList(),
        deleteBeforeReplace: response.getDeletebeforereplace(),
      };
    },
    // Dynamic providers have no previews: what a resource would become is what goes into it (provider_plugin.go).
    create: async ({ urn, type, name, preview }, inputs) => {
      if (preview) return { id: "", outputs: inputs };
      const request = new messages.CreateRequest()
        .setUrn(urn)
        .setType(type)
        .setName(name)
        .setProperties(toStruct(inputs));
      const service = await client();
      const response = await call<InstanceType<typeof messages.CreateResponse>>((done) =>
        service.create(request, done),
      ).catch(rethrow);
      return { id: response.getId(), outputs: fromStruct(response.getProperties()) };
    },
    update: async ({ urn, type, name, preview }, id, oldInputs, oldOutputs, newInputs) => {
      if (preview) return { outputs: newInputs };
      const request = new messages.UpdateRequest()
        .setId(id)
        .setUrn(urn)
        .setType(type)
        .setName(name)
        .setOldInputs(toStruct(oldInputs))
        .setOlds(toStruct(oldOutputs))
        .setNews(toStruct(newInputs));
      const service = await client();
      const response = await call<InstanceType<typeof messages.UpdateResponse>>((done) =>
        service.update(request, done),
      ).catch(rethrow);
      return { outputs: fromStruct(response.getProperties()) };
    },
    delete: async ({ urn, type, name }, id, inputs, outputs) => {
      const request = new messages.DeleteRequest()
        .setId(id)
        .setUrn(urn)
        .setType(type)
        .setName(name)
        .setOldInputs(toStruct(inputs))
        .setProperties(toStruct(outputs));
      const service = await client();
      await call((done) => service.delete(request, done));
    },
    read: async ({ urn, type, name }, id, inputs, outputs) => {
      const request = new messages.ReadRequest()
        .setId(id)
        .setUrn(urn)
        .setType(type)
        .setName(name)
        .setInputs(toStruct(inputs))
        .setProperties(toStruct(outputs));
      const service = await client();
      const response = await call<InstanceType<typeof messages.ReadResponse>>((done) => service.read(request, done));
      if (response.getId() === "") return undefined;
      return {
        id: response.getId(),
        inputs: fromStruct(response.getInputs()),
        outputs: fromStruct(response.getProperties()),
      };
    },
    close: async () => {
      const running = await started?.catch(() => undefined);
      running?.client.close();
      if (running !== undefined) await stopChild(running.child);
    },
  };
}
