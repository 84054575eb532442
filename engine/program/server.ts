/** The monitor as a gRPC server on a socket, for a program that runs in its own process. */

import { CHANNEL, engineServices, grpc, resourceServices } from "../sdk/proto";
import { addressOf } from "../sdk/sockets";
import type { Monitor } from "./monitor";

type Unary<Request, Response> = (
  call: { readonly request: Request },
  callback: (error: Partial<grpc.StatusObject> | Error | null, response?: Response) => void,
) => void;

function unary<Request, Response>(handler: (request: Request) => Promise<Response>): Unary<Request, Response> {
  return (call, callback) => {
    handler(call.request).then(
      (response) => callback(null, response),
      (error: Error) => callback(error),
    );
  };
}

/** Handlers by the names of the services' methods. */
export function handlersOf(monitor: Monitor) {
  return {
    monitor: {
      supportsFeature: unary(monitor.supportsFeature.bind(monitor)),
      registerResource: unary(monitor.registerResource.bind(monitor)),
      registerResourceOutputs: unary(monitor.registerResourceOutputs.bind(monitor)),
      readResource: unary(monitor.readResource.bind(monitor)),
      invoke: unary(monitor.invoke.bind(monitor)),
      signalAndWaitForShutdown: unary(monitor.signalAndWaitForShutdown.bind(monitor)),
      call: unary(monitor.refuse("methods of resources (Call)")),
      registerStackTransform: unary(monitor.refuse("stack transforms")),
      registerStackInvokeTransform: unary(monitor.refuse("invoke transforms")),
      registerResourceHook: unary(monitor.refuse("resource hooks")),
      registerErrorHook: unary(monitor.refuse("error hooks")),
      registerPackage: unary(monitor.refuse("parameterized packages")),
    },
    engine: {
      log: unary(monitor.log.bind(monitor)),
      getRootResource: unary(monitor.getRootResource.bind(monitor)),
      setRootResource: unary(monitor.setRootResource.bind(monitor)),
    },
  };
}

export interface Server {
  close(): void;
}

export async function serve(monitor: Monitor, socket: string): Promise<Server> {
  const server = new grpc.Server(CHANNEL);
  const handlers = handlersOf(monitor);
  server.addService(resourceServices.ResourceMonitorService, handlers.monitor as grpc.UntypedServiceImplementation);
  server.addService(engineServices.EngineService, handlers.engine as grpc.UntypedServiceImplementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(addressOf(socket), grpc.ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return { close: () => server.forceShutdown() };
}
