import { readFileSync } from "node:fs";
import { join } from "node:path";
import { driftNote } from "../../agent/decisions/projection.ts";
import { projectionFlags } from "../../agent/llama-server/flags.ts";
import { readSupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { ANSWER_MS, askProjection } from "../../agent/supervisor/asking.ts";
import { estimateOf, fieldsWith, settingsHere } from "../llama.ts";
import type { Scene, Step } from "../step.ts";

const CONTEXT_SIZE = 8192;

export const projection: Step = {
  name: "projection",
  asserts: "the agent reads what llama-server projects before it loads, and it agrees with the estimate",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const weights = await scene.weights();
    const settings = settingsHere(scene, CONTEXT_SIZE);
    const { answer, milliseconds } = await asked(scene, weights, settings);
    const { parts } = await estimateOf(weights, settings);
    const drift = driftNote(answer.bytes, parts);
    scene.keep("estimate.json", `${JSON.stringify(parts, null, 2)}\n`);
    const said = answer.bytes === null ? answer.why : `${answer.bytes} bytes`;
    const printed = answer.bytes !== null;
    return [
      { what: `it is printed within ${ANSWER_MS / 1000} s`, held: printed, saw: `${said}, after ${milliseconds} ms` },
      { what: "it agrees with the estimate", held: printed && drift === undefined, saw: drift ?? said },
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
  const logPath = join(scene.folder, "projection.log");
  const began = performance.now();
  const spawned = (server: { readonly signal: (name: "SIGKILL") => void }) =>
    scene.undoLater(() => server.signal("SIGKILL"));
  const answer = await askProjection({ file: llamaServer, args, logPath, tables: 1, spawned });
  const milliseconds = Math.round(performance.now() - began);
  scene.keep("breakdown.log.txt", readFileSync(logPath, "utf8"), [llamaServer, ...args]);
  return { answer, milliseconds };
}
