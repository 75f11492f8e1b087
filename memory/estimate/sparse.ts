import type { CachedLayer } from "./cached-layer.ts";
import type { ModelFacts } from "./facts.ts";
import type { Family } from "./families/family.ts";

/** The context from which on glm-dsa shares indexers between layers although the file does not name them. */
const GLM_5_2_CONTEXT = 2 ** 20;

/** The row of an indexer's keys in one layer that has attention; none where the layer uses the indexer of another one. */
export function indexerRows(facts: ModelFacts, family: Family, layer: number): readonly CachedLayer[] {
  const { indexer } = facts;
  const rule = family.indexer ?? (family.cache === "mla-indexer" ? {} : undefined);
  if (indexer === undefined || rule === undefined || (family.cache === "mla-indexer" && facts.mla === undefined))
    return [];
  if (rule.besideExperts) {
    if (layer < facts.leadingDense) return [];
    return [{ sliding: false, keyWidth: indexer.keyLength, valueWidth: facts.valueLength, indexer: true }];
  }
  if (!ownsIndexer(facts, rule.default ?? "all", layer)) return [];
  const pooled = !rule.rowsIfCompressed || facts.compressRatios.some((ratio) => ratio > 0);
  const keyWidth = indexer.keyLength * (pooled ? (rule.rows ?? 1) : 1);
  return [{ sliding: false, keyWidth, valueWidth: 0, indexer: true }];
}

function ownsIndexer(facts: ModelFacts, byDefault: "all" | "none" | "glm-5.2", layer: number): boolean {
  const types = facts.indexer?.types;
  if (types !== undefined) return types[layer] ?? false;
  // Without a name in the file, glm 5.2 has them in the first two layers, and from the third on in every fourth.
  if (byDefault === "glm-5.2" && (facts.trainedContext ?? 0) >= GLM_5_2_CONTEXT) return layer < 2 || layer % 4 === 2;
  return byDefault !== "none";
}

/** One key for every 4 tokens, with an indexer's, or for every 128 tokens (deepseek4). */
export function compressedRows(
  facts: ModelFacts,
  family: Family,
  layer: number,
  keyWidth: number,
): readonly CachedLayer[] {
  const ratio = family.compressedLevels ? (facts.compressRatios[layer] ?? 0) : 0;
  if (ratio === 0) return [];
  const level: CachedLayer = { sliding: false, keyWidth, valueWidth: 0, ratio };
  if (ratio !== INDEXED_RATIO) return [level];
  return [level, { sliding: false, keyWidth: facts.indexer?.keyLength ?? 0, valueWidth: 0, ratio, indexer: true }];
}

/** The ratio of the level whose cells an indexer chooses from, and whose groups overlap by one. */
const INDEXED_RATIO = 4;

/**
 * The state of the compressor of one layer: sums and scores of the tokens that do not yet fill a cell, for keys, and at
 * the indexed level for the indexer's keys as well, each twice as wide and for two groups.
 */
export function compressorElements(facts: ModelFacts, layer: number): number {
  const ratio = facts.compressRatios[layer] ?? 0;
  if (ratio !== INDEXED_RATIO) return 2 * ratio * facts.keyLengthSliding;
  return 2 * (2 * ratio) * 2 * (facts.keyLengthSliding + (facts.indexer?.keyLength ?? 0));
}
