import * as pulumi from "@pulumi/pulumi";
import { SERVER_DEFAULTS } from "../api/llama-fields.ts";
import { headerCacheFolder } from "../gguf/header-cache.ts";
import { readHeader } from "../gguf/read.ts";
import { advise } from "../memory/advice.ts";
import { resolveBudget } from "../memory/budget.ts";
import type { Backend, CacheType } from "../memory/estimate/types.ts";
import { estimateServed, type Served } from "../memory/served.ts";
import { DEFAULT_SETTINGS } from "../serving/settings.ts";

/** A model, and how llama-server would serve it. */
export interface EstimateMemoryArgs {
  /** A GGUF file: an absolute path, file://, http://, https:// or hf://org/repo/file.gguf. */
  source: pulumi.Input<string>;
  /** Tokens over all slots; 2048 where not set. */
  contextSize?: pulumi.Input<number | undefined>;
  /** Slots, or `auto`; 1 where not set. */
  parallel?: pulumi.Input<number | "auto" | undefined>;
  /** f16 where not set. */
  cacheTypeK?: pulumi.Input<CacheType | undefined>;
  /** f16 where not set. A quantized one needs flash attention. */
  cacheTypeV?: pulumi.Input<CacheType | undefined>;
  /** On unless false. */
  flashAttention?: pulumi.Input<boolean | undefined>;
  /** 2048 where not set. */
  batchSize?: pulumi.Input<number | undefined>;
  /** 512 where not set. */
  ubatchSize?: pulumi.Input<number | undefined>;
  /** metal where not set. */
  backend?: pulumi.Input<Backend | undefined>;
  /** Projector of images or sound that is served beside it; where it is, as source says. */
  mmproj?: pulumi.Input<string | undefined>;
  /** Model that guesses tokens ahead; where it is, as source says. */
  draft?: pulumi.Input<string | undefined>;
  /** Tokens guessed ahead; 3 where draft is set and this is not. */
  draftTokens?: pulumi.Input<number | undefined>;
  /** LoRA adapters; where they are, as source says. */
  loras?: pulumi.Input<pulumi.Input<string>[] | undefined>;
  /** A Kubernetes quantity to search the largest context for, for example 24Gi. */
  memoryBudget?: pulumi.Input<string | undefined>;
}

/** What a model needs, in bytes. */
export interface MemoryEstimate {
  readonly totalBytes: number;
  readonly parts: Readonly<Record<string, number>>;
  /** `exact`, or `bounded`: an upper bound, for the reason in `notes`. */
  readonly confidence: "exact" | "bounded";
  readonly notes: readonly string[];
  /** The largest context in tokens that `memoryBudget` holds; undefined where none was given, or none fits. */
  readonly maxContextSize: number | undefined;
}

/**
 * What a model will need under llama-server, from its header alone, so that a program can size a machine from a model.
 * Rejects with one sentence where the header cannot be read, or the need is not known.
 */
export function estimateMemory(args: EstimateMemoryArgs): pulumi.Output<MemoryEstimate> {
  return pulumi.output(args).apply(async (known) => {
    const budget = known.memoryBudget === undefined ? undefined : resolveBudget({ memoryBudget: known.memoryBudget });
    if (budget?.ok === false) throw refusal(budget.error);
    const served = await readServed(known);
    const settings = {
      backend: known.backend ?? "metal",
      contextSize: known.contextSize ?? DEFAULT_SETTINGS.contextSize,
      parallel: known.parallel ?? DEFAULT_SETTINGS.parallel,
      cacheTypeK: known.cacheTypeK ?? DEFAULT_SETTINGS.cacheTypeK,
      cacheTypeV: known.cacheTypeV ?? DEFAULT_SETTINGS.cacheTypeV,
      flashAttention: known.flashAttention ?? DEFAULT_SETTINGS.flashAttention,
      batchSize: known.batchSize ?? DEFAULT_SETTINGS.batchSize,
      ubatchSize: known.ubatchSize ?? DEFAULT_SETTINGS.ubatchSize,
      ...draftTokens(known),
    };
    const answer = estimateServed(served, settings);
    if (!answer.ok) throw refusal(`${known.source}: ${answer.error}`);
    if (answer.value.confidence === "unknown") {
      throw refusal(`${known.source}: memory need unknown (${answer.value.notes.join("; ")})`);
    }
    const { totalBytes, parts, confidence, notes } = answer.value;
    const maxContextSize = budget && advise(served, settings, budget.value.bytes).maxContextSize;
    return { totalBytes, parts, confidence, notes, maxContextSize };
  });
}

type Known = pulumi.Unwrap<EstimateMemoryArgs>;

function draftTokens({ draft, draftTokens: asked }: Known): { draftTokens?: number } {
  const tokens = asked ?? (draft === undefined ? undefined : SERVER_DEFAULTS.draftTokens);
  return tokens === undefined ? {} : { draftTokens: tokens };
}

async function readServed({ source, mmproj, draft, loras = [] }: Known): Promise<Served> {
  const read = async (from: string) => {
    const header = await readHeader(from, { cacheFolder: headerCacheFolder() });
    if (!header.ok) throw refusal(header.error);
    return header.value;
  };
  return {
    header: await read(source),
    mmproj: mmproj === undefined ? undefined : await read(mmproj),
    draft: draft === undefined ? undefined : await read(draft),
    loras: await Promise.all(loras.map(read)),
  };
}

function refusal(problem: string): pulumi.RunError {
  return new pulumi.RunError(`estimateMemory: ${problem}`);
}
