import type { Result } from "../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { estimateWith } from "./estimate/auxiliary.ts";
import type { Estimate, EstimateSettings } from "./estimate/types.ts";

/** A model and its auxiliary models. */
export interface Served {
  readonly header: GgufHeader;
  /** The multimodal projector for images or sound. */
  readonly mmproj?: GgufHeader | undefined;
  /** The draft model of speculative decoding. */
  readonly draft?: GgufHeader | undefined;
  readonly loras?: readonly GgufHeader[] | undefined;
}

/** The estimate of a model with its auxiliary models. The draft model has the same context and slots. Fails like `estimateWith`. */
export function estimateServed({ header, mmproj, draft, loras }: Served, settings: EstimateSettings): Result<Estimate> {
  return estimateWith(header, settings, {
    ...(mmproj && { mmproj }),
    ...(draft && { draft: { header: draft, settings: draftSettings(settings) } }),
    ...(loras && { loras }),
  });
}

/**
 * The settings of the draft model: context and slots are those of the main model, its KV cache is in f16. Both models share one
 * prompt cache.
 */
export function draftSettings(settings: EstimateSettings): EstimateSettings {
  const { draftTokens: _drafted, cacheRamMiB: _shared, ...own } = settings;
  return { ...own, cacheTypeK: "f16", cacheTypeV: "f16" };
}
