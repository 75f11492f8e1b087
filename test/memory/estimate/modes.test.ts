import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MiB } from "../../../api/bytes.ts";
import { type Batches, batchesOf } from "../../../memory/estimate/batches.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { canSplitInputs } from "../../../memory/estimate/inputs.ts";
import type { EstimateSettings } from "../../../memory/estimate/types.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { ggufFileBytes, writeSparse } from "../../support/gguf-writer.ts";
import { MODE_MODELS, modeHead, modeSettings, readModes } from "../../support/mode-models.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

async function headerFor(model: string) {
  const synthetic = MODE_MODELS[model];
  if (synthetic === undefined) return gemmaHeader();
  const path = join(await temporaryDirectory(), "model.gguf");
  await writeFile(path, "");
  await writeSparse(path, modeHead(model), ggufFileBytes(synthetic));
  return headerOf(path);
}

// What `npm run bench:modes -- --record` recorded of the real llama-server, with the flags that the agent sets.
describe("estimate in each mode, against recorded servers", () => {
  for (const measured of readModes().cases) {
    const { model, mode, pooling, contextSize, parallel, computeMiB, projectedMiB, footprintMiB } = measured;
    it(`${model} ${mode} ${pooling ?? ""} -c ${contextSize} -np ${parallel} is never too low`, async () => {
      const found = estimate(await headerFor(model), modeSettings(measured));
      assert.ok(found.ok && found.value.confidence !== "unknown", JSON.stringify(found));
      const { totalBytes, computeBytes } = found.value;
      const mib = totalBytes / MiB;
      assert.ok(mib >= projectedMiB, `${mib} MiB, projected ${projectedMiB}`);
      assert.ok(mib >= footprintMiB, `${mib} MiB, held ${footprintMiB}`);
      const off = computeBytes.host / MiB - computeMiB;
      assert.ok(Math.abs(off) <= Math.max(24, 0.05 * computeMiB), `compute is off by ${off} MiB of ${computeMiB}`);
    });
  }
});

describe("the batches of a server", () => {
  const auto = { ...SETTINGS, batchSize: "auto", ubatchSize: "auto" } as const;
  const cases: readonly (readonly [string, Partial<EstimateSettings>, boolean, Batches])[] = [
    ["chat has llama-server's", {}, false, { batchSize: 2048, ubatchSize: 512 }],
    ["an input lies in one batch", { mode: "embedding" }, false, { batchSize: 4096, ubatchSize: 4096 }],
    ["one as long as its slot", { mode: "rerank", parallel: 3 }, false, { batchSize: 1536, ubatchSize: 1536 }],
    [
      "slots that share a context",
      { mode: "embedding", parallel: "auto" },
      false,
      { batchSize: 4096, ubatchSize: 4096 },
    ],
    ["an input that may be split", { mode: "embedding" }, true, { batchSize: 512, ubatchSize: 512 }],
    ["a short slot", { mode: "rerank", contextSize: 256 }, true, { batchSize: 256, ubatchSize: 256 }],
    ["the user's", { mode: "embedding", ubatchSize: 64 }, false, { batchSize: 64, ubatchSize: 64 }],
    ["the user's logical one", { mode: "embedding", batchSize: 100 }, false, { batchSize: 100, ubatchSize: 100 }],
  ];
  for (const [what, settings, splits, expected] of cases) {
    it(what, () => assert.deepEqual(batchesOf({ ...auto, ...settings }, splits), expected));
  }

  const pooled = [
    ["synthetic-qwen3-last", {}, true],
    ["synthetic-qwen3-last", { pooling: "mean" }, false],
    ["synthetic-qwen3-last", { mode: "rerank" }, true],
    ["synthetic-llama-mean", { mode: "rerank" }, false],
    ["synthetic-bert", { pooling: "last" }, false],
    ["gemma3-270m", {}, false],
    ["gemma3-270m", { mode: "chat" }, true],
  ] as const;
  for (const [model, settings, splits] of pooled) {
    it(`${splits ? "splits" : "does not split"} inputs: ${model} ${JSON.stringify(settings)}`, async () => {
      assert.equal(canSplitInputs(await headerFor(model), { ...auto, mode: "embedding", ...settings }), splits);
    });
  }
});

describe("estimate, where an input may be longer than its batch", () => {
  it("says from which length on it is answered with an error", async () => {
    const settings = { ...SETTINGS, mode: "embedding", contextSize: 2048 } as const;
    const gemma = await gemmaHeader();
    const [short, whole] = [512, 2048].map((ubatchSize) => estimate(gemma, { ...settings, ubatchSize }));
    assert.ok(short?.ok && whole?.ok);
    assert.match(short.value.notes.join(), /more than 512 tokens is answered with an error.* a slot holds 2048/);
    assert.doesNotMatch(whole.value.notes.join(), /answered with an error/);
  });
});
