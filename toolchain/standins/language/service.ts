import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type ServerWritableStream, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type * as rpc from "@pulumi/pulumi/proto/language_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { announce } from "../announce.ts";
import { engineLog, properties, unary } from "../rpc.ts";
import { configVariables, programArguments, runtimeOptions } from "./program.ts";

/** The SDK's exit code for "the user has been told already" (sdk/nodejs/cmd/run/index.ts). */
const BAIL = 32;

/** The state of one language host process. */
interface Host {
  engineAddress: string;
  announced: boolean;
  children: Set<ChildProcess>;
}

type PluginCall = ServerWritableStream<rpc.RunPluginRequest, rpc.RunPluginResponse>;

/** An entry point of the SDK that is installed for the program in `directory`. */
function sdkCommand(name: string, directory: string): string {
  try {
    return createRequire(join(directory, "program.js")).resolve(`@pulumi/pulumi/cmd/${name}`);
  } catch {
    throw new Error(`@pulumi/pulumi is not installed for the program in ${directory}: run npm install there`);
  }
}

async function sayOnce(host: Host): Promise<void> {
  if (host.announced) return;
  host.announced = true;
  await announce("language", (message) => engineLog(host.engineAddress)({ severity: "info", message }));
}

async function exitCode(host: Host, child: ChildProcess): Promise<number> {
  host.children.add(child);
  try {
    const [code] = await once(child, "close");
    return typeof code === "number" ? code : 1; // ended by a signal
  } finally {
    host.children.delete(child);
  }
}

async function run(host: Host, request: rpc.RunRequest): Promise<rpc.RunResponse> {
  await sayOnce(host);
  const info = request.getInfo();
  const directory = info?.getProgramDirectory() ?? request.getPwd();
  const options = runtimeOptions(properties(info?.getOptions()));
  const config = configVariables(request.getConfigMap().entries(), request.getConfigsecretkeysList());
  const command = [sdkCommand("run", directory), ...programArguments(host.engineAddress, request)];
  const child = spawn(process.execPath, [...options.nodeArguments, ...command], {
    env: { ...process.env, ...options.environment, ...config },
    // The engine shows the output of this process, so the program can write to it directly.
    stdio: ["ignore", "inherit", "inherit"],
  });
  const code = await exitCode(host, child);
  const response = new language.RunResponse();
  if (code === BAIL) response.setBail(true);
  else if (code !== 0) response.setError(`the program exited with code ${code}`);
  return response;
}

/** Runs a policy pack, or a provider or component from its source; each is a plugin that prints its port. */
async function runPlugin(host: Host, call: PluginCall): Promise<void> {
  await sayOnce(host);
  const request = call.request;
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const options = runtimeOptions(properties(request.getInfo()?.getOptions()));
  const given = Object.fromEntries(request.getEnvList().map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
  // A pack gets its folder as the last argument and works in it; every other plugin gets it first.
  const isPack = request.getKind() === "analyzer";
  const command = isPack
    ? [sdkCommand("run-policy-pack", directory), ...request.getArgsList(), directory]
    : [sdkCommand("run-plugin", directory), directory, ...request.getArgsList()];
  const child = spawn(process.execPath, [...options.nodeArguments, ...command], {
    cwd: isPack ? directory : request.getPwd(),
    env: { ...given, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  call.on("cancelled", () => child.kill());
  child.stdout.on("data", (chunk: Buffer) => call.write(new language.RunPluginResponse().setStdout(chunk)));
  child.stderr.on("data", (chunk: Buffer) => call.write(new language.RunPluginResponse().setStderr(chunk)));
  call.write(new language.RunPluginResponse().setExitcode(await exitCode(host, child)));
  call.end();
}

function about(): rpc.AboutResponse {
  return new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version);
}

/**
 * The LanguageRuntime service of the stand-in: it runs programs and plugins; it neither generates nor installs
 * anything.
 */
export function languageService(version: string, engineAddress: string): UntypedServiceImplementation {
  const host: Host = { engineAddress, announced: false, children: new Set() };
  return {
    getPluginInfo: unary(() => new pluginPb.PluginInfo().setVersion(version)),
    about: unary(about),
    getProgramDependencies: unary(() => new language.GetProgramDependenciesResponse()),
    getRequiredPackages: unary(() => new language.GetRequiredPackagesResponse()),
    installDependencies: (call: ServerWritableStream<unknown, rpc.InstallDependenciesResponse>) => call.end(),
    run: unary((request: rpc.RunRequest) => run(host, request)),
    runPlugin: (call: PluginCall) => {
      runPlugin(host, call).catch((error: Error) => {
        call.emit("error", { code: status.UNKNOWN, details: error.message });
      });
    },
    cancel: unary(() => {
      for (const child of host.children) child.kill();
      return new empty.Empty();
    }),
  };
}
