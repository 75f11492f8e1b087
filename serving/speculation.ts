import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import { SERVER_DEFAULTS } from "../api/llama-fields.ts";
import { fail, ok, type Result } from "../api/result.ts";

/** How tokens are guessed ahead: with a smaller model, or from the text so far. */
export type Speculation =
  | {
      readonly type: "draft-simple";
      /** Name of the Model that drafts, in the namespace of the service. */
      readonly draftModelRef: string;
      readonly draftTokens: number;
      readonly pMin: number | undefined;
    }
  | { readonly type: "ngram-simple"; readonly draftTokens: number };

/** llama-server's own `--spec-ngram-simple-size-m`. */
const DEFAULT_NGRAM_TOKENS = 48;

/**
 * What a service's `speculativeDecoding` asks for; undefined: nothing. Of llama-server's kinds only those are served
 * whose memory can be told beforehand: the others keep tables that grow, or contexts that no rule here knows.
 */
export function speculationOf({ speculativeDecoding: asked }: InferenceServiceSpec): Result<Speculation | undefined> {
  const type = asked?.type ?? "none";
  if (asked === undefined || type === "none" || type === "disabled") return ok(undefined);
  if (type === "ngram-simple") return ok({ type, draftTokens: asked.nDraftMax ?? DEFAULT_NGRAM_TOKENS });
  if (type !== "draft" && type !== "draft-simple") {
    return fail(
      `spec.speculativeDecoding.type ${type} needs memory that cannot be told: use draft-simple or ngram-simple`,
    );
  }
  if (!asked.draftModelRef) {
    return fail("spec.speculativeDecoding.draftModel is not supported: name a Model with draftModelRef");
  }
  const draftTokens = asked.nDraftMax ?? SERVER_DEFAULTS.draftTokens;
  return ok({ type: "draft-simple", draftModelRef: asked.draftModelRef, draftTokens, pMin: asked.pMin });
}

/** The Model that a service drafts with, by its name in the service's namespace; undefined: none. */
export function draftModelRef(spec: InferenceServiceSpec): string | undefined {
  const speculation = speculationOf(spec);
  return speculation.ok && speculation.value?.type === "draft-simple" ? speculation.value.draftModelRef : undefined;
}
