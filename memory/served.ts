import type { Result } from "../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { estimateWith } from "./estimate/auxiliary.ts";
import type { Estimate, EstimateSettings } from "./estimate/types.ts";

/** A model and the files that it is served with. */
export interface Served {
  readonly header: GgufHeader;
  /** Projector of images or sound. */
  readonly mmproj?: GgufHeader | undefined;
  /** The model that drafts for it. */
  readonly draft?: GgufHeader | undefined;
  readonly loras?: readonly GgufHeader[] | undefined;
}

/** What all of it needs under `settings`; the draft model has the same context and slots. Fails as `estimateWith` does. */
export function estimateServed({ header, mmproj, draft, loras }: Served, settings: EstimateSettings): Result<Estimate> {
  return estimateWith(header, settings, {
    ...(mmproj && { mmproj }),
    ...(draft && { draft: { header: draft, settings: draftSettings(settings) } }),
    ...(loras && { loras }),
  });
}

/**
 * What the draft model is served with: the context and slots of the model it drafts for, and a cache in f16. The prompt cache is
 * one for both.
 */
export function draftSettings(settings: EstimateSettings): EstimateSettings {
  const { draftTokens: _drafted, cacheRamMiB: _shared, ...own } = settings;
  return { ...own, cacheTypeK: "f16", cacheTypeV: "f16" };
}
