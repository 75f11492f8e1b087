import { estimate } from "./estimate/estimate.ts";
import type { CacheType, EstimateSettings } from "./estimate/types.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { formatBytes } from "./quantity.ts";

/** What would fit a budget. Contexts are multiples of 256 tokens; undefined: not even 256 fit. */
export interface Advice {
  /** At the settings asked for. */
  readonly maxContextSize: number | undefined;
  /** With K and V cache in q8_0. */
  readonly quantizedCacheContextSize: number | undefined;
  /** The smallest budget for the settings as they are; undefined: unknown. */
  readonly neededBytes: number | undefined;
}

/** llama-server pads contexts to this. */
const STEP = 256;
/** LLMKube's largest contextSize. */
const LARGEST_CONTEXT = 2 ** 21;
const UNQUANTIZED: ReadonlySet<CacheType> = new Set(["f32", "f16", "bf16"]);

/** Searches the estimate itself, which never falls when the context grows; at most the model's training length. */
export function advise(header: GgufHeader, settings: EstimateSettings, budgetBytes: number): Advice {
  const quantized: EstimateSettings = { ...settings, cacheTypeK: "q8_0", cacheTypeV: "q8_0" };
  return {
    maxContextSize: largestContext(header, settings, budgetBytes),
    quantizedCacheContextSize:
      UNQUANTIZED.has(settings.cacheTypeK) && settings.flashAttention
        ? largestContext(header, quantized, budgetBytes)
        : undefined,
    neededBytes: neededBytes(header, settings),
  };
}

/** One sentence that a person can act on. */
export function adviceText(advice: Advice, settings: EstimateSettings): string {
  const { maxContextSize, quantizedCacheContextSize, neededBytes: needed } = advice;
  const budget = needed === undefined ? "" : `a budget of at least ${budgetQuantity(needed)} as asked`;
  const choices: string[] = [];
  if (maxContextSize !== undefined && maxContextSize < settings.contextSize)
    choices.push(`a context of ${maxContextSize} tokens`);
  if (quantizedCacheContextSize !== undefined && quantizedCacheContextSize > (maxContextSize ?? 0)) {
    const context = Math.min(quantizedCacheContextSize, settings.contextSize);
    choices.push(`a context of ${context} tokens with the cache in q8_0`);
  }
  if (choices.length === 0)
    return `What would fit: no context at all under this budget; ${budget || "a smaller model"}.`;
  if (budget !== "") choices.push(budget);
  return `What would fit: ${choices.join(", or ")}.`;
}

/** Rounded up to whole MiB, as it can be typed into `memoryBudget`. */
function budgetQuantity(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}Mi (${formatBytes(bytes)})`;
}

function largestContext(header: GgufHeader, settings: EstimateSettings, budgetBytes: number): number | undefined {
  let fitting = 0;
  let failing = Math.floor(contextLimit(header, settings) / STEP) + 1;
  while (failing - fitting > 1) {
    const middle = Math.floor((fitting + failing) / 2);
    const needed = neededBytes(header, { ...settings, contextSize: middle * STEP });
    if (needed !== undefined && needed <= budgetBytes) fitting = middle;
    else failing = middle;
  }
  return fitting === 0 ? undefined : fitting * STEP;
}

/** Each slot of an explicit `--parallel` has a share of the context, and can use the whole training length. */
function contextLimit(header: GgufHeader, settings: EstimateSettings): number {
  const slots = settings.parallel === "auto" ? 1 : settings.parallel;
  const architecture = header.metadata.get("general.architecture");
  const trained = header.metadata.get(`${String(architecture)}.context_length`);
  return typeof trained === "number" && trained >= STEP ? Math.min(trained * slots, LARGEST_CONTEXT) : LARGEST_CONTEXT;
}

function neededBytes(header: GgufHeader, settings: EstimateSettings): number | undefined {
  const answer = estimate(header, settings);
  return answer.ok && answer.value.confidence !== "unknown" ? answer.value.totalBytes : undefined;
}
