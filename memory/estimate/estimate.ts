import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { tensorBytes } from "../gguf/types.ts";
import { cachedLayers, cellsOf, familyOf, hasStateKeys, kvBytes, recurrentBytes, sequencesOf } from "./cache.ts";
import { computeBytes } from "./compute.ts";
import { type ModelFacts, readFacts } from "./facts.ts";
import type { Family } from "./families.ts";
import type { Estimate, EstimateSettings } from "./types.ts";

const MiB = 2 ** 20;

/**
 * What a llama-server with these settings reserves for the model, in bytes, from its header alone (llama-memory.md).
 *
 * Fails on a header that contradicts itself and on settings that llama-server refuses or that overflow. A model without
 * a rule is no failure: its estimate is `unknown`, and nothing may be started on it.
 */
export function estimate(header: GgufHeader, settings: EstimateSettings): Result<Estimate> {
  const refused = refusedSettings(settings);
  if (refused !== undefined) return fail(refused);
  const facts = readFacts(header);
  if (!facts.ok) return facts;
  const weights = weightsBytes(header);
  if (!weights.ok) return weights;

  const base = { architecture: facts.value.architecture, fileBytes: header.fileBytes, weightsBytes: weights.value };
  const family = familyOf(facts.value.architecture);
  const gap = unknownBecause(facts.value, family);
  if (family === undefined || gap !== undefined) {
    return ok({ ...base, confidence: "unknown", notes: [gap ?? noRule(facts.value)] });
  }
  return known(base, facts.value, family, settings);
}

type Base = Pick<Estimate, "architecture" | "fileBytes" | "weightsBytes">;

function known(base: Base, facts: ModelFacts, family: Family, settings: EstimateSettings): Result<Estimate> {
  const cells = cellsOf(facts, family, settings);
  const layers = cachedLayers(facts, family);
  const kv = kvBytes(layers, cells, settings);
  if (!kv.ok) return kv;
  const compute = computeBytes(facts, family, layers, cells, settings);
  const parts = {
    weights: base.weightsBytes,
    kv: kv.value,
    recurrent: recurrentBytes(facts, family, cells.sequences),
    computeDevice: compute.device,
    computeHost: compute.host,
    output: 4 * facts.vocabulary * cells.sequences,
    process: processBytes(facts, cells.sequences),
  };
  const totalBytes = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  if (!Number.isSafeInteger(totalBytes)) {
    return fail(`context size ${settings.contextSize} needs more bytes than can be counted: choose a smaller one`);
  }
  return ok({
    ...base,
    confidence: family.measured ? "exact" : "bounded",
    contextBytes: { kv: parts.kv, recurrent: parts.recurrent },
    computeBytes: compute,
    outputBytes: parts.output,
    parts,
    totalBytes,
    notes: notesOn(facts, family, settings),
  });
}

/**
 * Token tables and the process itself, which no log line shows: the upper end of what was measured (llama-memory.md, "What no
 * log line shows"; 51 to 55 MiB for Gemma 3 270M), so that a budget equal to the estimate holds under a long prompt.
 */
function processBytes(facts: ModelFacts, sequences: number): number {
  return 10 * MiB + 180 * facts.vocabulary + 115 * facts.merges + 12 * facts.vocabulary * (sequences - 1);
}

function weightsBytes(header: GgufHeader): Result<number> {
  let total = 0;
  for (const tensor of header.tensors) {
    const bytes = tensorBytes(tensor);
    if (!bytes.ok) return bytes;
    total += bytes.value;
  }
  return ok(total);
}

/** Why llama-server refuses these settings whatever the model, as one sentence; undefined: it does not. */
export function refusedSettings(settings: EstimateSettings): string | undefined {
  const { contextSize, parallel, batchSize, ubatchSize } = settings;
  const counts = [
    ["context size", contextSize],
    ["number of slots", parallel === "auto" ? 1 : parallel],
    ["batch size", batchSize],
    ["ubatch size", ubatchSize],
  ] as const;
  for (const [name, count] of counts) {
    if (!Number.isInteger(count) || count < 1 || count > 2 ** 31)
      return `the ${name} is ${count}: a whole number from 1 to 2^31 is expected`;
  }
  const quantizedValues = !["f32", "f16", "bf16"].includes(settings.cacheTypeV);
  if (quantizedValues && !settings.flashAttention) {
    return `a ${settings.cacheTypeV} V cache needs flash attention: turn it on, or use f16`;
  }
  return undefined;
}

function unknownBecause(facts: ModelFacts, family: Family | undefined): string | undefined {
  if (family === undefined) return noRule(facts);
  if (!hasStateKeys(facts, family))
    return `the header lacks the keys that ${facts.architecture}'s state is computed from`;
  const attends = cachedLayers(facts, family).length > 0;
  if (attends && (facts.heads === 0 || facts.keyLength === 0))
    return "the header does not say how many attention heads there are";
  return undefined;
}

function noRule(facts: ModelFacts): string {
  return `there is no rule yet for architecture ${JSON.stringify(facts.architecture)}`;
}

function notesOn(facts: ModelFacts, family: Family, settings: EstimateSettings): readonly string[] {
  const notes: string[] = [];
  if (!family.measured)
    notes.push(`the rules for ${facts.architecture} were read in llama.cpp and are not confirmed by a measured case`);
  const trained = facts.trainedContext;
  if (
    trained !== undefined &&
    settings.contextSize > trained * (settings.parallel === "auto" ? 1 : sequencesOf(settings))
  ) {
    notes.push(
      `the context of ${settings.contextSize} tokens is longer than the ${trained} that the model was trained with`,
    );
  }
  return notes;
}
