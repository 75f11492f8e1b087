import assert from "node:assert/strict";
import { GiB } from "../../api/bytes.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { advise } from "../../memory/advice.ts";
import { adviceText } from "../../memory/advice-text.ts";
import { estimate } from "../../memory/estimate/estimate.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { SETTINGS } from "../support/settings.ts";
import { headerOf, readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const LONG: EstimateSettings = { ...SETTINGS, contextSize: 131_072 };

function need(header: GgufHeader, settings: EstimateSettings): number {
  const answer = estimate(header, settings);
  if (!answer.ok || answer.value.confidence === "unknown") throw new Error(JSON.stringify(answer));
  return answer.value.totalBytes;
}

describe("advise", () => {
  let llama: GgufHeader;
  before(async () => {
    llama = await headerOf(await writeSynthetic(readTruth(), "llama3.1-8b", await temporaryDirectory()));
  });

  for (const gib of [5, 8, 12, 20]) {
    it(`finds the largest context under ${gib} GiB: one step more would not fit`, () => {
      const { maxContextSize = 0, quantizedCacheContextSize = 0 } = advise({ header: llama }, LONG, gib * GiB);
      assert.ok(need(llama, { ...LONG, contextSize: maxContextSize }) <= gib * GiB);
      assert.ok(need(llama, { ...LONG, contextSize: maxContextSize + 256 }) > gib * GiB);
      assert.ok(quantizedCacheContextSize > maxContextSize);
    });
  }

  it("stops at the training length", () => {
    assert.equal(advise({ header: llama }, LONG, 512 * GiB).maxContextSize, 131_072);
  });

  it("has no context where the weights alone are too large, and says which budget is needed", () => {
    const advice = advise({ header: llama }, LONG, GiB);
    assert.equal(advice.maxContextSize, undefined);
    const needed = Math.ceil(need(llama, LONG) / 2 ** 20);
    assert.match(
      adviceText(advice, LONG),
      new RegExp(`^No context fits this budget\\. What would fit: a budget of at least ${needed}Mi`),
    );
  });

  it("names context, quantized cache and budget in one sentence", () => {
    const advice = advise({ header: llama }, LONG, 12 * GiB);
    const text = adviceText(advice, LONG);
    assert.equal(
      text.replaceAll(/\d+/g, "N"),
      "What would fit: a context of N tokens, or a context of N tokens with a KV cache in qN_N, or these settings with a budget of at least NMi (N.N GiB). By default these settings fit a Mac with N GiB of memory. A smaller quantization of the model needs less.",
    );
    assert.ok(text.includes(`${advice.maxContextSize} tokens,`));
  });

  it("does not offer a quantized cache without flash attention", () => {
    assert.equal(
      advise({ header: llama }, { ...LONG, flashAttention: false }, 12 * GiB).quantizedCacheContextSize,
      undefined,
    );
  });

  it("searches each cache type: the narrower, the longer", () => {
    const { contextSizes } = advise({ header: llama }, LONG, 8 * GiB);
    for (const type of ["f16", "q8_0", "q4_0"] as const) {
      const at = { ...LONG, cacheTypeK: type, cacheTypeV: type, contextSize: contextSizes[type] ?? 0 };
      assert.ok(need(llama, at) <= 8 * GiB, type);
      assert.ok(need(llama, { ...at, contextSize: at.contextSize + 256 }) > 8 * GiB, type);
    }
    const { f16 = 0, q8_0 = 0, q4_0 = 0 } = contextSizes;
    assert.ok(f16 < q8_0 && q8_0 < q4_0);
  });

  it("shortens the context before it changes anything else", () => {
    const { fewestChanges, maxContextSize } = advise({ header: llama }, LONG, 12 * GiB);
    assert.deepEqual(fewestChanges, { ...LONG, contextSize: maxContextSize });
  });

  it("quantizes the cache where the shortest context does not fit, and then lowers the slots", () => {
    const least = { ...LONG, contextSize: 256, parallel: 64 };
    const narrow: EstimateSettings = { ...least, cacheTypeK: "q8_0", cacheTypeV: "q8_0" };
    const quantized = advise({ header: llama }, least, need(llama, narrow));
    assert.deepEqual(quantized.fewestChanges, narrow);
    const tight = need(llama, narrow) - 1;
    const { fewestChanges } = advise({ header: llama }, least, tight);
    assert.ok(fewestChanges !== undefined && Number(fewestChanges.parallel) < 64);
    assert.equal(fewestChanges.cacheTypeK, "f16");
    assert.ok(need(llama, fewestChanges) <= tight);
    assert.match(
      adviceText(advise({ header: llama }, least, tight), least),
      /^What would fit: a context of 256 tokens with \d+ slots?, or/,
    );
  });

  it("gives up the prompt cache where nothing less does", () => {
    const asked = { ...LONG, contextSize: 256, flashAttention: false, cacheRamMiB: 8192 };
    const without = { ...asked, cacheRamMiB: 0 };
    const advice = advise({ header: llama }, asked, need(llama, without));
    assert.deepEqual(advice.fewestChanges, without);
    assert.match(adviceText(advice, asked), /^What would fit: a context of 256 tokens without the prompt cache, or/);
  });

  it("says how much of the prompt cache has room", () => {
    const asked = { ...LONG, cacheRamMiB: 8192 };
    const advice = advise({ header: llama }, asked, need(llama, { ...asked, cacheRamMiB: 100 }));
    assert.equal(advice.promptCacheMiB, 100);
    assert.match(
      adviceText(advice, asked),
      /^What would fit: these settings without the prompt cache, or with one of up to 100Mi \(auto takes what is left\), or /,
    );
    for (const fitting of [asked, { ...asked, cacheRamMiB: 0 }]) {
      assert.equal(advise({ header: llama }, fitting, need(llama, fitting)).promptCacheMiB, undefined);
    }
  });

  it("makes two changes where no single one does, and never more than are needed", () => {
    const asked = { ...LONG, contextSize: 1024, parallel: 8, cacheRamMiB: 2048 };
    const narrow = { cacheTypeK: "q8_0", cacheTypeV: "q8_0" } as const;
    const cases: readonly (readonly [smallest: EstimateSettings, changed: Partial<EstimateSettings>])[] = [
      [
        { ...asked, cacheRamMiB: 0, contextSize: 512 },
        { contextSize: 512, cacheRamMiB: 0 },
      ],
      [
        { ...asked, ...narrow, cacheRamMiB: 0, contextSize: 256 },
        { contextSize: 256, ...narrow, cacheRamMiB: 0 },
      ],
      [
        { ...asked, ...narrow, cacheRamMiB: 0, contextSize: 256, parallel: 1 },
        { contextSize: 256, ...narrow, cacheRamMiB: 0, parallel: 1 },
      ],
    ];
    for (const [smallest, changed] of cases) {
      const { fewestChanges } = advise({ header: llama }, asked, need(llama, smallest));
      assert.ok(fewestChanges !== undefined && need(llama, fewestChanges) <= need(llama, smallest));
      const keys = (settings: object) => Object.keys(settings).filter((key) => !key.startsWith("cacheType")).length;
      const differing = Object.entries(fewestChanges).filter(([key, value]) => Reflect.get(asked, key) !== value);
      assert.ok(keys(Object.fromEntries(differing)) <= keys(changed), JSON.stringify(fewestChanges));
    }
  });

  it("counts what the model is served with", () => {
    const alone = advise({ header: llama }, LONG, 12 * GiB);
    const drafting = advise({ header: llama, draft: llama }, LONG, 12 * GiB);
    assert.ok((drafting.neededBytes ?? 0) > 1.9 * (alone.neededBytes ?? 0));
    assert.ok((drafting.maxContextSize ?? 0) < (alone.maxContextSize ?? 0) / 2);
  });

  it("changes nothing that fits", () => {
    assert.equal(advise({ header: llama }, LONG, 64 * GiB).fewestChanges, undefined);
  });

  it("names the smallest Mac whose default budget holds it", () => {
    const { smallestMacBytes = 0, neededBytes = 0 } = advise({ header: llama }, LONG, GiB);
    assert.equal(smallestMacBytes, 32 * GiB);
    assert.ok(neededBytes <= 0.67 * 32 * GiB && neededBytes > 0.67 * 24 * GiB);
  });

  it("does not name a Mac with 8 GiB for what would leave macOS less than 4 GiB of it", () => {
    const { smallestMacBytes = 0, neededBytes = 0 } = advise({ header: llama }, { ...LONG, contextSize: 512 }, GiB);
    assert.ok(neededBytes > 4 * GiB && neededBytes <= 0.67 * 8 * GiB, String(neededBytes));
    assert.equal(smallestMacBytes, 16 * GiB);
  });
});
