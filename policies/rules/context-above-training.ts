import * as z from "zod";
import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { readFacts } from "../../memory/estimate/facts.ts";
import { defineRule } from "../define.ts";
import type { Peers, ServedSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";
import { unread, weightsHeader } from "./weights-header.ts";

/**
 * llama-server cuts each slot to the context that the model was trained with, and warns ("the slot context exceeds the
 * training context of the model - capping"). The cache has its full size by then.
 */
export const contextAboveTraining = defineRule({
  name: "context-above-training",
  title: "Context within the training",
  description: "A slot's context must not be longer than the one that the model was trained with.",
  remedy:
    "Lower contextSize, which all slots share, or set ropeScaling of type yarn with the factor that the model's publisher names for" +
    " longer contexts. llama-server counts no other type.",
  severity: "medium",
  tags: ["context", "memory", "quality"],
  level: "advisory",
  config: z.strictObject({}),
  examples: {
    bad: {
      model: { source: "hf://org/repo/model.gguf" },
      service: { modelRef: "gemma", contextSize: 65_536 },
      header: { "llama.context_length": 32_768 },
    },
    good: {
      model: { source: "hf://org/repo/model.gguf" },
      service: { modelRef: "gemma", contextSize: 65_536, parallelSlots: 2 },
      header: { "llama.context_length": 32_768 },
    },
  },
  checkServed,
});

async function checkServed({ service, model }: ServedSubject, _config: object, peers: Peers): Promise<Findings> {
  const notes = notYetKnown(service, ["contextSize", "parallelSlots", "ropeScaling"]);
  if (notes.length > 0 || service.spec.runtime !== "llamacpp") return { notes };
  const header = await weightsHeader(model);
  if (header?.ok === false) return unread(service.label, "the context of its model's training", header.error, peers);
  const limit = header?.ok ? contextLimit(header.value, service.spec.ropeScaling) : undefined;
  if (limit === undefined) return {};
  const { contextSize = SERVER_DEFAULTS.contextSize, parallelSlots = SERVER_DEFAULTS.parallelSlots } = service.spec;
  const slot = Math.floor(contextSize / parallelSlots);
  if (slot <= limit.tokens) return {};
  const divided = parallelSlots === 1 ? "" : `, divided among spec.parallelSlots ${parallelSlots}`;
  const scaled = limit.isScaled
    ? "a larger factor of spec.ropeScaling"
    : `spec.ropeScaling of type yarn with factor "${Math.ceil(slot / limit.trained)}"`;
  return refusal(
    `${service.label}: a slot would have ${slot} tokens (spec.contextSize ${contextSize}${divided}), but ${model.label} was trained with` +
      ` ${limit.trained}, as its header says${limit.remark}. llama-server cuts each slot to ${limit.tokens}, and the memory for the rest is` +
      ` reserved for nothing.\nWhat would fit: spec.contextSize ${limit.tokens * parallelSlots}, or ${scaled} where the model's publisher recommends it.`,
  );
}

interface ContextLimit {
  /** Of one slot. */
  readonly tokens: number;
  readonly trained: number;
  readonly isScaled: boolean;
  /** What ropeScaling does to it, as a clause; empty where none is set. */
  readonly remark: string;
}

/** Of YaRN llama.cpp takes its original context times its factor for the trained one (ggml-org/llama.cpp#28030); of nothing else. */
function contextLimit(header: GgufHeader, ropeScaling: InferenceServiceSpec["ropeScaling"]): ContextLimit | undefined {
  const facts = readFacts(header);
  const trained = facts.ok ? facts.value.trainedContext : undefined;
  if (!facts.ok || trained === undefined) return undefined;
  const { type, factor, originalContext } = ropeScaling ?? {};
  if (type === undefined) return { tokens: trained, trained, isScaled: false, remark: "" };
  if (type !== "yarn" || factor === undefined) {
    const what = type === "yarn" ? "spec.ropeScaling without a factor" : `spec.ropeScaling of type ${type}`;
    return { tokens: trained, trained, isScaled: false, remark: `, and ${what} does not change that for the server` };
  }
  const stored = header.metadata.get(`${facts.value.architecture}.rope.scaling.original_context_length`);
  const original = originalContext ?? (typeof stored === "number" && stored > 0 ? stored : trained);
  const tokens = Math.floor(original * Number(factor));
  return {
    tokens,
    trained,
    isScaled: true,
    remark: `, and spec.ropeScaling extends ${original} by ${factor} to ${tokens}`,
  };
}
