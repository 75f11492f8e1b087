import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";

/** A plugin as the engine has it: a process that serves gRPC on a port which it prints. */
export interface PluginProcess {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Runs one of the SDK's entry points, `run-policy-pack` or `run-plugin`, as a language host does. */
export async function startPlugin(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<PluginProcess> {
  const entry = createRequire(import.meta.url).resolve(`@pulumi/pulumi/cmd/${command}`);
  const child = spawn(process.execPath, [entry, ...args], { ...options, stdio: ["ignore", "pipe", "inherit"] });
  const port = await firstLine(child);
  return { address: `127.0.0.1:${port}`, close: () => end(child) };
}

/** What `pulumi package get-schema` reads of a package in a folder. */
export async function getSchema(folder: string): Promise<string> {
  const plugin = await startPlugin("run-plugin", [folder, "127.0.0.1:1"], { cwd: folder });
  const client = new providerGrpc.ResourceProviderClient(plugin.address, credentials.createInsecure());
  const ask = promisify<
    InstanceType<typeof provider.GetSchemaRequest>,
    InstanceType<typeof provider.GetSchemaResponse>
  >(client.getSchema.bind(client));
  try {
    return (await ask(new provider.GetSchemaRequest())).getSchema();
  } finally {
    client.close();
    await plugin.close();
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the plugin has no output");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("the plugin ended without a port");
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill();
  await exited;
}
