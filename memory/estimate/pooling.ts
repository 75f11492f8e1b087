import type { GgufHeader } from "../../gguf/header.ts";
import { POOLINGS, type Pooling } from "./types.ts";

/** What a header says of the embeddings that a model returns. */
export interface EmbeddingFacts {
  /** The width of an embedding that is returned. */
  readonly embeddingOut: number;
  /** How the embeddings of an input's tokens become one; undefined: it does not say. */
  readonly pooling: Pooling | undefined;
  /** Whether a token is computed from the tokens before it alone. */
  readonly causal: boolean;
}

/** llama.cpp's number of a way of pooling is its place in {@link POOLINGS}. */
export function poolingFacts(
  metadata: GgufHeader["metadata"],
  architecture: string,
): Pick<EmbeddingFacts, "pooling" | "causal"> {
  const number = metadata.get(`${architecture}.pooling_type`);
  return {
    pooling: typeof number === "number" ? POOLINGS[number] : undefined,
    causal: metadata.get(`${architecture}.attention.causal`) !== false,
  };
}
