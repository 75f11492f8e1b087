import * as z from "zod";
import { isQuantized } from "../../memory/estimate/cache-types.ts";
import { isFastCachePair, withoutFlashAttention } from "../../memory/estimate/flash-attention.ts";
import type { CacheType, EstimateSettings } from "../../memory/estimate/types.ts";
import { servingSettings } from "../../serving/settings.ts";
import { defineRule } from "../define.ts";
import type { Peers, ServedSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { memoryFits } from "./memory-fits.ts";
import { notYetKnown } from "./not-yet-known.ts";
import { weightsHeader } from "./weights-header.ts";

/** Outside of Metal's fast path llama-server starts all the same; the CPU then computes the attention. */
export const cacheTypeFastPath = defineRule({
  name: "cache-type-fast-path",
  title: "Cache types for Metal",
  description: "A KV cache on a Mac must have types for which Metal has flash attention.",
  remedy: "Give cacheTypeK and cacheTypeV the same type, and not iq4_nl: q8_0 halves the cache, q4_0 quarters it.",
  severity: "medium",
  tags: ["performance", "cache", "metal"],
  level: "advisory",
  config: z.strictObject({}),
  examples: {
    bad: {
      model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal" } },
      service: { modelRef: "gemma", cacheTypeK: "q8_0", cacheTypeV: "q4_0" },
      header: { "general.architecture": "llama" },
    },
    good: {
      model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal" } },
      service: { modelRef: "gemma", cacheTypeK: "q8_0", cacheTypeV: "q8_0" },
      header: { "general.architecture": "llama" },
    },
  },
  checkServed,
});

const FIELDS = ["cacheTypeK", "cacheTypeV", "cacheTypeCustomK", "cacheTypeCustomV", "flashAttention"];

async function checkServed({ service, model }: ServedSubject, _config: object, peers: Peers): Promise<Findings> {
  const notes = [...notYetKnown(service, FIELDS), ...notYetKnown(model, ["hardware.accelerator"])];
  if (notes.length > 0 || model.spec.hardware?.accelerator !== "metal" || service.spec.runtime !== "llamacpp") {
    return { notes };
  }
  const settings = servingSettings(service.spec, "metal");
  if (!settings.ok)
    return peers.refused(memoryFits.name, service) ? {} : refusal(`${service.label}: ${settings.error}.`);
  if (!settings.value.flashAttention) return {};
  const header = await weightsHeader(model);
  const { cacheTypeK, cacheTypeV } = settings.value;
  const why = header?.ok
    ? withoutFlashAttention(header.value, settings.value)
    : isFastCachePair(cacheTypeK, cacheTypeV)
      ? undefined
      : `a K cache in ${cacheTypeK} with a V cache in ${cacheTypeV}`;
  if (why === undefined) return {};
  return refusal(
    `${service.label}: Metal has no flash attention for ${why}, so the CPU computes the attention: slowly, and with a larger buffer.` +
      `\nWhat would be fast: ${remedyFor(settings.value, service.spec)}.`,
  );
}

function remedyFor({ cacheTypeK, cacheTypeV }: EstimateSettings, spec: ServedSubject["service"]["spec"]): string {
  if (isFastCachePair(cacheTypeK, cacheTypeV)) {
    // The widths of the heads are the model's own.
    return isQuantized(cacheTypeV)
      ? "another model: no cache type changes the widths of this one's heads"
      : "spec.flashAttention false, with which the GPU computes it in more memory";
  }
  const [larger] = LARGEST_FIRST.filter((type) => type === cacheTypeK || type === cacheTypeV);
  const smaller = LARGEST_FIRST.filter((type) => type === cacheTypeK || type === cacheTypeV).at(-1);
  const choices = [...new Set([larger ?? "q4_0", smaller ?? "q4_0"])].map((type) => `${type} for both`);
  const fields = [
    spec.cacheTypeCustomK === undefined ? "spec.cacheTypeK" : "spec.cacheTypeCustomK",
    spec.cacheTypeCustomV === undefined ? "spec.cacheTypeV" : "spec.cacheTypeCustomV",
  ];
  return `${fields.join(" and ")} of one type, ${choices.join(" or ")}`;
}

/** The types for which Metal has flash attention. */
const LARGEST_FIRST: readonly CacheType[] = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"];
