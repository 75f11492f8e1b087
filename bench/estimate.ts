// npm run bench:estimate: what an estimate costs, as a multiple of summing the header's tensor sizes once.
import { rm } from "node:fs/promises";
import { advise } from "../memory/advice.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import { CACHE_TYPES, type EstimateSettings } from "../memory/estimate/types.ts";
import { headerOf, readTruth, writeSynthetic } from "../test/support/truth-models.ts";
import { temporaryDirectory } from "../test/support/workspace.ts";

const GRID_LIMIT_MS = 100;
const GRID = 1000;
const ROUNDS = 7;

const folder = await temporaryDirectory();
const truth = readTruth();
let slowest = 0;
console.log("model                   us an estimate   times the floor   ms a grid of 1,000   ms an advice");
for (const model of Object.keys(truth)) {
  const header = await headerOf(await writeSynthetic(truth, model, folder));
  const floor = best(() => {
    for (let round = 0; round < GRID; round++) header.tensors.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  });
  const grid = best(() => {
    for (let cell = 0; cell < GRID; cell++) {
      const answer = estimate(header, settingsOf(cell));
      if (!answer.ok) throw new Error(answer.error);
    }
  });
  const advice = best(() => advise({ header }, settingsOf(GRID - 1), 2 ** 33));
  slowest = Math.max(slowest, grid);
  const columns = [grid.toFixed(1), (grid / floor).toFixed(1), grid.toFixed(1), advice.toFixed(2)];
  console.log(model.padEnd(22), ...columns.map((text, at) => text.padStart([16, 18, 20, 14][at] ?? 0)));
}
await rm(folder, { recursive: true, force: true });
console.log(`slowest grid of 1,000: ${slowest.toFixed(1)} ms (aim: under ${GRID_LIMIT_MS} ms)`);

/** Milliseconds of the fastest round; other rounds may have been disturbed or not compiled yet. */
function best(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

function settingsOf(cell: number): EstimateSettings {
  const type = CACHE_TYPES[cell % CACHE_TYPES.length] ?? "f16";
  return {
    contextSize: 256 * (cell + 1),
    parallel: 1,
    cacheTypeK: type,
    cacheTypeV: type,
    flashAttention: true,
    batchSize: 2048,
    ubatchSize: 512,
    backend: "metal",
  };
}
