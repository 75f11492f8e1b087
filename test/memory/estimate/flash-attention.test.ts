import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import type { EstimateSettings, KnownEstimate } from "../../../memory/estimate/types.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf, readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

function known(header: GgufHeader, settings: Partial<EstimateSettings>): KnownEstimate {
  const answer = estimate(header, { ...SETTINGS, ...settings });
  assert.ok(answer.ok, JSON.stringify(answer));
  if (answer.value.confidence === "unknown") throw new Error(answer.value.notes.join());
  return answer.value;
}

describe("estimate where Metal has no flash attention", () => {
  const headers = new Map<string, GgufHeader>();
  before(async () => {
    const folder = await temporaryDirectory();
    for (const model of ["llama3.1-8b", "deepseek-v2-lite-mla", "qwen3.5-27b"]) {
      headers.set(model, await headerOf(await writeSynthetic(readTruth(), model, folder)));
    }
  });

  function header(model: string): GgufHeader {
    const found = headers.get(model);
    assert.ok(found, model);
    return found;
  }

  function withHeads(keys: Readonly<Record<string, number>>): GgufHeader {
    const plain = header("llama3.1-8b");
    const own = Object.entries(keys).map(([key, value]) => [`llama.attention.${key}`, value] as const);
    return { ...plain, metadata: new Map([...plain.metadata, ...own]) };
  }

  for (const [settings, why] of [
    [{ cacheTypeK: "q8_0", cacheTypeV: "q4_0" }, /no flash attention for a K cache in q8_0 with a V cache in q4_0:/],
    [
      { cacheTypeK: "iq4_nl", cacheTypeV: "iq4_nl" },
      /no flash attention for a K cache in iq4_nl: .*; the GPU computes it with one type for both caches, such as q8_0/,
    ],
    [{ cacheTypeK: "f16", cacheTypeV: "bf16" }, /a K cache in f16 with a V cache in bf16/],
  ] as const) {
    it(`bounds the CPU's attention for ${settings.cacheTypeK} and ${settings.cacheTypeV}, and says so`, () => {
      const found = known(header("llama3.1-8b"), settings);
      assert.ok((found.parts["attentionHost"] ?? 0) > 0);
      assert.equal(found.confidence, "bounded");
      assert.match(found.notes.join(), why);
    });
  }

  for (const settings of [
    ...(["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"] as const).map((type) => ({
      cacheTypeK: type,
      cacheTypeV: type,
    })),
    { cacheTypeK: "q8_0", cacheTypeV: "q4_0", backend: "cpu" },
    { cacheTypeK: "q8_0", cacheTypeV: "f16", flashAttention: false },
  ] as const) {
    it(`counts nothing more for ${JSON.stringify(settings)}`, () => {
      const found = known(header("llama3.1-8b"), settings);
      assert.equal(found.parts["attentionHost"], undefined);
      assert.equal(found.confidence, "exact");
    });
  }

  it("asks for one type only where values have a cache of their own", () => {
    const settings = { cacheTypeK: "f16", cacheTypeV: "q8_0" } as const;
    assert.equal(known(header("deepseek-v2-lite-mla"), settings).parts["attentionHost"], undefined);
  });

  for (const [keys, why] of [
    [{ key_length: 160, value_length: 160 }, /heads of width 160/],
    [{ key_length: 96, value_length: 128 }, /values of width 128 beside keys of width 96/],
    [
      { key_length: 72, value_length: 64 },
      /values of width 64 beside keys of width 72: .*; no cache type changes that/,
    ],
  ] as const) {
    it(`bounds it for ${JSON.stringify(keys)}`, () => {
      const found = known(withHeads(keys), {});
      assert.ok((found.parts["attentionHost"] ?? 0) > 0);
      assert.match(found.notes.join(), why);
    });
  }

  // docs/background/llama-memory.md, "On Metal": the one public case, a Qwen with 8 attention layers of 2 or 4 KV heads at 256k.
  it("is above the 388 MiB more that one log showed for K q5_1 and V q8_0", () => {
    const plain = header("qwen3.5-27b");
    const small = [
      ["qwen35.embedding_length", 4096],
      ["qwen35.attention.head_count", 16],
      ["qwen35.attention.head_count_kv", 2],
    ] as const;
    const found = known(
      { ...plain, metadata: new Map([...plain.metadata, ...small]) },
      { contextSize: 262_144, cacheTypeK: "q5_1", cacheTypeV: "q8_0" },
    );
    assert.equal(Math.round(found.computeBytes.host / MiB), 272);
    assert.ok((found.parts["attentionHost"] ?? 0) >= 388 * MiB, `${(found.parts["attentionHost"] ?? 0) / MiB}`);
  });
});
