/** The SDK's own protocol modules. The generated ones are CommonJS, so they come as default imports wherever the engine runs. */
import * as grpc from "@grpc/grpc-js";
import analyzerServices from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb";
import engine from "@pulumi/pulumi/proto/engine_pb";
import providerServices from "@pulumi/pulumi/proto/provider_grpc_pb";
import provider from "@pulumi/pulumi/proto/provider_pb";
import resourceServices from "@pulumi/pulumi/proto/resource_grpc_pb";
import resource from "@pulumi/pulumi/proto/resource_pb";
import statuses from "@pulumi/pulumi/proto/status_pb";
import empty from "google-protobuf/google/protobuf/empty_pb";
import struct from "google-protobuf/google/protobuf/struct_pb";
import type { Values } from "../values/value";

export {
  analyzer,
  analyzerServices,
  empty,
  engine,
  engineServices,
  grpc,
  provider,
  providerServices,
  resource,
  resourceServices,
  statuses,
  struct,
};

/** Large files travel as inputs; the SDK allows the same (runtime/settings.ts, `grpcChannelOptions`). */
export const CHANNEL = {
  "grpc.max_receive_message_length": 400 * 1024 * 1024,
  "grpc.max_send_message_length": 400 * 1024 * 1024,
};

export function toStruct(values: Values): struct.Struct {
  return struct.Struct.fromJavaScript(values as Parameters<typeof struct.Struct.fromJavaScript>[0]);
}

export function fromStruct(message: struct.Struct | undefined): Values {
  return (message?.toJavaScript() ?? {}) as Values;
}

/** A promise of a unary call: `call((done) => client.analyze(request, done))`. */
export function call<Response>(
  start: (done: (error: grpc.ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) =>
      error ? reject(new Error(error.details || error.message, { cause: error })) : resolve(response),
    );
  });
}
