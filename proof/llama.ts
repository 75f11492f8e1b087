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
import { readHeader } from "../gguf/read.ts";
import type { EstimateSettings, KnownEstimate } from "../memory/estimate/types.ts";
import { estimateServed } from "../memory/served.ts";
import { DEFAULT_SETTINGS } from "../serving/settings.ts";
import type { Scene } from "./step.ts";

/** The settings of a service that sets none but its context, on what this machine computes with. */
export function settingsHere({ machine }: Pick<Scene, "machine">, contextSize: number): EstimateSettings {
  return { ...DEFAULT_SETTINGS, contextSize, backend: machine.gpu === null ? "cpu" : "metal", loadMode: "none" };
}

/** What the agent starts a server with. */
export async function fieldsWith(settings: EstimateSettings): Promise<ServerFields> {
  return {
    ...{ name: "default/proof", host: "127.0.0.1", port: await getPort(), mode: "chat", settings },
    ...{ apiKeyFile: undefined, gpuLayers: undefined, ropeScaling: undefined, speculation: undefined },
    ...{ jinja: undefined, noWarmup: undefined, reasoningBudget: undefined, reasoningBudgetMessage: undefined },
    extraArgs: [],
  };
}

/** What the agent charges for it. Throws where there is no estimate. */
export async function estimateOf(weights: string, settings: EstimateSettings): Promise<KnownEstimate> {
  const header = await readHeader(weights);
  if (!header.ok) throw new Error(header.error);
  const estimate = estimateServed({ header: header.value }, settings);
  if (!estimate.ok) throw new Error(estimate.error);
  if (estimate.value.confidence === "unknown") throw new Error("the estimate is unknown");
  return estimate.value;
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
    const expected = { port, mode: "chat", name, modelPath: model, apiKey: undefined } as const;
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
  return { peakBytes, steadyBytes };
}
