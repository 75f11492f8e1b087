import type { Family } from "./family.ts";

/** Architectures without a cache: encoders and diffusion models (llama-model.cpp, `create_memory`, null). */
const NAMES: readonly string[] = [
  "bert dream eurobert gemma-embedding jina-bert-v2 jina-bert-v3 llada llada-moe modern-bert neo-bert nomic-bert nomic-bert-moe",
  "rnd1",
].flatMap((line) => line.split(" "));

/** Its feed-forward has no gate (its calls of build_ffn in `src/models`). */
const VARIANTS: Readonly<Record<string, Partial<Family>>> = { bert: { ungated: true } };

/** Nothing is cached. */
export const CACHELESS: Readonly<Record<string, Family>> = Object.fromEntries(
  NAMES.map((name): [string, Family] => [name, { source: "llama-model.cpp", cache: "none", ...VARIANTS[name] }]),
);
