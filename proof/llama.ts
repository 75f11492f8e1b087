import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { openMeter } from "../agent/host/meter.ts";
import { signalGroup } from "../agent/host/signal-group.ts";
import type { ModelPaths, ServerFields } from "../agent/llama-server/flags.ts";
import { checkAnswers } from "../agent/llama-server/probe.ts";
import { readSupportedFlags, type SupportedFlags } from "../agent/llama-server/supported-flags.ts";
import { estimatedSettings } from "../agent/workload/prepare.ts";
import { readHeader } from "../gguf/read.ts";
import { isTableForGpu } from "../memory/estimate/loading.ts";
import type { EstimateSettings, KnownEstimate, LoadMode } from "../memory/estimate/types.ts";
import { estimateServed } from "../memory/served.ts";
import { DEFAULT_SETTINGS, LOAD_MODE } from "../serving/default-settings.ts";
import type { Scene } from "./step.ts";

/** What the agent starts a server with, for a service that sets nothing but its context, on what this machine computes with. */
export async function fieldsHere({ machine }: Pick<Scene, "machine">, contextSize: number): Promise<ServerFields> {
  const backend = machine.gpu === null ? "cpu" : "metal";
  return {
    ...{ name: "default/proof", host: "127.0.0.1", port: await getPort(), mode: "chat" },
    settings: { ...DEFAULT_SETTINGS, contextSize, backend, loadMode: LOAD_MODE },
    deviceName: machine.gpu ?? undefined,
    ...{ apiKeyFile: undefined, gpuLayers: undefined, ropeScaling: undefined, speculation: undefined },
    ...{ jinja: undefined, noWarmup: undefined, reasoningBudget: undefined, reasoningBudgetMessage: undefined },
    extraArgs: [],
  };
}

/** A server as the agent prepares it: what it reads, and what it is charged. */
export interface Prepared {
  readonly paths: ModelPaths;
  readonly settings: EstimateSettings;
  readonly estimate: KnownEstimate;
}

/**
 * Prepares a server as `agent/workload/prepare.ts` does. Throws where there is no estimate.
 *
 * @param loadMode what the estimate is told of how the weights are loaded
 */
export async function prepared(
  scene: Scene,
  fields: ServerFields,
  options: SupportedFlags,
  loadMode: LoadMode = LOAD_MODE,
): Promise<Prepared> {
  const model = await scene.weights();
  const header = await readHeader(model);
  if (!header.ok) throw new Error(header.error);
  const settings = { ...estimatedSettings({ fields }, options), loadMode };
  const estimate = estimateServed({ header: header.value }, settings);
  if (!estimate.ok) throw new Error(estimate.error);
  if (estimate.value.confidence === "unknown") throw new Error("the estimate is unknown");
  const paths = { model, ...(isTableForGpu(header.value) && { tableForGpu: true }) };
  return { paths, settings, estimate: estimate.value };
}

/** What this llama-server supports. Throws where it does not say. */
export async function optionsOf(scene: Scene): Promise<SupportedFlags> {
  const options = await readSupportedFlags(await scene.llamaServer());
  if (!options.ok) throw new Error(options.error);
  return options.value;
}

/** A llama-server that the proof has started itself. */
export interface Started {
  readonly pid: number;
  readonly log: () => string;
  readonly hasEnded: () => boolean;
  readonly end: () => Promise<void>;
}

/** Starts a server in a group of its own. It is ended with the step, whatever happens. */
export function startServer(scene: Scene, llamaServer: string, args: readonly string[], name: string): Started {
  const path = join(scene.folder, `${name}.log`);
  const output = openSync(path, "a", 0o600);
  const child = spawn(llamaServer, args, { detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${llamaServer} could not be started`);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = async () => {
    if (hasEnded()) return;
    const ended = once(child, "exit");
    signalGroup(pid, "SIGKILL");
    await ended;
  };
  scene.undoLater(end);
  return { pid, log: () => readFileSync(path, "utf8"), hasEnded, end };
}

/** Footprints in bytes, by the agent's own meter. */
export interface Footprints {
  readonly peakBytes: number;
  /** Who says so: the kernel forgets no peak, and samples miss what is between them. */
  readonly peakBy: "kernel" | "samples";
  readonly steadyBytes: number;
}

const SAMPLE_MS = 50;
const PATIENCE_MS = 180_000;
/** So long after its first answer nothing is freed or allocated any more. */
const SETTLE_MS = 3000;

/** Samples a server until it has answered one token and settled. Throws where it ends before. */
export async function footprintsOf(
  server: Started,
  { port, name }: ServerFields,
  { model }: ModelPaths,
  signal: AbortSignal,
): Promise<Footprints> {
  const meter = openMeter();
  let [peakBytes, steadyBytes] = [0, 0];
  let readyAt = Number.POSITIVE_INFINITY;
  const ready = async () => {
    const expected = { host: "127.0.0.1", port, mode: "chat", name, modelPath: model, apiKey: undefined } as const;
    while (!server.hasEnded() && (await checkAnswers(expected)).kind !== "well")
      await sleep(200, undefined, { signal });
    readyAt = performance.now();
  };
  const answering = ready();
  answering.catch(() => {});
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < Math.min(deadline, readyAt + SETTLE_MS)) {
    const sample = (await meter.measure([{ pid: server.pid }])).get(server.pid);
    if (server.hasEnded()) throw new Error(`llama-server ended: ${server.log().slice(-300)}`);
    if (typeof sample === "number") {
      steadyBytes = sample;
      peakBytes = Math.max(peakBytes, sample);
    }
    await sleep(SAMPLE_MS, undefined, { signal });
  }
  if (readyAt === Number.POSITIVE_INFINITY) throw new Error(`it was not ready within ${PATIENCE_MS / 1000} s`);
  const kept = meter.peakBytes(server.pid);
  if (kept === undefined) return { peakBytes, peakBy: "samples", steadyBytes };
  return { peakBytes: Math.max(peakBytes, kept), peakBy: "kernel", steadyBytes };
}
