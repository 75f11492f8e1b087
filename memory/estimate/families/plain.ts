import type { Family } from "./family.ts";

/**
 * Full attention with plain keys and values on every layer, without a window or a recurrent state (llama-model.cpp,
 * `create_memory`, default).
 */
const NAMES: readonly string[] = [
  "apertus arcee arctic baichuan bailingmoe bailingmoe2 bitnet bloom chameleon chatglm codeshell cogvlm command-r dbrx deci",
  "deepseek deepseek2-ocr dots1 ernie4_5 ernie4_5-moe exaone falcon gemma glm4 glm4moe gpt2 gptj gptneox granite granitemoe",
  "grok grovemoe hunyuan-dense hunyuan-moe hunyuan_vl hy_v3 internlm2 jais jais2 llama-embed maincoder minicpm minicpm3",
  "minimax-m2 mistral3 mpt nemotron olmo olmoe openelm orion paddleocr pangu-embedded phi2 phimoe plamo plm pockettts qwen qwen2moe",
  "qwen2vl qwen3tts qwen3vl qwen3vlmoe refact seed_oss smollm3 stablelm starcoder starcoder2 talkie xverse",
].flatMap((line) => line.split(" "));

/** Architectures without a gate in the feed-forward (calls of build_ffn in `src/models`). */
const UNGATED: readonly string[] =
  "apertus arcee bloom codeshell falcon gpt2 gptneox jais2 mpt nemotron plm starcoder starcoder2".split(" ");

/**
 * Norm, attention, gated feed-forward, two residual sums, and no experts (`src/models`); {@link Family.sameAsLlama}.
 */
const SAME_AS_LLAMA: readonly string[] = "baichuan exaone hunyuan-dense internlm2 seed_oss smollm3".split(" ");

/**
 * Architectures of {@link NAMES} whose graph differs (each one's file in `src/models`, its calls of build_ffn and
 * build_attn).
 */
const VARIANTS: Readonly<Record<string, Partial<Family>>> = {
  ...Object.fromEntries(UNGATED.map((name): [string, Partial<Family>] => [name, { ungated: true }])),
  ...Object.fromEntries(SAME_AS_LLAMA.map((name): [string, Partial<Family>] => [name, { sameAsLlama: true }])),
  phi2: { ungated: true, parallelResidual: true },
  grok: { explicitScores: true },
};

/** Plain keys and values of every layer, over the whole context. */
export const PLAIN: Readonly<Record<string, Family>> = {
  ...Object.fromEntries(
    NAMES.map((name): [string, Family] => [name, { source: "llama-model.cpp", ...VARIANTS[name] }]),
  ),
  llama: { source: "models/llama.cpp", measured: true },
  qwen2: { source: "models/qwen2.cpp", measured: true },
  qwen3: { source: "models/qwen3.cpp", measured: true },
  qwen3moe: { source: "models/qwen3moe.cpp", measured: true },
  // Its layers are run through several times, with a cache each time (`num_loops`).
  nanbeige: { source: "models/nanbeige.cpp" },
  phi3: { source: "models/phi3.cpp", fusedProjection: true, measured: true },
  graniteswitch: { source: "models/granite-switch.cpp", routerLayer: true },
  // block_count is the number of passes through its two stacks; each pass has a cache of its own.
  hrm_text: { source: "models/hrm-text.cpp" },
  // One cache over block_count layers.
  t5: { source: "docs/background/llama-memory.md" },
  t5encoder: { source: "docs/background/llama-memory.md" },
};
