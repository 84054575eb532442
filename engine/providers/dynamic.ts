/** Dynamic resources: their code is part of their state and runs in the SDK's own provider process. */

import { type DiffResult, diffOf, PartialFailure, type Provider, type ResourceCall } from "../provider/provider";
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
import { addressOf, type Sockets } from "../sdk/sockets";
import { changedPaths, same } from "../values/compare";
import type { Values } from "../values/value";

export interface DynamicOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly nodeArgs: readonly string[];
  readonly sockets: Sockets;
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

interface Message<M> {
  setUrn(urn: string): M;
  setType(type: string): M;
  setName(name: string): M;
}

function about<M extends Message<M>>({ urn, type, name }: ResourceCall, message: M): M {
  return message.setUrn(urn).setType(type).setName(name);
}

export function dynamicProvider(options: DynamicOptions): Provider {
  let config: Values = {};
  let started: Promise<{ child: Child; client: Client }> | undefined;

  async function start(): Promise<{ child: Child; client: Client }> {
    const { cwd, env, nodeArgs, onLine, sockets } = options;
    const child = await startServer({
      script: "dynamic-provider",
      cwd,
      nodeArgs,
      args: [addressOf(sockets.engine)],
      env,
      socket: sockets.next(),
      onLine,
    });
    const client = new providerServices.ResourceProviderClient(
      child.address,
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
    check: async (at, old, news, seed) => {
      const request = about(at, new messages.CheckRequest())
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
    diff: async (at, id, oldInputs, oldOutputs, newInputs, ignoreChanges): Promise<DiffResult> => {
      const request = about(at, new messages.DiffRequest())
        .setId(id)
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
    create: async (at, inputs) => {
      if (at.preview) return { id: "", outputs: inputs };
      const request = about(at, new messages.CreateRequest()).setProperties(toStruct(inputs));
      const service = await client();
      const response = await call<InstanceType<typeof messages.CreateResponse>>((done) =>
        service.create(request, done),
      ).catch(rethrow);
      return { id: response.getId(), outputs: fromStruct(response.getProperties()) };
    },
    update: async (at, id, oldInputs, oldOutputs, newInputs) => {
      if (at.preview) return { outputs: newInputs };
      const request = about(at, new messages.UpdateRequest())
        .setId(id)
        .setOldInputs(toStruct(oldInputs))
        .setOlds(toStruct(oldOutputs))
        .setNews(toStruct(newInputs));
      const service = await client();
      const response = await call<InstanceType<typeof messages.UpdateResponse>>((done) =>
        service.update(request, done),
      ).catch(rethrow);
      return { outputs: fromStruct(response.getProperties()) };
    },
    delete: async (at, id, inputs, outputs) => {
      const request = about(at, new messages.DeleteRequest())
        .setId(id)
        .setOldInputs(toStruct(inputs))
        .setProperties(toStruct(outputs));
      const service = await client();
      await call((done) => service.delete(request, done));
    },
    read: async (at, id, inputs, outputs) => {
      const request = about(at, new messages.ReadRequest())
        .setId(id)
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
