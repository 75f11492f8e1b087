import { GiB, MiB } from "../api/bytes.ts";
import { formatBytes } from "../api/quantity.ts";
import type { Advice } from "./advice.ts";
import type { EstimateSettings } from "./estimate/types.ts";

/** Sentences about what would fit, which a person can act on. `settings` are those that were asked for. */
export function adviceText(advice: Advice, settings: EstimateSettings): string {
  const { neededBytes, smallestMacBytes } = advice;
  const changes = changesThatFit(advice, settings);
  const budget = neededBytes === undefined ? undefined : `a budget of at least ${budgetQuantity(neededBytes)}`;
  const mac =
    smallestMacBytes === undefined
      ? ""
      : ` By default these settings fit a Mac with ${smallestMacBytes / GiB} GiB of memory. A smaller quantization of the model needs less.`;
  if (changes.length === 0) return `No context fits this budget. What would fit: ${budget ?? "a smaller model"}.${mac}`;
  const choices = budget === undefined ? changes : [...changes, `these settings with ${budget}`];
  return `What would fit: ${choices.join(", or ")}.${mac}`;
}

function changesThatFit(advice: Advice, settings: EstimateSettings): readonly string[] {
  const { maxContextSize, quantizedCacheContextSize, promptCacheMiB, fewestChanges } = advice;
  const changes: string[] = [];
  if (promptCacheMiB !== undefined) {
    changes.push(
      `these settings without the prompt cache, or with one of up to ${promptCacheMiB}Mi (auto takes what is left)`,
    );
  }
  if (maxContextSize !== undefined && maxContextSize < settings.contextSize)
    changes.push(`a context of ${maxContextSize} tokens`);
  if (quantizedCacheContextSize !== undefined && quantizedCacheContextSize > (maxContextSize ?? 0)) {
    const context = Math.min(quantizedCacheContextSize, settings.contextSize);
    changes.push(`a context of ${context} tokens with a KV cache in q8_0`);
  }
  if (changes.length === 0 && fewestChanges !== undefined) changes.push(changesText(fewestChanges, settings));
  return changes;
}

function changesText(changed: EstimateSettings, asked: EstimateSettings): string {
  const cache = changed.cacheTypeK === asked.cacheTypeK ? "" : ` with a KV cache in ${changed.cacheTypeK}`;
  const slots =
    changed.parallel === asked.parallel ? "" : ` with ${changed.parallel} slot${changed.parallel === 1 ? "" : "s"}`;
  const prompts = changed.cacheRamMiB === asked.cacheRamMiB ? "" : " without the prompt cache";
  return `a context of ${changed.contextSize} tokens${cache}${slots}${prompts}`;
}

/** Rounded up to whole MiB, as it can be typed into `memoryBudget`. */
function budgetQuantity(bytes: number): string {
  return `${Math.ceil(bytes / MiB)}Mi (${formatBytes(bytes)})`;
}
