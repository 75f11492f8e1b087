import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  credentials,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerOptions,
  status,
} from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";
import type { Struct as StructMessage } from "google-protobuf/google/protobuf/struct_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import type { Properties } from "./values.ts";

// The engine's own limit (sdk/go/common/util/rpcutil): a state may be far above gRPC's default of 4 MiB.
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const OPTIONS: ServerOptions = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
};

/** Makes a gRPC method from a function. The user sees an exception of it as its message, without a stack trace. */
export function unary<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await answer(call.request));
    } catch (error) {
      callback({ code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) });
    }
  };
}

/** Serves a plugin on a free loopback port and prints that port, which is how the engine finds it. */
export async function servePlugin<Implementation extends UntypedServiceImplementation>(
  service: ServiceDefinition,
  implementation: Implementation,
): Promise<void> {
  const server = new Server(OPTIONS);
  server.addService(service, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  process.stdout.write(`${port}\n`);
}

export function properties(struct: StructMessage | undefined): Properties {
  return (struct?.toJavaScript() ?? {}) as Properties;
}

export function struct(values: Properties): StructMessage {
  return structPb.Struct.fromJavaScript(values);
}

export interface LogLine {
  severity: "info" | "warning";
  message: string;
  /** The resource that the line concerns. Default: the whole stack. */
  urn?: string;
  /** Shown beside the resource while it runs, not in the final diagnostics. */
  ephemeral?: true;
}

/**
 * Logs through the engine at `address`. A line that cannot be delivered is dropped, so that it does not fail the
 * operation.
 */
export function engineLog(address: string): (line: LogLine) => Promise<void> {
  const client = new engineGrpc.EngineClient(address, credentials.createInsecure());
  return ({ severity, message, urn = "", ephemeral = false }) => {
    const request = new engine.LogRequest();
    request.setSeverity(severity === "info" ? engine.LogSeverity.INFO : engine.LogSeverity.WARNING);
    request.setMessage(message);
    request.setUrn(urn);
    request.setEphemeral(ephemeral);
    return new Promise((resolve) => client.log(request, () => resolve()));
  };
}
