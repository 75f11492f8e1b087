import type { GgufHeader } from "../../gguf/header.ts";
import { type Batches, batchesOf, splitsInputs } from "./batches.ts";
import { familyOf } from "./cache.ts";
import { readFacts } from "./facts.ts";
import { STANDARD } from "./families/unlisted.ts";
import type { EstimateSettings } from "./types.ts";

/** Whether a server with this file may compute an input in several physical batches; false where the header cannot be read. */
export function canSplitInputs(header: GgufHeader, settings: EstimateSettings): boolean {
  const facts = readFacts(header);
  return facts.ok && splitsInputs(facts.value, familyOf(facts.value.architecture) ?? STANDARD, settings);
}

/** The batches with which a server is started with this file. */
export function batchesFor(header: GgufHeader, settings: EstimateSettings): Batches {
  return batchesOf(settings, canSplitInputs(header, settings));
}
