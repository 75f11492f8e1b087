import { GiB } from "../api/bytes.ts";
import { MAX_CONTEXT_SIZE, MAX_PARALLEL_SLOTS } from "../api/server-defaults.ts";
import { leastWorkingSetBytes, resolveAllocatable } from "./allocatable.ts";
import { isQuantized } from "./estimate/cache-types.ts";
import type { CacheType, EstimateSettings } from "./estimate/types.ts";
import { estimateServed, type Served } from "./served.ts";

/** The types of KV cache for which the largest context is searched, largest type first. K and V have the same type. */
export const ADVISED_CACHE_TYPES = ["f16", "q8_0", "q4_0"] as const;
export type AdvisedCacheType = (typeof ADVISED_CACHE_TYPES)[number];

/** What would fit a budget. Contexts are multiples of 256 tokens; undefined means that not even 256 fit. */
export interface Advice {
  /** The largest context with the other settings as they are. */
  readonly maxContextSize: number | undefined;
  /**
   * The largest context with the K and V cache in q8_0; undefined where the cache is quantized already or cannot be.
   */
  readonly quantizedCacheContextSize: number | undefined;
  /** The largest context for each type of K and V cache; undefined for a quantized V cache without flash attention. */
  readonly contextSizes: Readonly<Record<AdvisedCacheType, number | undefined>>;
  /** The largest prompt cache, in MiB, where only a smaller one than is asked for, but at least 1 MiB, fits beside the other settings. */
  readonly promptCacheMiB: number | undefined;
  /**
   * The settings after the fewest changes that make the model fit; undefined: it fits as it is, or no change makes it
   * fit.
   */
  readonly fewestChanges: EstimateSettings | undefined;
  /** The smallest budget that holds the settings as they are; undefined: the need is unknown. */
  readonly neededBytes: number | undefined;
  /**
   * RAM of the smallest Mac that by default gives its models enough for the settings as they are; undefined: the need is
   * unknown, or no Mac does.
   */
  readonly smallestMacBytes: number | undefined;
}

/** llama-server pads contexts to this. */
const STEP = 256;
/** Sizes of RAM in GiB that Macs with Apple silicon have been sold with. */
const MAC_GIB = [8, 16, 18, 24, 32, 36, 48, 64, 96, 128, 192, 256, 512] as const;

/**
 * Searches for what fits by asking the estimate itself, which never falls when the context grows. No context is longer
 * than the one that the model was trained with.
 */
export function advise(served: Served, settings: EstimateSettings, budgetBytes: number): Advice {
  const largest = (changed: EstimateSettings) => largestContext(served, changed, budgetBytes);
  const contextSizes = {
    f16: largest(withCache(settings, "f16")),
    q8_0: largest(withCache(settings, "q8_0")),
    q4_0: largest(withCache(settings, "q4_0")),
  };
  const needed = neededBytes(served, settings);
  return {
    maxContextSize: largest(settings),
    quantizedCacheContextSize: quantizable(settings) ? contextSizes.q8_0 : undefined,
    contextSizes,
    promptCacheMiB: smallerPromptCache(served, settings, budgetBytes),
    fewestChanges: fewestChanges(served, settings, budgetBytes),
    neededBytes: needed,
    smallestMacBytes: needed === undefined ? undefined : smallestMacFor(needed),
  };
}

/** The changes that are tried; those that cost the user least come first. */
const CHANGES = ["context", "cache", "slots", "promptCache"] as const;
type Change = (typeof CHANGES)[number];

/** Every set of changes, smaller sets first. */
const CHANGE_SETS: readonly (readonly Change[])[] = Array.from({ length: 2 ** CHANGES.length - 1 }, (_, index) =>
  CHANGES.filter((_change, position) => ((index + 1) & (1 << position)) !== 0),
).sort((a, b) => a.length - b.length || (rank(a) < rank(b) ? -1 : 1));

function rank(changes: readonly Change[]): string {
  return changes.map((change) => CHANGES.indexOf(change)).join("");
}

/**
 * Tries one change before two, and two before three; among sets of the same size the one that costs the user least
 * comes first.
 */
function fewestChanges(served: Served, asked: EstimateSettings, budget: number): EstimateSettings | undefined {
  if (fits(served, asked, budget)) return undefined;
  for (const changes of CHANGE_SETS) {
    const changed = changedBy(served, asked, budget, new Set(changes));
    if (changed !== undefined) return changed;
  }
  return undefined;
}

/**
 * The settings after all of `changes`, each as small as possible; undefined: a change does not apply, or they are not
 * enough.
 */
function changedBy(
  served: Served,
  asked: EstimateSettings,
  budget: number,
  changes: ReadonlySet<Change>,
): EstimateSettings | undefined {
  let settings = asked;
  if (changes.has("cache")) {
    if (!quantizable(asked)) return undefined;
    settings = withCache(settings, "q8_0");
  }
  if (changes.has("promptCache")) {
    if (!asked.cacheRamMiB) return undefined;
    settings = { ...settings, cacheRamMiB: 0, ...(asked.ctxCheckpoints !== undefined && { ctxCheckpoints: 0 }) };
  }
  // A shorter context costs less than fewer slots: with both, the slots go down to one only where that is needed.
  const candidates = changes.has("slots") ? fewerSlots(settings) : [settings];
  if (!changes.has("context")) return candidates.find((one) => fits(served, one, budget));
  const last = candidates.at(-1);
  const context = last && largestContext(served, last, budget);
  return last === undefined || context === undefined || context >= asked.contextSize
    ? undefined
    : { ...last, contextSize: context };
}

/** The same settings with fewer slots, the most slots first. */
function fewerSlots(settings: EstimateSettings): readonly EstimateSettings[] {
  if (settings.parallel === "auto") return [{ ...settings, parallel: 1 }];
  const most = Math.min(settings.parallel - 1, MAX_PARALLEL_SLOTS);
  return Array.from({ length: most }, (_, index) => ({ ...settings, parallel: most - index }));
}

function quantizable(settings: EstimateSettings): boolean {
  return !isQuantized(settings.cacheTypeK) && settings.flashAttention;
}

function withCache(settings: EstimateSettings, type: CacheType): EstimateSettings {
  return { ...settings, cacheTypeK: type, cacheTypeV: type };
}

/** RAM in bytes of the smallest Mac that by default gives its models this much; undefined: no Mac does. */
export function smallestMacFor(needed: number): number | undefined {
  return MAC_GIB.map((gib) => gib * GiB).find((physicalMemoryBytes) => {
    const workingSetBytes = leastWorkingSetBytes(physicalMemoryBytes);
    const allocatable = resolveAllocatable({ backend: "metal", physicalMemoryBytes, workingSetBytes });
    return allocatable.ok && needed <= allocatable.value.bytes;
  });
}

export function largestContext(served: Served, settings: EstimateSettings, budgetBytes: number): number | undefined {
  const most = Math.floor(contextLimit(served, settings) / STEP);
  const steps = largestThat(most, (count) => fits(served, { ...settings, contextSize: count * STEP }, budgetBytes));
  return steps === undefined ? undefined : steps * STEP;
}

function smallerPromptCache(served: Served, settings: EstimateSettings, budgetBytes: number): number | undefined {
  const { cacheRamMiB: asked = 0 } = settings;
  if (fits(served, settings, budgetBytes)) return undefined;
  return largestThat(asked - 1, (cacheRamMiB) => fits(served, { ...settings, cacheRamMiB }, budgetBytes));
}

/** The largest number from 1 to `most` that fits, where none fits above one that does not; undefined: none fits. */
function largestThat(most: number, isFitting: (count: number) => boolean): number | undefined {
  let fitting = 0;
  let failing = Math.max(0, most) + 1;
  while (failing - fitting > 1) {
    const middle = Math.floor((fitting + failing) / 2);
    if (isFitting(middle)) fitting = middle;
    else failing = middle;
  }
  return fitting === 0 ? undefined : fitting;
}

/**
 * The longest useful context: with an explicit `--parallel`, each slot can use the whole context that the model was
 * trained with.
 */
export function contextLimit(served: Served, settings: EstimateSettings): number {
  const slots = settings.parallel === "auto" ? 1 : settings.parallel;
  const { metadata } = served.header;
  const architecture = metadata.get("general.architecture");
  const trained = metadata.get(`${String(architecture)}.context_length`);
  return typeof trained === "number" && trained >= STEP
    ? Math.min(trained * slots, MAX_CONTEXT_SIZE)
    : MAX_CONTEXT_SIZE;
}

function fits(served: Served, settings: EstimateSettings, budgetBytes: number): boolean {
  const needed = neededBytes(served, settings);
  return needed !== undefined && needed <= budgetBytes;
}

function neededBytes(served: Served, settings: EstimateSettings): number | undefined {
  const answer = estimateServed(served, settings);
  return answer.ok && answer.value.confidence !== "unknown" ? answer.value.totalBytes : undefined;
}
