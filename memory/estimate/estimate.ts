import { MiB } from "../../api/bytes.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { tensorBytes } from "../../gguf/tensor-types.ts";
import { type BatchedSettings, withBatches } from "./batches.ts";
import {
  cachedLayers,
  cellsOf,
  checkpointBytes,
  familyOf,
  hasStateKeys,
  kvBytes,
  recurrentBytes,
  sequencesOf,
  windowOf,
} from "./cache.ts";
import { isQuantized } from "./cache-types.ts";
import { computeBytes } from "./compute.ts";
import { type ModelFacts, readFacts } from "./facts.ts";
import { confirmed, type Family } from "./families/family.ts";
import { STANDARD, STANDARD_KEYS } from "./families/unlisted.ts";
import { attentionOnCpuBytes, FAST_CACHE_TYPE, isFastCachePair, lacksFlashAttention } from "./flash-attention.ts";
import { loadingPeakBytes, readsOntoGpu, type TensorSizes, tensorSizes, tiedCopyBytes } from "./loading.ts";
import { answerBytes, inputNotes, outputBytes } from "./output.ts";
import type { Part } from "./parts.ts";
import { promptCacheBytes } from "./prompt-cache-size.ts";
import type { Estimate, EstimateSettings } from "./types.ts";

/**
 * How many bytes llama-server reserves for a model with these settings, computed from the header alone
 * (docs/background/llama-memory.md).
 *
 * Fails on a header that contradicts itself, and on settings that llama-server refuses or that overflow. An
 * architecture without a rule is not a failure: its estimate is `unknown`, and the model must not be started.
 */
export function estimate(header: GgufHeader, settings: EstimateSettings): Result<Estimate> {
  const refused = refusedSettings(settings);
  if (refused !== undefined) return fail(refused);
  const weights = weightsOf(header);
  if (!weights.ok) return weights;
  const base = { fileBytes: header.fileBytes, weightsBytes: weights.value };
  const unsized = unreadableArchitecture(header);
  if (unsized !== undefined) {
    return ok({ ...base, architecture: unsized, confidence: "unknown", notes: [noRule(unsized)] });
  }
  const facts = factsOf(header);
  if (!facts.ok) return facts;

  const named = { ...base, architecture: facts.value.architecture };
  const family = familyOf(facts.value.architecture) ?? STANDARD;
  const gap = unknownBecause(header.metadata, facts.value, family);
  if (gap !== undefined) return ok({ ...named, confidence: "unknown", notes: [gap] });
  return known(named, sizesOf(header), facts.value, family, withBatches(facts.value, family, settings));
}

// These depend on the header only. An advice asks about one header hundreds of times, and a header never changes.
const weightsOf = onceEach(weightsBytes);
const sizesOf = onceEach(tensorSizes);
const factsOf = onceEach(readFacts);
const unreadableArchitecture = onceEach(({ metadata }) => architectureWithoutSizes(metadata));

/** The same function, but it computes its value only once for each header. */
function onceEach<T>(compute: (header: GgufHeader) => T): (header: GgufHeader) => T {
  const computed = new WeakMap<GgufHeader, { readonly value: T }>();
  return (header) => {
    const value = computed.get(header) ?? { value: compute(header) };
    computed.set(header, value);
    return value.value;
  };
}

type Base = Pick<Estimate, "architecture" | "fileBytes" | "weightsBytes">;

function known(
  base: Base,
  sizes: TensorSizes,
  facts: ModelFacts,
  family: Family,
  settings: BatchedSettings,
): Result<Estimate> {
  const cells = cellsOf(facts, family, settings);
  const layers = cachedLayers(facts, family);
  const kv = kvBytes(layers, cells, settings);
  if (!kv.ok) return kv;
  const checkpoints = checkpointBytes(facts, family, layers, cells, settings);
  if (!checkpoints.ok) return checkpoints;
  const compute = computeBytes(facts, family, layers, cells, settings);
  const output = outputBytes(facts, family, cells, settings);
  const drafts = settings.draftTokens ?? 0;
  const onCpu = lacksFlashAttention(facts, family, layers, settings);
  const steady = {
    weights: base.weightsBytes,
    ...(readsOntoGpu(settings) && { tiedCopy: tiedCopyBytes(sizes, family, settings) }),
    kv: kv.value,
    recurrent: recurrentBytes(facts, family, cells.sequences) * (1 + drafts),
    computeDevice: compute.device,
    computeHost: compute.host,
    ...(onCpu !== undefined && { attentionHost: attentionOnCpuBytes(facts, layers, cells, settings) }),
    output: output.printed,
    ...(output.grown > 0 && { outputGrowth: output.grown }),
    process: processBytes(facts, cells.sequences) + answerBytes(facts, cells, settings),
    ...(settings.cacheRamMiB !== undefined && { promptCache: promptCacheBytes(settings.cacheRamMiB) }),
    ...(settings.ctxCheckpoints !== undefined && { checkpoints: checkpoints.value }),
  } satisfies Partial<Record<Part, number>>;
  const parts = withLoading(steady, sizes, settings);
  const totalBytes = sumOf(parts);
  if (!Number.isSafeInteger(totalBytes)) {
    return fail(`the context size ${settings.contextSize} needs more bytes than can be counted: choose a smaller one`);
  }
  return ok({
    ...base,
    confidence: confirmed(family, settings.backend) && onCpu === undefined ? "exact" : "bounded",
    contextBytes: { kv: steady.kv, recurrent: steady.recurrent },
    computeBytes: compute,
    outputBytes: output.printed + output.grown,
    parts,
    totalBytes,
    notes: [
      ...notesOn(facts, family, settings),
      ...inputNotes(facts, family, cells, settings),
      ...(onCpu === undefined ? [] : [attentionNote(onCpu, settings)]),
    ],
  });
}

/** The parts of a server that serves, and by how much they are less than its peak while it loads. */
function withLoading(
  steady: Readonly<Record<string, number>> & Parameters<typeof loadingPeakBytes>[1],
  sizes: TensorSizes,
  settings: EstimateSettings,
): Readonly<Record<string, number>> {
  if (!readsOntoGpu(settings)) return steady;
  return { ...steady, loading: Math.max(0, loadingPeakBytes(sizes, steady, settings) - sumOf(steady)) };
}

function attentionNote(what: string, { cacheTypeK, cacheTypeV }: EstimateSettings): string {
  const remedy = isFastCachePair(cacheTypeK, cacheTypeV)
    ? "no cache type changes that"
    : `the GPU computes it with one type for both caches, such as ${FAST_CACHE_TYPE}`;
  return (
    `Metal has no flash attention for ${what}: the CPU computes it, slowly and with a larger buffer, of which the estimate is an upper bound; ` +
    remedy
  );
}

/** The sum of all parts. */
export function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * The token tables and the process itself, which no log line shows. The formula gives the upper end of what was
 * measured (docs/background/llama-memory.md, "Process memory"; 51 to 55 MiB for Gemma 3 270M), so that a budget equal
 * to the estimate holds under a long prompt, and under one in each slot.
 */
function processBytes(facts: ModelFacts, sequences: number): number {
  const slot = 12 * facts.vocabulary + SLOT_BYTES;
  return 10 * MiB + 180 * facts.vocabulary + 115 * facts.merges + slot * (sequences - 1);
}

/** Of a further slot in use, beside its candidates: the request, its text and the thread that sends the answer. */
const SLOT_BYTES = MiB / 2;

/** Bytes of all tensors of a file. */
export function weightsBytes(header: GgufHeader): Result<number> {
  let total = 0;
  for (const tensor of header.tensors) {
    const bytes = tensorBytes(tensor);
    if (!bytes.ok) return bytes;
    total += bytes.value;
  }
  if (!Number.isSafeInteger(total))
    return fail("the tensors of the file have more than 2^53 bytes, which no real file has");
  return ok(total);
}

/** Why llama-server refuses these settings for any model, as one sentence; undefined if it accepts them. */
export function refusedSettings(settings: EstimateSettings): string | undefined {
  const { contextSize, parallel, batchSize, ubatchSize } = settings;
  const counts = [
    ["context size", contextSize],
    ["number of slots", parallel === "auto" ? 1 : parallel],
    ["batch size", batchSize === "auto" ? 1 : batchSize],
    ["physical batch size", ubatchSize === "auto" ? 1 : ubatchSize],
  ] as const;
  for (const [name, count] of counts) {
    if (!Number.isInteger(count) || count < 1 || count > 2 ** 31)
      return `the ${name} is ${count}; it must be a whole number from 1 to 2^31`;
  }
  const optional = [
    ["size of the prompt cache in MiB", settings.cacheRamMiB],
    ["number of context checkpoints", settings.ctxCheckpoints],
    ["number of drafted tokens", settings.draftTokens],
    ["number of expert layers on the CPU", settings.moeCpuLayers],
  ] as const;
  for (const [name, count] of optional) {
    if (count !== undefined && (!Number.isInteger(count) || count < 0 || count > 2 ** 31))
      return `the ${name} is ${count}; it must be a whole number from 0 to 2^31`;
  }
  if (isQuantized(settings.cacheTypeV) && !settings.flashAttention) {
    return `a V cache in ${settings.cacheTypeV} needs flash attention: turn flash attention on, or use f16`;
  }
  return undefined;
}

/**
 * The name of an architecture that is not in the table and whose header does not say how many layers it has, or how
 * wide they are.
 */
function architectureWithoutSizes(metadata: GgufHeader["metadata"]): string | undefined {
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "" || familyOf(architecture) !== undefined) return undefined;
  const sized = ["block_count", "embedding_length"].every((key) => metadata.has(`${architecture}.${key}`));
  return sized ? undefined : architecture;
}

function unknownBecause(metadata: GgufHeader["metadata"], facts: ModelFacts, family: Family): string | undefined {
  const { architecture } = facts;
  if (family === STANDARD) {
    if (facts.heads === 0 || facts.keyLength === 0) return noRule(architecture);
    const other = [...metadata.keys()].find(
      (key) => key.startsWith(`${architecture}.`) && !STANDARD_KEYS.has(key.slice(architecture.length + 1)),
    );
    if (other !== undefined)
      return `${noRule(architecture)}, and its key "${other}" may mean that it is not plain attention`;
    return undefined;
  }
  if (!hasStateKeys(facts, family))
    return `the header lacks the keys from which the recurrent state of ${architecture} is computed`;
  if (lacksPattern(facts, family)) {
    return `the header lacks "${architecture}.attention.sliding_window_pattern" with one flag for each layer`;
  }
  if (lacksIndexerTypes(facts, family)) {
    return `the header lacks "${architecture}.attention.indexer.types" with one flag for each layer, the first of which has an indexer`;
  }
  if (family.recurrent?.layers === "all") return undefined;
  const caches = family.cache === "none" || cachedLayers(facts, family).length > 0;
  if (!caches || facts.heads === 0 || facts.keyLength === 0) {
    return "the header does not say how many attention heads there are";
  }
  return undefined;
}

function lacksPattern(facts: ModelFacts, family: Family): boolean {
  if (!family.sliding?.patternRequired || windowOf(facts, family) === undefined) return false;
  return typeof facts.slidingPattern !== "object";
}

/** llama.cpp refuses a file with an indexer that does not say which layers have one (models/hy-v4.cpp, models/dots3note.cpp). */
function lacksIndexerTypes({ indexer, architecture }: ModelFacts, family: Family): boolean {
  if (family.indexer?.default !== "none") return false;
  if (indexer === undefined) return family.indexer.required === true;
  return indexer.types === undefined || (architecture === "hy_v4" && indexer.types[0] !== true);
}

function noRule(architecture: string): string {
  return `there is no rule yet for architecture ${JSON.stringify(architecture)}`;
}

function notesOn(facts: ModelFacts, family: Family, settings: EstimateSettings): readonly string[] {
  const notes: string[] = [];
  if (family === STANDARD) {
    notes.push(`${noRule(facts.architecture)}; full attention on every layer is assumed, as an upper bound`);
  } else if (!confirmed(family, settings.backend))
    notes.push(
      `the rules for ${facts.architecture} come from the source of llama.cpp; no measurement confirms them, so the estimate is an upper bound`,
    );
  const trained = facts.trainedContext;
  if (
    trained !== undefined &&
    (settings.ropeScaling ?? "none") === "none" &&
    settings.contextSize > trained * (settings.parallel === "auto" ? 1 : sequencesOf(settings))
  ) {
    notes.push(
      `the context of ${settings.contextSize} tokens is longer than the ${trained} tokens that the model was trained with`,
    );
  }
  if (settings.moeCpu || (settings.moeCpuLayers ?? 0) > 0) {
    notes.push(
      "computing experts on the CPU moves their weights to another buffer of the same unified memory; the total does not change",
    );
  }
  return notes;
}
