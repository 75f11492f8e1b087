import * as pulumi from "@pulumi/pulumi";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { advise } from "../../memory/advice.ts";
import { resolveBudget } from "../../memory/budget.ts";
import type { Backend, CacheType, Mode, Pooling } from "../../memory/estimate/types.ts";
import { estimateWhole, readServed } from "../../memory/served.ts";
import { DEFAULT_SETTINGS, LOAD_MODE } from "../../serving/default-settings.ts";

/** A model, and the settings that llama-server would serve it with. */
export interface EstimateMemoryArgs {
  /** A GGUF file: an absolute path, file://, http://, https:// or hf://org/repo/file.gguf. */
  source: pulumi.Input<string>;
  /** Context window in tokens, which all slots share. Defaults to 2048. */
  contextSize?: pulumi.Input<number | undefined>;
  /** Number of slots; `auto` means 4 slots that share one context. Defaults to 1. */
  parallel?: pulumi.Input<number | "auto" | undefined>;
  /** Quantization of the keys in the KV cache. Defaults to f16. */
  cacheTypeK?: pulumi.Input<CacheType | undefined>;
  /** Quantization of the values in the KV cache. Defaults to f16; a quantized type needs flash attention. */
  cacheTypeV?: pulumi.Input<CacheType | undefined>;
  /** Defaults to true. */
  flashAttention?: pulumi.Input<boolean | undefined>;
  /** What the server answers. Defaults to chat. */
  mode?: pulumi.Input<Mode | undefined>;
  /** How the embeddings of an input become one. Defaults to rank in mode rerank, and otherwise to that of the file. */
  pooling?: pulumi.Input<Pooling | undefined>;
  /** Logical batch size in tokens. Defaults to 2048, and for embeddings to ubatchSize. */
  batchSize?: pulumi.Input<number | undefined>;
  /** Physical batch size in tokens. Defaults to 512, and for embeddings to a slot's context where an input must lie in one batch. */
  ubatchSize?: pulumi.Input<number | undefined>;
  /** Defaults to metal. */
  backend?: pulumi.Input<Backend | undefined>;
  /** Location of the multimodal projector for images or sound; it takes the same forms as source. */
  mmproj?: pulumi.Input<string | undefined>;
  /** Location of the draft model for speculative decoding; it takes the same forms as source. */
  draft?: pulumi.Input<string | undefined>;
  /** The most tokens to draft at a time. Defaults to 3 if draft is set, and to none otherwise. */
  draftTokens?: pulumi.Input<number | undefined>;
  /** Locations of LoRA adapters; they take the same forms as source. */
  loras?: pulumi.Input<pulumi.Input<string>[] | undefined>;
  /** The budget to find the largest context for: a Kubernetes quantity, for example 24Gi. */
  memoryBudget?: pulumi.Input<string | undefined>;
}

/** The memory that a model needs, in bytes. */
export interface MemoryEstimate {
  readonly totalBytes: number;
  /** The parts that totalBytes is the sum of, by name: weights, kv, computeDevice, ... */
  readonly parts: Readonly<Record<string, number>>;
  /** `exact`, or `bounded` for an upper bound; `notes` says why it is not exact. */
  readonly confidence: "exact" | "bounded";
  readonly notes: readonly string[];
  /**
   * The largest context in tokens that fits `memoryBudget`; undefined if no budget was given, or if no context fits.
   */
  readonly maxContextSize: number | undefined;
}

/**
 * Estimates the memory that llama-server will need for a model. It reads the header of the file only, so that a program
 * can choose a machine for a model. The output rejects with one sentence if the header cannot be read, or if the need
 * is unknown.
 */
export function estimateMemory(args: EstimateMemoryArgs): pulumi.Output<MemoryEstimate> {
  return pulumi.output(args).apply(async (given) => {
    const known = withoutNulls(given);
    const budget = known.memoryBudget === undefined ? undefined : resolveBudget({ memoryBudget: known.memoryBudget });
    if (budget?.ok === false) throw refusal(budget.error);
    const { source, mmproj, draft, loras } = known;
    // Loaded here, because most programs never ask and each of them would pay for it.
    const { readHeader } = await import("../../gguf/read.ts");
    const { headerCacheFolder } = await import("../../gguf/header-cache.ts");
    const headers = await readServed({ model: source, mmproj, draft, loras }, (file) =>
      readHeader(file, { cacheFolder: headerCacheFolder() }),
    );
    if (!headers.ok) throw refusal(headers.error);
    const served = headers.value;
    const settings = {
      backend: known.backend ?? "metal",
      contextSize: known.contextSize ?? DEFAULT_SETTINGS.contextSize,
      parallel: known.parallel ?? DEFAULT_SETTINGS.parallel,
      cacheTypeK: known.cacheTypeK ?? DEFAULT_SETTINGS.cacheTypeK,
      cacheTypeV: known.cacheTypeV ?? DEFAULT_SETTINGS.cacheTypeV,
      flashAttention: known.flashAttention ?? DEFAULT_SETTINGS.flashAttention,
      batchSize: known.batchSize ?? ("auto" as const),
      ubatchSize: known.ubatchSize ?? ("auto" as const),
      loadMode: LOAD_MODE,
      ...(known.mode !== undefined && { mode: known.mode }),
      ...(known.pooling !== undefined && { pooling: known.pooling }),
      ...draftTokens(known),
    };
    const answer = estimateWhole(served, settings);
    if (!answer.ok) throw refusal(`${known.source}: ${answer.error}`);
    if (answer.value.confidence === "unknown") {
      throw refusal(`${known.source}: the memory need is unknown (${answer.value.notes.join("; ")})`);
    }
    const { totalBytes, parts, confidence, notes } = answer.value;
    const maxContextSize = budget && advise(served, settings, budget.value.bytes).maxContextSize;
    return { totalBytes, parts, confidence, notes, maxContextSize };
  });
}

type Known = pulumi.Unwrap<EstimateMemoryArgs>;

/** To Pulumi null is absent, whatever the types of a program say. */
function withoutNulls(given: Known): Known {
  const loras = given.loras?.filter((lora) => lora !== null);
  const present = Object.entries({ ...given, loras }).filter(([, value]) => value !== null);
  // The same arguments, of which some are left out.
  return Object.fromEntries(present) as unknown as Known;
}

function draftTokens({ draft, draftTokens: asked }: Known): { draftTokens?: number } {
  const tokens = asked ?? (draft === undefined ? undefined : SERVER_DEFAULTS.draftTokens);
  return tokens === undefined ? {} : { draftTokens: tokens };
}

function refusal(problem: string): pulumi.RunError {
  return new pulumi.RunError(`estimateMemory: ${problem}`);
}
