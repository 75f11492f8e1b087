import type { Result } from "../api/result.ts";
import { estimateWith } from "./estimate/companions.ts";
import type { Estimate, EstimateSettings } from "./estimate/types.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { draftSettings } from "./speculation.ts";

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
