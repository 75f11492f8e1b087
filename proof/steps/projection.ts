import { readFileSync } from "node:fs";
import { join } from "node:path";
import { driftNote, unansweredNote } from "../../agent/decisions/projection.ts";
import { projectionFlags } from "../../agent/llama-server/flags.ts";
import { ANSWER_MS, askProjection } from "../../agent/supervisor/asking.ts";
import { fieldsHere, optionsOf, prepared } from "../llama.ts";
import type { Scene, Step } from "../step.ts";

const CONTEXT_SIZE = 8192;

export const projection: Step = {
  name: "projection",
  asserts: "the agent reads what llama-server projects before it loads, and it agrees with the estimate",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const options = await optionsOf(scene);
    const fields = await fieldsHere(scene, CONTEXT_SIZE);
    const { paths, estimate } = await prepared(scene, fields, options);
    const { answer, milliseconds } = await asked(scene, projectionFlags(fields, paths, options));
    const drift = driftNote(answer.bytes, estimate.parts);
    scene.keep("estimate.json", `${JSON.stringify(estimate.parts, null, 2)}\n`);
    const said = unansweredNote({ specHash: "", ...answer }) ?? `${answer.bytes} bytes`;
    const printed = answer.bytes !== null;
    return [
      { what: `it is printed within ${ANSWER_MS / 1000} s`, held: printed, saw: `${said}, after ${milliseconds} ms` },
      { what: "it agrees with the estimate", held: printed && drift === undefined, saw: drift ?? said },
    ];
  },
};

/** The log up to the breakdown is kept as `breakdown.log.txt`. */
async function asked(scene: Scene, args: readonly string[] | undefined) {
  if (args === undefined) throw new Error("this llama-server has no option with which it prints a projection");
  const llamaServer = await scene.llamaServer();
  const logPath = join(scene.folder, "projection.log");
  const began = performance.now();
  const spawned = (server: { readonly signal: (name: "SIGKILL") => void }) =>
    scene.undoLater(() => server.signal("SIGKILL"));
  const answer = await askProjection({ file: llamaServer, args, logPath, tables: 1, spawned });
  const milliseconds = Math.round(performance.now() - began);
  scene.keep("breakdown.log.txt", readFileSync(logPath, "utf8"), [llamaServer, ...args]);
  return { answer, milliseconds };
}
