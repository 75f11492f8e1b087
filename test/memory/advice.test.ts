import assert from "node:assert/strict";
import { adviceText, advise } from "../../memory/advice.ts";
import { estimate } from "../../memory/estimate/estimate.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import type { GgufHeader } from "../../memory/gguf/header.ts";
import { headerOf, makeTwin, readTruth } from "../support/twins.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const GiB = 2 ** 30;
const SETTINGS: EstimateSettings = {
  contextSize: 131_072,
  parallel: 1,
  cacheTypeK: "f16",
  cacheTypeV: "f16",
  flashAttention: true,
  batchSize: 2048,
  ubatchSize: 512,
  backend: "metal",
};

function need(header: GgufHeader, settings: EstimateSettings): number {
  const answer = estimate(header, settings);
  if (!answer.ok || answer.value.confidence === "unknown") throw new Error(JSON.stringify(answer));
  return answer.value.totalBytes;
}

describe("advise", () => {
  let llama: GgufHeader;
  before(async () => {
    llama = await headerOf(await makeTwin(readTruth(), "llama3.1-8b", await temporaryDirectory()));
  });

  for (const gib of [5, 8, 12, 20]) {
    it(`finds the largest context under ${gib} GiB: one step more would not fit`, () => {
      const { maxContextSize = 0, quantizedCacheContextSize = 0 } = advise(llama, SETTINGS, gib * GiB);
      assert.ok(need(llama, { ...SETTINGS, contextSize: maxContextSize }) <= gib * GiB);
      assert.ok(need(llama, { ...SETTINGS, contextSize: maxContextSize + 256 }) > gib * GiB);
      assert.ok(quantizedCacheContextSize > maxContextSize);
    });
  }

  it("stops at the training length", () => {
    assert.equal(advise(llama, SETTINGS, 512 * GiB).maxContextSize, 131_072);
  });

  it("has no context where the weights alone are too large, and says which budget is needed", () => {
    const advice = advise(llama, SETTINGS, GiB);
    assert.equal(advice.maxContextSize, undefined);
    const needed = Math.ceil(need(llama, SETTINGS) / 2 ** 20);
    assert.match(
      adviceText(advice, SETTINGS),
      new RegExp(`^What would fit: no context at all under this budget; a budget of at least ${needed}Mi`),
    );
  });

  it("names context, quantized cache and budget in one sentence", () => {
    const advice = advise(llama, SETTINGS, 12 * GiB);
    const text = adviceText(advice, SETTINGS);
    assert.equal(
      text.replaceAll(/\d+/g, "N"),
      "What would fit: a context of N tokens, or a context of N tokens with the cache in qN_N, or a budget of at least NMi (N.N GiB) as asked.",
    );
    assert.ok(text.includes(`${advice.maxContextSize} tokens,`));
  });

  it("does not offer a quantized cache without flash attention", () => {
    assert.equal(advise(llama, { ...SETTINGS, flashAttention: false }, 12 * GiB).quantizedCacheContextSize, undefined);
  });
});
