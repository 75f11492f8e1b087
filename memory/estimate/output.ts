import { type BatchedSettings, keepsEveryToken, poolingOf, splitsInputs } from "./batches.ts";
import { type Cells, outputsOf } from "./cache.ts";
import type { ModelFacts } from "./facts.ts";
import type { Family } from "./families/family.ts";

/** What llama.cpp prints of the logits and embeddings that it keeps, and what is enlarged once inputs arrive. In bytes. */
export interface OutputBytes {
  readonly printed: number;
  readonly grown: number;
}

/**
 * The logits of every token that is sampled. For embeddings, and by an encoder whatever it is asked for, the logits and the embedding of
 * every token of a batch are kept, also where nothing computes these logits. llama.cpp prints a buffer for one token in each slot, and
 * enlarges it when the first inputs or drafted tokens arrive.
 */
export function outputBytes(facts: ModelFacts, family: Family, cells: Cells, settings: BatchedSettings): OutputBytes {
  if (family.cache !== "none" && !keepsEveryToken(settings)) {
    return { printed: 4 * facts.vocabulary * outputsOf(settings.batchSize, cells, settings), grown: 0 };
  }
  const row = 4 * (facts.vocabulary + facts.embeddingOut);
  return { printed: row * cells.sequences, grown: row * Math.max(0, cells.ubatch - cells.sequences) };
}

/** For each number of an embedding: without pooling, those of all tokens leave as text. Measured were 63 to 76, with one and four slots. */
const ANSWERED_BYTES = 100;

export function answerBytes(facts: ModelFacts, cells: Cells, settings: BatchedSettings): number {
  if (!keepsEveryToken(settings) || poolingOf(facts, settings) !== "none") return 0;
  return ANSWERED_BYTES * facts.embeddingOut * Math.min(cells.ubatch, cells.full) * cells.sequences;
}

/** What an embedding server answers with an error although it fits the context. */
export function inputNotes(
  facts: ModelFacts,
  family: Family,
  cells: Cells,
  settings: BatchedSettings,
): readonly string[] {
  if (!keepsEveryToken(settings) || splitsInputs(facts, family, settings) || cells.ubatch >= cells.full) return [];
  return [
    `an input of more than ${cells.ubatch} tokens is answered with an error, because it must be computed in one physical batch, and a slot holds ${cells.full}`,
  ];
}
