import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import type { GgufHeader } from "../../../gguf/header.ts";
import { readHeader } from "../../../gguf/read.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { CACHE_TYPES, type EstimateSettings, type KnownEstimate } from "../../../memory/estimate/types.ts";
import { type WriterValue, writeGguf } from "../../support/gguf-writer.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf, readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const LLAMA: Readonly<Record<string, WriterValue>> = {
  "general.architecture": "llama",
  "llama.block_count": 2,
  "llama.embedding_length": 64,
  "llama.feed_forward_length": 128,
  "llama.attention.head_count": 4,
  "llama.attention.head_count_kv": 2,
};

let folder = "";

async function header(metadata: Readonly<Record<string, WriterValue>>): Promise<GgufHeader> {
  const path = join(folder, "model.gguf");
  await writeFile(path, writeGguf({ metadata }));
  const read = await readHeader(path);
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

function known(model: GgufHeader, settings: EstimateSettings): KnownEstimate {
  const answer = estimate(model, settings);
  assert.ok(answer.ok, JSON.stringify(answer));
  if (answer.value.confidence === "unknown") throw new Error(answer.value.notes.join());
  return answer.value;
}

describe("estimate", () => {
  before(async () => {
    folder = await temporaryDirectory();
  });

  it("adds its parts up to the total", async () => {
    const found = known(await header(LLAMA), SETTINGS);
    assert.equal(
      found.totalBytes,
      Object.values(found.parts).reduce((sum, bytes) => sum + bytes, 0),
    );
    assert.equal(found.contextBytes.kv, 2 * 4096 * (2 * 16 + 2 * 16) * 2);
  });

  it("LLMKube trap T11: counts heads of keys and values, which several heads of queries share, not all heads", async () => {
    const truth = readTruth();
    const header = await headerOf(await writeSynthetic(truth, "llama3.1-8b", await temporaryDirectory()));
    const answer = estimate(header, { ...SETTINGS, contextSize: 8192 });
    assert.ok(answer.ok && answer.value.confidence !== "unknown");
    // 32 layers, 8 of 32 heads of 128, K and V, 2 bytes each: a quarter of what all heads would take.
    assert.equal(answer.value.contextBytes.kv, 32 * 8 * 128 * 2 * 2 * 8192);
  });

  it("never multiplies the cache by explicit slots (LLMKube trap T13)", async () => {
    const model = await header(LLAMA);
    assert.equal(known(model, { ...SETTINGS, parallel: 4 }).contextBytes.kv, known(model, SETTINGS).contextBytes.kv);
  });

  it("gives each slot its own padded cells: -c 10000 -np 3 is 3 x 3584", async () => {
    const found = known(await header(LLAMA), { ...SETTINGS, contextSize: 10_000, parallel: 3 });
    assert.equal(found.contextBytes.kv, 2 * (3 * 3584) * 128);
  });

  it("pads V rows to the widest layer without flash attention", async () => {
    const uneven = await header({ ...LLAMA, "llama.attention.head_count_kv": [1, 4] });
    const on = known(uneven, SETTINGS).contextBytes.kv;
    const off = known(uneven, { ...SETTINGS, flashAttention: false }).contextBytes.kv;
    assert.equal(off - on, 4096 * 3 * 16 * 2);
  });

  it("says that a context is longer than the model was trained for", async () => {
    const found = known(await header({ ...LLAMA, "llama.context_length": 2048 }), SETTINGS);
    assert.match(found.notes.join(), /context of 4096 tokens is longer than the 2048/);
  });

  it("is unknown for an architecture without a rule", async () => {
    const answer = estimate(
      await header({ ...LLAMA, "general.architecture": "novel", "novel.block_count": 2, "novel.embedding_length": 64 }),
      SETTINGS,
    );
    assert.ok(answer.ok);
    assert.equal(answer.value.confidence, "unknown");
    assert.deepEqual(answer.value.notes, ['there is no rule yet for architecture "novel"']);
  });

  const contradictions: ReadonlyArray<
    readonly [name: string, keys: Readonly<Record<string, WriterValue>>, message: RegExp]
  > = [
    [
      "no layers",
      { "llama.block_count": 0 },
      /"llama\.block_count" holds 0: a whole number from 1 to 4096 is expected/,
    ],
    [
      "a huge head",
      { "llama.attention.key_length": { type: "u64", value: 2n ** 40n } },
      /"llama\.attention\.key_length" holds 1099511627776: a whole number/,
    ],
    [
      "heads per layer, one short",
      { "llama.attention.head_count_kv": [2] },
      /"llama\.attention\.head_count_kv" holds 1 numbers: 2, one for each layer/,
    ],
    ["a negative window", { "llama.attention.sliding_window": -1 }, /"llama\.attention\.sliding_window" holds -1/],
    [
      "no heads for its keys",
      { "llama.attention.head_count": 0 },
      /"llama\.attention\.head_count" holds 0 in layer 0, where attention\.head_count_kv holds 2: at least 2 is expected/,
    ],
    [
      "heads per layer, one too many",
      { "llama.attention.head_count_kv": [2, 2, 2] },
      /holds 3 numbers: 2, one for each layer/,
    ],
    [
      "a rope base that is no number",
      { "llama.rope.freq_base": { type: "f32", value: Number.NaN } },
      /"llama\.rope\.freq_base" holds NaN: a number of at least 0/,
    ],
    [
      "an endless rope factor",
      { "llama.rope.scaling.factor": { type: "f32", value: Number.POSITIVE_INFINITY } },
      /"llama\.rope\.scaling\.factor" holds Infinity/,
    ],
    ["a negative rope scale", { "llama.rope.scale_linear": -0.5 }, /"llama\.rope\.scale_linear" holds -0\.5/],
    [
      "more experts used than there are",
      { "llama.expert_count": 4, "llama.expert_used_count": 8 },
      /"llama\.expert_used_count" holds 8: a whole number from 0 to 4/,
    ],
    [
      "half of the MLA keys",
      { "llama.attention.key_length_mla": 192 },
      /"llama\.attention\.value_length_mla" is missing: it is expected beside attention\.key_length_mla/,
    ],
    [
      "more shared caches than layers",
      { "llama.attention.shared_kv_layers": 2 },
      /"llama\.attention\.shared_kv_layers" holds 2: a whole number from 0 to 1/,
    ],
    [
      "a number for recurrent flags",
      { "llama.attention.recurrent_layers": 3 },
      /"llama\.attention\.recurrent_layers" holds 3: a flag, or one for each layer, is expected/,
    ],
    ["a text for a number", { "llama.embedding_length": "64" }, /"llama\.embedding_length" holds 64: a whole number/],
    ["a fraction of a head", { "llama.attention.head_count": 0.5 }, /"llama\.attention\.head_count" holds 0\.5/],
  ];
  for (const [name, keys, message] of contradictions) {
    it(`refuses a header with ${name}`, async () => {
      const answer = estimate(await header({ ...LLAMA, ...keys }), SETTINGS);
      assert.ok(!answer.ok, JSON.stringify(answer));
      assert.match(answer.error, message);
    });
  }

  it("is unknown without attention heads", async () => {
    const { "llama.attention.head_count": _, "llama.attention.head_count_kv": __, ...headless } = LLAMA;
    const answer = estimate(await header(headless), SETTINGS);
    assert.ok(answer.ok && answer.value.confidence === "unknown", JSON.stringify(answer));
    assert.deepEqual(answer.value.notes, ["the header does not say how many attention heads there are"]);
  });

  const refused: ReadonlyArray<readonly [change: Partial<EstimateSettings>, message: RegExp]> = [
    [{ contextSize: 0 }, /context size is 0; it must be a whole number from 1 to 2\^31/],
    [{ contextSize: 2 ** 32 }, /context size is 4294967296/],
    [{ parallel: 0 }, /number of slots is 0/],
    [{ ubatchSize: Number.NaN }, /physical batch size is NaN; it must be a whole number/],
    [{ flashAttention: false, cacheTypeV: "q8_0" }, /V cache in q8_0 needs flash attention/],
  ];
  for (const [change, message] of refused) {
    it(`refuses ${JSON.stringify(change)}`, async () => {
      const answer = estimate(await header(LLAMA), { ...SETTINGS, ...change });
      assert.ok(!answer.ok);
      assert.match(answer.error, message);
    });
  }

  it("refuses a quantized cache whose rows are no whole blocks, as llama.cpp does", async () => {
    const odd = await header({ ...LLAMA, "llama.attention.key_length": 20 });
    const answer = estimate(odd, { ...SETTINGS, cacheTypeK: "q8_0" });
    assert.ok(!answer.ok);
    assert.match(
      answer.error,
      /a row of the K cache has 40 elements, which is not a multiple of the 32 that q8_0 needs/,
    );
  });

  it("refuses a context whose cache cannot be counted", async () => {
    const wide = await header({ ...LLAMA, "llama.block_count": 4096, "llama.attention.key_length": 2 ** 20 });
    const answer = estimate(wide, { ...SETTINGS, contextSize: 2 ** 31 });
    assert.ok(!answer.ok);
    assert.match(answer.error, /needs more bytes than can be counted/);
  });
});

describe("estimate, over every measured model", () => {
  const models: GgufHeader[] = [];
  before(async () => {
    const truth = readTruth();
    const folder = await temporaryDirectory();
    for (const model of Object.keys(truth)) models.push(await headerOf(await writeSynthetic(truth, model, folder)));
  });

  const settings: fc.Arbitrary<EstimateSettings> = fc.record({
    contextSize: fc.integer({ min: 1, max: 2 ** 21 }),
    parallel: fc.oneof(fc.constant("auto" as const), fc.integer({ min: 1, max: 64 })),
    cacheTypeK: fc.constantFrom(...CACHE_TYPES),
    cacheTypeV: fc.constantFrom(...CACHE_TYPES),
    flashAttention: fc.constant(true),
    batchSize: fc.integer({ min: 1, max: 16384 }),
    ubatchSize: fc.integer({ min: 1, max: 16384 }),
    backend: fc.constantFrom("metal" as const, "cpu" as const),
  });

  it("never falls when the context grows, and every part is a whole number from 0", () => {
    fc.assert(
      fc.property(fc.nat(), settings, fc.integer({ min: 0, max: 2 ** 20 }), (pick, base, more) => {
        const model = models[pick % models.length];
        assert.ok(model);
        const small = known(model, base);
        const large = known(model, { ...base, contextSize: base.contextSize + more });
        assert.ok(large.totalBytes >= small.totalBytes);
        for (const bytes of Object.values(small.parts)) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0);
      }),
    );
  });

  it("never falls when the cache types grow wider", () => {
    const byWidth = ["q4_0", "q5_0", "q8_0"] as const;
    fc.assert(
      fc.property(fc.nat(), settings, (pick, base) => {
        const model = models[pick % models.length];
        assert.ok(model);
        const sizes = byWidth.map(
          (type) => known(model, { ...base, cacheTypeK: type, cacheTypeV: type }).contextBytes.kv,
        );
        assert.deepEqual(
          sizes,
          sizes.toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
