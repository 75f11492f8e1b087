import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FAMILIES } from "../../../memory/estimate/families/table.ts";
import { SETTINGS } from "../../support/settings.ts";
import { estimatedSmall, FULL, type Keys, TOKEN, WINDOW } from "../../support/small-models.ts";

const SLID = 1024;
const SSM: Keys = { "ssm.conv_kernel": 4, "ssm.inner_size": 256, "ssm.state_size": 16, "ssm.group_count": 2 };
/** (4 - 1)(256 + 2 x 2 x 16) + 16 x 256 floats = (960 + 4096) x 4 bytes. */
const SSM_STATE = 20_224;
const MLA: Keys = {
  "attention.key_length": 96,
  "attention.value_length": 64,
  "attention.key_length_mla": 48,
  "attention.value_length_mla": 32,
  "attention.head_count_kv": 1,
};

interface Row {
  readonly architecture: string;
  readonly what?: string;
  readonly layers: number;
  readonly keys?: Keys;
  readonly kv: number;
  readonly recurrent?: number;
}

const ROWS: readonly Row[] = [
  ...[
    "falcon",
    "mpt",
    "bloom",
    "gptneox",
    "starcoder",
    "minicpm3",
    "command-r",
    "glm4moe",
    "grok",
    "seed_oss",
    "t5",
  ].map((architecture) => ({ architecture, layers: 3, kv: 3 * FULL * TOKEN })),
  { architecture: "llama", what: "the window is ignored", layers: 2, keys: WINDOW, kv: 2 * FULL * TOKEN },
  { architecture: "gemma3", layers: 6, keys: WINDOW, kv: (5 * SLID + FULL) * TOKEN },
  { architecture: "gemma3n", what: "20 cached layers", layers: 25, keys: WINDOW, kv: (16 * SLID + 4 * FULL) * TOKEN },
  // The chunk is always 8192: 4096 cells hold it.
  { architecture: "llama4", what: "chunked", layers: 4, kv: 4 * FULL * TOKEN },
  {
    architecture: "llama4",
    what: "window 0",
    layers: 4,
    keys: { "attention.sliding_window": 0 },
    kv: 4 * FULL * TOKEN,
  },
  ...["cohere2", "olmo2", "exaone4", "exaone-moe", "afmoe", "mellum"].map((architecture) => ({
    architecture,
    what: "the 4th and 8th are full",
    layers: 9,
    keys: WINDOW,
    kv: (7 * SLID + 2 * FULL) * TOKEN,
  })),
  ...["cohere2moe", "smallthinker", "laguna"].map((architecture) => ({
    architecture,
    what: "the 1st, 5th and 9th are full",
    layers: 9,
    keys: WINDOW,
    kv: (6 * SLID + 3 * FULL) * TOKEN,
  })),
  { architecture: "laguna", what: "without a window", layers: 9, kv: 9 * FULL * TOKEN },
  { architecture: "plamo3", layers: 9, keys: WINDOW, kv: (8 * SLID + FULL) * TOKEN },
  ...["mimo2", "step35", "granite_swa"].map((architecture) => ({
    architecture,
    what: "by its flags",
    layers: 3,
    keys: { ...WINDOW, "attention.sliding_window_pattern": [true, false, true] },
    kv: (2 * SLID + FULL) * TOKEN,
  })),
  {
    architecture: "gemma4",
    what: "the last 2 layers own none, sliding heads are half as long",
    layers: 5,
    keys: {
      ...WINDOW,
      "attention.sliding_window_pattern": [true, true, false, true, false],
      "attention.shared_kv_layers": 2,
      "attention.key_length": 64,
      "attention.value_length": 64,
      "attention.key_length_swa": 32,
      "attention.value_length_swa": 32,
    },
    kv: 2 * SLID * 256 + FULL * 512,
  },
  ...["granite_swa", "spark2_5", "maple", "muse-glimmer", "olmo2"].map((architecture) => ({
    architecture,
    what: "fewer flags than layers: the rest has full attention",
    layers: 5,
    keys: { ...WINDOW, "attention.sliding_window_pattern": [true, true, false] },
    kv: (2 * SLID + 3 * FULL) * TOKEN,
  })),
  {
    architecture: "muse-glimmer",
    what: "the 4th and 8th are full",
    layers: 9,
    keys: WINDOW,
    kv: (7 * SLID + 2 * FULL) * TOKEN,
  },
  {
    architecture: "nanbeige",
    what: "each pass has its caches",
    layers: 3,
    keys: { num_loops: 2, "attention.head_count_kv": [2, 0, 2] },
    kv: 4 * FULL * TOKEN,
  },
  {
    architecture: "maple",
    what: "a key of one number for each layer",
    layers: 2,
    keys: {
      ...WINDOW,
      "attention.sliding_window_pattern": [true, false],
      expert_count: 4,
      expert_used_count: [1, 2],
      expert_feed_forward_length: [64, 32],
      swiglu_clamp_exp: [7, 7],
    },
    kv: (SLID + FULL) * TOKEN,
  },
  {
    architecture: "glm4moe",
    what: "of prediction layers only, which are then what is cached",
    layers: 2,
    keys: { nextn_predict_layers: 2 },
    kv: 2 * FULL * TOKEN,
  },
  {
    architecture: "qwen35",
    what: "one flag for all layers",
    layers: 2,
    keys: { ...SSM, "attention.recurrent_layers": false },
    kv: 2 * FULL * TOKEN,
  },
  {
    architecture: "deci",
    what: "a layer without attention",
    layers: 3,
    keys: { "attention.head_count_kv": [2, 0, 2] },
    kv: 2 * FULL * TOKEN,
  },
  {
    architecture: "glm4moe",
    what: "without its prediction layer",
    layers: 3,
    keys: { nextn_predict_layers: 1 },
    kv: 2 * FULL * TOKEN,
  },
  {
    architecture: "step35",
    what: "flags of all but its prediction layer",
    layers: 4,
    keys: { ...WINDOW, nextn_predict_layers: 1, "attention.sliding_window_pattern": [true, false, true] },
    kv: (2 * SLID + FULL) * TOKEN,
  },
  {
    architecture: "llama",
    what: "prediction and shared layers are no keys of its",
    layers: 3,
    keys: { nextn_predict_layers: 2, "attention.shared_kv_layers": 2 },
    kv: 3 * FULL * TOKEN,
  },
  // One K of 96 elements.
  { architecture: "deepseek2", layers: 2, keys: MLA, kv: 2 * FULL * 96 * 2 },
  { architecture: "mistral4", layers: 2, keys: MLA, kv: 2 * FULL * 96 * 2 },
  ...["deepseek32", "glm-dsa"].map((architecture) => ({
    architecture,
    what: "with the indexer's 32 elements",
    layers: 2,
    keys: { ...MLA, "attention.indexer.key_length": 32, "attention.indexer.head_count": 8 },
    kv: 2 * FULL * (96 + 32) * 2,
  })),
  ...["mamba", "mamba2"].map((architecture) => ({
    architecture,
    layers: 3,
    keys: SSM,
    kv: 0,
    recurrent: 3 * SSM_STATE,
  })),
  ...["jamba", "granitehybrid", "plamo2"].map((architecture) => ({
    architecture,
    layers: 3,
    keys: { ...SSM, "attention.head_count_kv": [0, 2, 0] },
    kv: FULL * TOKEN,
    recurrent: 2 * SSM_STATE,
  })),
  ...["nemotron_h", "nemotron_h_moe"].map((architecture) => ({
    architecture,
    what: "a state, attention, a feed-forward layer",
    layers: 3,
    keys: { ...SSM, "attention.head_count_kv": [0, 2, 0], feed_forward_length: [0, 0, 256] },
    kv: FULL * TOKEN,
    recurrent: SSM_STATE,
  })),
  { architecture: "falcon-h1", layers: 2, keys: SSM, kv: 2 * FULL * TOKEN, recurrent: 2 * SSM_STATE },
  ...["qwen3next", "qwen35", "qwen35moe"].flatMap((architecture) => [
    { architecture, what: "every 4th attends", layers: 5, keys: SSM, kv: FULL * TOKEN, recurrent: 4 * SSM_STATE },
    {
      architecture,
      what: "by its flags",
      layers: 3,
      keys: { ...SSM, "attention.recurrent_layers": [true, false, false] },
      kv: 2 * FULL * TOKEN,
      recurrent: SSM_STATE,
    },
  ]),
  // 128 x (3 - 1) floats a layer.
  ...["lfm2", "lfm2moe"].flatMap((architecture) => [
    {
      architecture,
      layers: 3,
      keys: { "shortconv.l_cache": 3, "attention.head_count_kv": [0, 2, 0] },
      kv: FULL * TOKEN,
      recurrent: 2 * 1024,
    },
    {
      architecture,
      what: "with a window",
      layers: 3,
      keys: { ...WINDOW, "shortconv.l_cache": 3, "attention.head_count_kv": [0, 2, 0] },
      kv: SLID * TOKEN,
      recurrent: 2 * 1024,
    },
  ]),
  // Token shift 2 x 128 floats (1 x 128 where the file says so), and 128 x 64.
  ...["rwkv6", "rwkv7"].map((architecture) => ({
    architecture,
    layers: 2,
    keys: { "wkv.head_size": 64, "attention.head_count": 0, "attention.head_count_kv": 0 },
    kv: 0,
    recurrent: 2 * (256 + 8192) * 4,
  })),
  ...["rwkv6qwen2", "arwkv7"].map((architecture) => ({
    architecture,
    layers: 2,
    keys: { "wkv.head_size": 64, token_shift_count: 1, "attention.head_count": 0, "attention.head_count_kv": 0 },
    kv: 0,
    recurrent: 2 * (128 + 8192) * 4,
  })),
  // q, k and v convolutions 3 x (4 - 1) x 4 heads x 32, and 32 x 32 x 4 heads.
  {
    architecture: "kimi-linear",
    layers: 4,
    keys: { ...MLA, "ssm.conv_kernel": 4, "kda.head_dim": 32, "attention.head_count_kv": [0, 0, 0, 1] },
    kv: FULL * 96 * 2,
    recurrent: 3 * (1152 + 4096) * 4,
  },
  ...[
    "bert",
    "nomic-bert",
    "nomic-bert-moe",
    "jina-bert-v2",
    "jina-bert-v3",
    "neo-bert",
    "eurobert",
    "llada",
    "dream",
  ].map((architecture) => ({ architecture, layers: 3, kv: 0 })),
  ...["modern-bert", "gemma-embedding"].map((architecture) => ({ architecture, layers: 3, keys: WINDOW, kv: 0 })),
];

describe("families", () => {
  for (const { architecture, what, layers, keys = {}, kv, recurrent = 0 } of ROWS) {
    it(`${architecture}${what === undefined ? "" : `: ${what}`}`, async () => {
      const found = await estimatedSmall(architecture, layers, keys);
      assert.notEqual(found.confidence, "unknown", found.notes.join());
      if (found.confidence === "unknown") return;
      assert.deepEqual(found.contextBytes, { kv, recurrent });
      assert.equal(
        found.totalBytes,
        Object.values(found.parts).reduce((sum, bytes) => sum + bytes, 0),
      );
      const { measured, sameAsLlama } = FAMILIES[architecture] ?? {};
      assert.equal(found.confidence, measured || sameAsLlama ? "exact" : "bounded");
    });
  }

  it("are exact on the backend that measurements reached", async () => {
    const confidence = async (architecture: string, backend: "cpu" | "metal") =>
      (await estimatedSmall(architecture, 3, {}, { ...SETTINGS, backend })).confidence;
    assert.equal(await confidence("glm4", "cpu"), "exact");
    assert.equal(await confidence("glm4", "metal"), "bounded");
    assert.equal(await confidence("smollm3", "metal"), "exact");
    assert.equal(await confidence("orion", "cpu"), "bounded");
  });

  it("names every architecture and its source in docs/estimate.md", async () => {
    const text = await readFile(join(import.meta.dirname, "../../../docs/estimate.md"), "utf8");
    for (const [architecture, { source }] of Object.entries(FAMILIES)) {
      assert.match(
        text,
        new RegExp(`(?<![\\w-])${architecture}(?![\\w-])`),
        `${architecture} is not in docs/estimate.md`,
      );
      assert.ok(text.includes(source), `${source} is not in docs/estimate.md`);
    }
  });
});
