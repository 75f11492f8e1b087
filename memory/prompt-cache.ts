import { MiB } from "../api/bytes.ts";
import { ON_DEMAND_ANNOTATIONS, type PromptCache } from "../api/on-demand.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { estimate, sumOf } from "./estimate/estimate.ts";
import type { EstimateSettings } from "./estimate/types.ts";

/** What llama-server itself takes where nobody says how much: 8 GiB hold more conversations than one person comes back to. */
const MOST_MIB = 8192;
/** llama-server keeps no conversation that is larger than its whole cache: in less, hardly one fits. */
const LEAST_MIB = 64;
/** What stays free of that which `auto` may take: a sixteenth, and at least this (docs/background/llama-memory.md). */
const MARGIN_SHARE = 1 / 16;
const LEAST_MARGIN = 16 * MiB;

export type Parts = Readonly<Record<string, number>>;

/** What `auto` is decided by, in bytes. */
export interface CacheRoom {
  /** What the model may use: its budget, or less where the machine has less for it. */
  readonly allowedBytes: number;
  /** What the model needs without the cache. */
  readonly needBytes: number;
  readonly rereads: Rereads | undefined;
}

/**
 * Layers that cannot go back to an earlier token without context checkpoints, which are off: llama-server reads a conversation that it takes
 * from its cache anew (docs/background/llama-memory.md, "Prompt cache and checkpoints").
 */
export type Rereads = "sliding-window" | "recurrent";

/** The layers for which a prompt cache has no effect; undefined: the model has none with these settings, or nobody knows. */
export function rereadsOf(header: GgufHeader, settings: EstimateSettings): Rereads | undefined {
  // What would keep checkpoints is what needs them.
  const checkpointed = estimate(header, { ...settings, ctxCheckpoints: 1 });
  if (!checkpointed.ok || checkpointed.value.confidence === "unknown") return undefined;
  const { parts, contextBytes } = checkpointed.value;
  if (!parts["checkpoints"]) return undefined;
  return contextBytes.recurrent > 0 ? "recurrent" : "sliding-window";
}

/** A sentence where the prompt cache that somebody asked for has no effect. */
export function noEffectNote(wanted: PromptCache, rereads: Rereads | undefined): string | undefined {
  if (wanted === "off" || rereads === undefined) return undefined;
  const what = wanted === "auto" ? "auto has no effect" : "the prompt cache takes memory without effect";
  return `${ON_DEMAND_ANNOTATIONS.promptCache}: ${what}: the model has ${rereads} layers, with which llama-server reads a conversation anew all the same`;
}

/**
 * MiB of the prompt cache (`--cache-ram`); 0: none. A quantity is taken as it is, in whole MiB, whether or not it fits: the fit is checked
 * with it. `auto` takes what is left above the need and a margin, at most 8 GiB, and nothing where that is below 64 MiB or has no effect.
 */
export function promptCacheMiB(wanted: PromptCache, { allowedBytes, needBytes, rereads }: CacheRoom): number {
  if (wanted === "off") return 0;
  if (wanted !== "auto") return Math.floor(wanted / MiB);
  if (rereads !== undefined) return 0;
  const left = allowedBytes - needBytes;
  const cache = Math.floor((left - Math.max(LEAST_MARGIN, left * MARGIN_SHARE)) / MiB);
  return cache < LEAST_MIB ? 0 : Math.min(cache, MOST_MIB);
}

/**
 * The settings with a prompt cache that is asked for as a quantity, which has to fit. What `auto` takes is decided at the start, by what is
 * left: it refuses nobody. llama-server keeps the prompts of completions alone.
 */
export function withQuantity(settings: EstimateSettings, wanted: PromptCache): EstimateSettings {
  const { mode = "chat" } = settings;
  return mode === "chat" && typeof wanted === "number"
    ? { ...settings, cacheRamMiB: Math.floor(wanted / MiB) }
    : settings;
}

/** The parts of an estimate with a prompt cache of this size in place of the one that it has. What still loads has filled none. */
export function withPromptCache({ promptCache: _before, ...others }: Parts, cacheMiB: number): Parts {
  if (cacheMiB === 0) return others;
  const promptCache = cacheMiB * MiB;
  const { loading } = others;
  return { ...others, ...(loading !== undefined && { loading: Math.max(0, loading - promptCache) }), promptCache };
}

/** Bytes that a server holds once it serves, without its prompt cache. */
export function servingBytes({ promptCache: _cache, loading: _loading, ...others }: Parts): number {
  return sumOf(others);
}
