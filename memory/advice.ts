import { formatBytes } from "../api/quantity.ts";
import { resolveAllocatable } from "./allocatable.ts";
import type { CacheType, EstimateSettings } from "./estimate/types.ts";
import { estimateServed, type Served } from "./served.ts";

/** Cache types that contexts are searched for, K and V alike, dearest first. */
export const ADVISED_CACHE_TYPES = ["f16", "q8_0", "q4_0"] as const;
export type AdvisedCacheType = (typeof ADVISED_CACHE_TYPES)[number];

/** What would fit a budget. Contexts are multiples of 256 tokens; undefined: not even 256 fit. */
export interface Advice {
  /** At the settings asked for. */
  readonly maxContextSize: number | undefined;
  /** With K and V cache in q8_0, where that is less than asked for. */
  readonly quantizedCacheContextSize: number | undefined;
  /** With K and V in each type, all else as asked; a quantized V without flash attention is undefined. */
  readonly contextSizes: Readonly<Record<AdvisedCacheType, number | undefined>>;
  /** The fewest changes that make it fit, as the settings after them; undefined: it fits, or nothing makes it fit. */
  readonly fewestChanges: EstimateSettings | undefined;
  /** The smallest budget for the settings as they are; undefined: unknown. */
  readonly neededBytes: number | undefined;
  /** RAM of the smallest Mac that by default gives its models enough for the settings as they are; undefined: unknown, or none does. */
  readonly smallestMacBytes: number | undefined;
}

/** llama-server pads contexts to this. */
const STEP = 256;
/** LLMKube's largest contextSize. */
const LARGEST_CONTEXT = 2 ** 21;
/** LLMKube's largest parallelSlots. */
const LARGEST_SLOTS = 64;
const UNQUANTIZED: ReadonlySet<CacheType> = new Set(["f32", "f16", "bf16"]);
/** RAM that Macs with Apple silicon are sold with, in GiB. */
const MAC_GIB = [8, 16, 18, 24, 32, 36, 48, 64, 96, 128, 192, 256, 512] as const;

/** Searches the estimate itself, which never falls when the context grows; at most the model's training length. */
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
    fewestChanges: fewestChanges(served, settings, budgetBytes),
    neededBytes: needed,
    smallestMacBytes: needed === undefined ? undefined : smallestMac(needed),
  };
}

/** One or two sentences that a person can act on. */
export function adviceText(advice: Advice, settings: EstimateSettings): string {
  const { maxContextSize, quantizedCacheContextSize, fewestChanges: changed, neededBytes: needed } = advice;
  const budget = needed === undefined ? "" : `a budget of at least ${budgetQuantity(needed)} as asked`;
  const choices: string[] = [];
  if (maxContextSize !== undefined && maxContextSize < settings.contextSize)
    choices.push(`a context of ${maxContextSize} tokens`);
  if (quantizedCacheContextSize !== undefined && quantizedCacheContextSize > (maxContextSize ?? 0)) {
    const context = Math.min(quantizedCacheContextSize, settings.contextSize);
    choices.push(`a context of ${context} tokens with the cache in q8_0`);
  }
  if (choices.length === 0 && changed !== undefined) choices.push(changesText(changed, settings));
  const mac = macText(advice);
  if (choices.length === 0)
    return `What would fit: no context at all under this budget; ${budget || "a smaller model"}.${mac}`;
  if (budget !== "") choices.push(budget);
  return `What would fit: ${choices.join(", or ")}.${mac}`;
}

function macText({ smallestMacBytes: bytes }: Advice): string {
  if (bytes === undefined) return "";
  return ` As asked it fits a Mac with ${bytes / 2 ** 30} GiB by default; a smaller quantization of the model needs less.`;
}

function changesText(changed: EstimateSettings, asked: EstimateSettings): string {
  const cache = changed.cacheTypeK === asked.cacheTypeK ? "" : ` with the cache in ${changed.cacheTypeK}`;
  const slots =
    changed.parallel === asked.parallel ? "" : ` with ${changed.parallel} slot${changed.parallel === 1 ? "" : "s"}`;
  const prompts = changed.cacheRamMiB === asked.cacheRamMiB ? "" : " without the prompt cache";
  return `a context of ${changed.contextSize} tokens${cache}${slots}${prompts}`;
}

/** Rounded up to whole MiB, as it can be typed into `memoryBudget`. */
function budgetQuantity(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}Mi (${formatBytes(bytes)})`;
}

/** What can be changed, in the order of what costs the user least. */
const CHANGES = ["context", "cache", "slots", "promptCache"] as const;
type Change = (typeof CHANGES)[number];

/** Every choice of them, the smaller ones first. */
const CHOICES: readonly (readonly Change[])[] = Array.from({ length: 2 ** CHANGES.length - 1 }, (_, index) =>
  CHANGES.filter((_change, position) => ((index + 1) & (1 << position)) !== 0),
).sort((a, b) => a.length - b.length || (rank(a) < rank(b) ? -1 : 1));

function rank(changes: readonly Change[]): string {
  return changes.map((change) => CHANGES.indexOf(change)).join("");
}

/** One change before two, two before three; among as many, what costs the user least. */
function fewestChanges(served: Served, asked: EstimateSettings, budget: number): EstimateSettings | undefined {
  if (fits(served, asked, budget)) return undefined;
  for (const changes of CHOICES) {
    const changed = changedBy(served, asked, budget, new Set(changes));
    if (changed !== undefined) return changed;
  }
  return undefined;
}

/** The settings after all of `changes`, each as small as it can be; undefined: one of them is none here, or they do not do. */
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
    settings = { ...settings, cacheRamMiB: 0 };
  }
  // A shorter context is what costs least: slots go only as far as one where it is not enough.
  const candidates = changes.has("slots") ? fewerSlots(settings) : [settings];
  if (!changes.has("context")) return candidates.find((one) => fits(served, one, budget));
  const last = candidates.at(-1);
  const context = last && largestContext(served, last, budget);
  return last === undefined || context === undefined || context >= asked.contextSize
    ? undefined
    : { ...last, contextSize: context };
}

/** The same with fewer slots, most first. */
function fewerSlots(settings: EstimateSettings): readonly EstimateSettings[] {
  if (settings.parallel === "auto") return [{ ...settings, parallel: 1 }];
  const most = Math.min(settings.parallel - 1, LARGEST_SLOTS);
  return Array.from({ length: most }, (_, index) => ({ ...settings, parallel: most - index }));
}

function quantizable(settings: EstimateSettings): boolean {
  return UNQUANTIZED.has(settings.cacheTypeK) && settings.flashAttention;
}

function withCache(settings: EstimateSettings, type: CacheType): EstimateSettings {
  return { ...settings, cacheTypeK: type, cacheTypeV: type };
}

function smallestMac(needed: number): number | undefined {
  return MAC_GIB.map((gib) => gib * 2 ** 30).find((physicalMemoryBytes) => {
    const allocatable = resolveAllocatable({ backend: "metal", physicalMemoryBytes });
    return allocatable.ok && needed <= allocatable.value.bytes;
  });
}

function largestContext(served: Served, settings: EstimateSettings, budgetBytes: number): number | undefined {
  let fitting = 0;
  let failing = Math.floor(contextLimit(served, settings) / STEP) + 1;
  while (failing - fitting > 1) {
    const middle = Math.floor((fitting + failing) / 2);
    if (fits(served, { ...settings, contextSize: middle * STEP }, budgetBytes)) fitting = middle;
    else failing = middle;
  }
  return fitting === 0 ? undefined : fitting * STEP;
}

/** Each slot of an explicit `--parallel` has a share of the context, and can use the whole training length. */
export function contextLimit(served: Served, settings: EstimateSettings): number {
  const slots = settings.parallel === "auto" ? 1 : settings.parallel;
  const { metadata } = served.header;
  const architecture = metadata.get("general.architecture");
  const trained = metadata.get(`${String(architecture)}.context_length`);
  return typeof trained === "number" && trained >= STEP ? Math.min(trained * slots, LARGEST_CONTEXT) : LARGEST_CONTEXT;
}

function fits(served: Served, settings: EstimateSettings, budgetBytes: number): boolean {
  const needed = neededBytes(served, settings);
  return needed !== undefined && needed <= budgetBytes;
}

function neededBytes(served: Served, settings: EstimateSettings): number | undefined {
  const answer = estimateServed(served, settings);
  return answer.ok && answer.value.confidence !== "unknown" ? answer.value.totalBytes : undefined;
}
