import { COMPRESSED } from "./compressed.ts";
import { CACHELESS } from "./encoders.ts";
import type { Family } from "./family.ts";
import { PLAIN } from "./plain.ts";
import { RECURRENT } from "./recurrent.ts";
import { WINDOWED } from "./windowed.ts";

/**
 * Architectures whose context and compute test/fixtures/synthetic.json confirms on the CPU; {@link
 * Family.measuredOnCpu}.
 */
const MEASURED_ON_CPU: ReadonlySet<string> = new Set(
  [
    "arcee baichuan bloom chatglm command-r cohere2 exaone exaone4 falcon gemma glm4 gpt2 gptneox granite granitemoe",
    "hunyuan-dense hunyuan-moe internlm2 minicpm minicpm3 mistral3 mpt olmo olmo2 olmoe phi2 phimoe qwen2moe qwen2vl",
    "qwen3vl qwen3vlmoe seed_oss smollm3 stablelm starcoder2 ernie4_5 ernie4_5-moe bailingmoe2 dots1 dbrx grok minimax-m2",
    "llama4 apertus nemotron gemma-embedding bert nomic-bert rwkv6 mimo2 smallthinker falcon-h1 nemotron_h jamba gemma4",
    "mistral4 mamba rwkv7 plamo2 kimi-linear lfm2moe gemma3n",
  ].flatMap((line) => line.split(" ")),
);

/** Encoders that return embeddings, and bitnet, whose CPU multiplies by its only token table (each one's file in `src/models`). */
const WITHOUT_OUTPUT: ReadonlySet<string> = new Set(
  "bert bitnet eurobert jina-bert-v2 jina-bert-v3 modern-bert neo-bert nomic-bert nomic-bert-moe".split(" "),
);

const UNMARKED: Readonly<Record<string, Family>> = { ...PLAIN, ...WINDOWED, ...COMPRESSED, ...RECURRENT, ...CACHELESS };

/** The rules of every architecture by its name, as `general.architecture` has it. */
export const FAMILIES: Readonly<Record<string, Family>> = Object.fromEntries(
  Object.entries(UNMARKED).map(([name, family]): [string, Family] => [
    name,
    {
      ...family,
      ...(MEASURED_ON_CPU.has(name) && { measuredOnCpu: true as const }),
      ...(WITHOUT_OUTPUT.has(name) && { withoutOutput: true as const }),
    },
  ]),
);

/**
 * Architectures whose last `nextn_predict_layers` layers are for multi-token prediction and outside the main context
 * (the file of each in llama.cpp's `src/models` reads the key). For all others the key is ignored, so that a header
 * cannot hide a cache with it.
 */
export const PREDICTING: ReadonlySet<string> = new Set([
  ...[
    "bailingmoe2",
    "cohere2moe",
    "deepseek2",
    "deepseek32",
    "ernie4_5-moe",
    "exaone-moe",
    "glm-dsa",
    "glm4moe",
    "hy_v3",
    "mimo2",
    "nemotron_h_moe",
  ],
  ...["qwen35", "qwen35moe", "qwen3next", "step35", "dots3note", "glm5-next", "qwen4exp"],
]);
