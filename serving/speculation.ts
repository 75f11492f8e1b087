import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { SERVER_DEFAULTS } from "../api/server-defaults.ts";

/** The method of speculative decoding: tokens are drafted by a smaller model, or from n-grams of the text so far. */
export type Speculation =
  | {
      readonly type: "draft-simple";
      /** Name of the draft Model, in the namespace of the service. */
      readonly draftModelRef: string;
      readonly draftTokens: number;
      readonly pMin: number | undefined;
    }
  | { readonly type: "ngram-simple"; readonly draftTokens: number };

/** llama-server's own default of `--spec-ngram-simple-size-m`. */
const DEFAULT_NGRAM_TOKENS = 48;

/**
 * The speculative decoding that a service asks for; undefined if it asks for none. Only those of llama-server's methods
 * are supported whose memory can be estimated: the others keep tables that grow, or contexts for which there is no rule
 * here.
 */
export function speculationOf({ speculativeDecoding: asked }: InferenceServiceSpec): Result<Speculation | undefined> {
  const type = asked?.type ?? "none";
  if (asked === undefined || type === "none" || type === "disabled") return ok(undefined);
  if (type === "ngram-simple") return ok({ type, draftTokens: asked.nDraftMax ?? DEFAULT_NGRAM_TOKENS });
  if (type !== "draft" && type !== "draft-simple") {
    return fail(
      `spec.speculativeDecoding.type ${type} is not supported, because its memory cannot be estimated: use draft-simple or ngram-simple`,
    );
  }
  if (!asked.draftModelRef) {
    return fail("spec.speculativeDecoding.draftModel is not supported: name a Model in draftModelRef");
  }
  const draftTokens = asked.nDraftMax ?? SERVER_DEFAULTS.draftTokens;
  return ok({ type: "draft-simple", draftModelRef: asked.draftModelRef, draftTokens, pMin: asked.pMin });
}

/** The name of a service's draft Model, which is in the service's namespace; undefined if it has none. */
export function draftModelRef(spec: InferenceServiceSpec): string | undefined {
  const speculation = speculationOf(spec);
  return speculation.ok && speculation.value?.type === "draft-simple" ? speculation.value.draftModelRef : undefined;
}
