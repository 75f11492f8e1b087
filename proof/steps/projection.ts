import { setTimeout as sleep } from "node:timers/promises";
import { driftNote } from "../../agent/decisions/projection.ts";
import { parseBreakdown } from "../../agent/llama-server/breakdown.ts";
import { projectionFlags } from "../../agent/llama-server/flags.ts";
import { readSupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { estimateOf, fieldsWith, settingsHere, startServer } from "../llama.ts";
import type { Scene, Step } from "../step.ts";

/** The agent waits no longer for it. */
const PATIENCE_MS = 10_000;
const CONTEXT_SIZE = 8192;

export const projection: Step = {
  name: "projection",
  asserts: "the agent reads what llama-server projects before it loads, and it agrees with the estimate",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const weights = await scene.weights();
    const settings = settingsHere(scene, CONTEXT_SIZE);
    const { bytes, milliseconds } = await asked(scene, weights, settings);
    const { parts } = await estimateOf(weights, settings);
    const drift = driftNote(bytes ?? null, parts);
    scene.keep("estimate.json", `${JSON.stringify(parts, null, 2)}\n`);
    const within = `within ${PATIENCE_MS / 1000} s`;
    return [
      { what: `it is printed ${within}`, held: bytes !== undefined, saw: `${bytes} bytes after ${milliseconds} ms` },
      { what: "it agrees with the estimate", held: bytes !== undefined && !drift, saw: drift ?? "it does" },
    ];
  },
};

/** The log up to the breakdown is kept as `breakdown.log.txt`. */
async function asked(scene: Scene, weights: string, settings: ReturnType<typeof settingsHere>) {
  const llamaServer = await scene.llamaServer();
  const options = await readSupportedFlags(llamaServer);
  if (!options.ok) throw new Error(options.error);
  const args = projectionFlags(await fieldsWith(settings), { model: weights }, options.value);
  if (args === undefined) throw new Error("this llama-server has no option with which it prints a projection");
  const began = performance.now();
  const server = startServer(scene, llamaServer, args, "projection");
  let bytes: number | undefined;
  while (bytes === undefined && !server.hasEnded() && performance.now() - began < PATIENCE_MS) {
    await sleep(20, undefined, { signal: scene.signal });
    bytes = parseBreakdown(server.log());
  }
  const milliseconds = Math.round(performance.now() - began);
  await server.end();
  scene.keep("breakdown.log.txt", server.log(), [llamaServer, ...args]);
  return { bytes, milliseconds };
}
