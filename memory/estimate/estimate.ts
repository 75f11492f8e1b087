import { MiB } from "../../api/bytes.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { tensorBytes } from "../../gguf/tensor-types.ts";
import {
  type Cells,
  cachedLayers,
  cellsOf,
  checkpointBytes,
  familyOf,
  hasStateKeys,
  kvBytes,
  outputsOf,
  recurrentBytes,
  sequencesOf,
  windowOf,
} from "./cache.ts";
import { isQuantized } from "./cache-types.ts";
import { computeBytes } from "./compute.ts";
import { type ModelFacts, readFacts } from "./facts.ts";
import { confirmed, type Family, STANDARD, STANDARD_KEYS } from "./families.ts";
import type { Part } from "./parts.ts";
import type { Estimate, EstimateSettings } from "./types.ts";

/**
 * What a llama-server with these settings reserves for the model, in bytes, from its header alone (llama-memory.md).
 *
 * Fails on a header that contradicts itself and on settings that llama-server refuses or that overflow. A model without
 * a rule is no failure: its estimate is `unknown`, and nothing may be started on it.
 */
export function estimate(header: GgufHeader, settings: EstimateSettings): Result<Estimate> {
  const refused = refusedSettings(settings);
  if (refused !== undefined) return fail(refused);
  const weights = weightsOf(header);
  if (!weights.ok) return weights;
  const base = { fileBytes: header.fileBytes, weightsBytes: weights.value };
  const stranger = strangerIn(header);
  if (stranger !== undefined) {
    return ok({ ...base, architecture: stranger, confidence: "unknown", notes: [noRule(stranger)] });
  }
  const facts = factsOf(header);
  if (!facts.ok) return facts;

  const named = { ...base, architecture: facts.value.architecture };
  const family = familyOf(facts.value.architecture) ?? STANDARD;
  const gap = unknownBecause(header.metadata, facts.value, family);
  if (gap !== undefined) return ok({ ...named, confidence: "unknown", notes: [gap] });
  return known(named, facts.value, family, settings);
}

// What no setting changes: an advice asks about one header hundreds of times, and a header never changes.
const weightsOf = onceEach(weightsBytes);
const factsOf = onceEach(readFacts);
const strangerIn = onceEach(({ metadata }) => strangeTo(metadata));

/** The same function, computed once for each header. */
function onceEach<T>(compute: (header: GgufHeader) => T): (header: GgufHeader) => T {
  const computed = new WeakMap<GgufHeader, { readonly value: T }>();
  return (header) => {
    const value = computed.get(header) ?? { value: compute(header) };
    computed.set(header, value);
    return value.value;
  };
}

type Base = Pick<Estimate, "architecture" | "fileBytes" | "weightsBytes">;

function known(base: Base, facts: ModelFacts, family: Family, settings: EstimateSettings): Result<Estimate> {
  const cells = cellsOf(facts, family, settings);
  const layers = cachedLayers(facts, family);
  const kv = kvBytes(layers, cells, settings);
  if (!kv.ok) return kv;
  const checkpoints = checkpointBytes(facts, family, layers, cells, settings);
  if (!checkpoints.ok) return checkpoints;
  const compute = computeBytes(facts, family, layers, cells, settings);
  const drafts = settings.draftTokens ?? 0;
  const parts = {
    weights: base.weightsBytes,
    kv: kv.value,
    recurrent: recurrentBytes(facts, family, cells.sequences) * (1 + drafts),
    computeDevice: compute.device,
    computeHost: compute.host,
    output: outputBytes(facts, family, cells, settings),
    process: processBytes(facts, cells.sequences),
    ...(settings.cacheRamMiB !== undefined && { promptCache: settings.cacheRamMiB * MiB }),
    ...(settings.ctxCheckpoints !== undefined && { checkpoints: checkpoints.value }),
  } satisfies Partial<Record<Part, number>>;
  const totalBytes = sumOf(parts);
  if (!Number.isSafeInteger(totalBytes)) {
    return fail(`context size ${settings.contextSize} needs more bytes than can be counted: choose a smaller one`);
  }
  return ok({
    ...base,
    confidence: confirmed(family, settings.backend) ? "exact" : "bounded",
    contextBytes: { kv: parts.kv, recurrent: parts.recurrent },
    computeBytes: compute,
    outputBytes: parts.output,
    parts,
    totalBytes,
    notes: notesOn(facts, family, settings),
  });
}

/**
 * Logits of every token that is sampled; an encoder gives one embedding a token instead. llama.cpp prints one token a slot, and
 * makes room for the drafted ones when the first of them come.
 */
function outputBytes(facts: ModelFacts, family: Family, cells: Cells, settings: EstimateSettings): number {
  const embeddings = family.cache === "none" ? 4 * facts.embedding * settings.batchSize : 0;
  return 4 * facts.vocabulary * outputsOf(settings.batchSize, cells, settings) + embeddings;
}

/** The total of named parts. */
export function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * Token tables and the process itself, which no log line shows: the upper end of what was measured (llama-memory.md, "What no
 * log line shows"; 51 to 55 MiB for Gemma 3 270M), so that a budget equal to the estimate holds under a long prompt.
 */
function processBytes(facts: ModelFacts, sequences: number): number {
  return 10 * MiB + 180 * facts.vocabulary + 115 * facts.merges + 12 * facts.vocabulary * (sequences - 1);
}

/** Bytes of a file's tensors. */
export function weightsBytes(header: GgufHeader): Result<number> {
  let total = 0;
  for (const tensor of header.tensors) {
    const bytes = tensorBytes(tensor);
    if (!bytes.ok) return bytes;
    total += bytes.value;
  }
  if (!Number.isSafeInteger(total)) return fail("the file's tensors hold more than 2^53 bytes: no such file exists");
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
  const optional = [
    ["prompt cache", settings.cacheRamMiB, "MiB"],
    ["number of context checkpoints", settings.ctxCheckpoints, "a slot"],
    ["number of drafted tokens", settings.draftTokens, "a slot"],
    ["number of expert layers on the CPU", settings.moeCpuLayers, "layers"],
  ] as const;
  for (const [name, count, unit] of optional) {
    if (count !== undefined && (!Number.isInteger(count) || count < 0 || count > 2 ** 31))
      return `the ${name} is ${count}: a whole number of ${unit} from 0 to 2^31 is expected`;
  }
  if (isQuantized(settings.cacheTypeV) && !settings.flashAttention) {
    return `a ${settings.cacheTypeV} V cache needs flash attention: turn it on, or use f16`;
  }
  return undefined;
}

/** The name of an architecture that is not in the table and whose header does not even say how many layers it has. */
function strangeTo(metadata: GgufHeader["metadata"]): string | undefined {
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "" || familyOf(architecture) !== undefined) return undefined;
  const sized = ["block_count", "embedding_length"].every((key) => metadata.has(`${architecture}.${key}`));
  return sized ? undefined : architecture;
}

function unknownBecause(metadata: GgufHeader["metadata"], facts: ModelFacts, family: Family): string | undefined {
  const { architecture } = facts;
  if (family === STANDARD) {
    if (facts.heads === 0 || facts.keyLength === 0) return noRule(architecture);
    const strange = [...metadata.keys()].find(
      (key) => key.startsWith(`${architecture}.`) && !STANDARD_KEYS.has(key.slice(architecture.length + 1)),
    );
    if (strange !== undefined)
      return `${noRule(architecture)}, and its key "${strange}" may mean more than plain attention`;
    return undefined;
  }
  if (!hasStateKeys(facts, family)) return `the header lacks the keys that ${architecture}'s state is computed from`;
  if (lacksPattern(facts, family)) {
    return `the header lacks "${architecture}.attention.sliding_window_pattern" with one flag a layer`;
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

function noRule(architecture: string): string {
  return `there is no rule yet for architecture ${JSON.stringify(architecture)}`;
}

function notesOn(facts: ModelFacts, family: Family, settings: EstimateSettings): readonly string[] {
  const notes: string[] = [];
  if (family === STANDARD) {
    notes.push(`${noRule(facts.architecture)}: full attention on every layer is counted, as an upper bound`);
  } else if (!confirmed(family, settings.backend))
    notes.push(`the rules for ${facts.architecture} were read in llama.cpp and are not confirmed by a measured case`);
  const trained = facts.trainedContext;
  if (
    trained !== undefined &&
    (settings.ropeScaling ?? "none") === "none" &&
    settings.contextSize > trained * (settings.parallel === "auto" ? 1 : sequencesOf(settings))
  ) {
    notes.push(
      `the context of ${settings.contextSize} tokens is longer than the ${trained} that the model was trained with`,
    );
  }
  if (settings.loadMode === "none") {
    notes.push(
      "load mode none: a second copy of embeddings that are also the output was reported, but not seen when measured; it is " +
        "not counted",
    );
  }
  if (settings.moeCpu || (settings.moeCpuLayers ?? 0) > 0) {
    notes.push("experts on the CPU move weights between buffers of the same unified memory: the total stays as it is");
  }
  return notes;
}
