import type { GgufValue } from "./header.ts";
import type { Beyond } from "./value.ts";

/** A chat template, the keys after it, and a thousand tensors. */
const REST_BYTES = 256 * 2 ** 10;
/** A type (4 bytes) a token, and where there are no merges a score (4 bytes). */
const TOKEN_EXTRA_BYTES = 4;
/** Merges a token of byte-pair vocabularies: 1 in those of GPT-2 and Qwen, 2.2 in those of Llama 3 and gpt-oss. */
const MERGES_A_TOKEN = 2.25;
/** A merge is a token and a space, but more of the long tokens are merged than of the short ones. */
const MERGE_LENGTH = 1.4;

/**
 * What is likely to follow the table of strings at `key`, so that one more request can fetch the rest and little else. Vocabularies
 * are most of a header.
 */
export function beyondTable(key: string, metadata: ReadonlyMap<string, GgufValue>): Beyond {
  if (key !== "tokenizer.ggml.tokens") return () => REST_BYTES;
  const merges = metadata.get("tokenizer.ggml.model") === "gpt2" ? MERGES_A_TOKEN : 0;
  const extra = merges > 0 ? TOKEN_EXTRA_BYTES : 2 * TOKEN_EXTRA_BYTES;
  return (count, averageBytes) => count * (extra + merges * MERGE_LENGTH * averageBytes) + REST_BYTES;
}
