import { MiB } from "../api/bytes.ts";
import { ON_DEMAND_ANNOTATIONS, type PromptCache } from "../api/on-demand.ts";
import { sequencesOf } from "./estimate/cache.ts";
import { sumOf } from "./estimate/estimate.ts";
import { promptCacheBytes, promptCacheWithin } from "./estimate/prompt-cache-size.ts";
import type { EstimateSettings } from "./estimate/types.ts";
import { estimateServed, type Served } from "./served.ts";

/** What llama-server itself takes where nobody says how much: 8 GiB hold more conversations than one person comes back to. */
const MOST_MIB = 8192;
/** llama-server keeps no conversation that is larger than its whole cache: in less, hardly one fits. */
const LEAST_MIB = 64;

export type Parts = Readonly<Record<string, number>>;

/**
 * `--ctx-checkpoints` beside a prompt cache, for each slot of a model that needs them: at the start of the last message, and at the end of
 * the prompt, which is where the next turn goes on (docs/background/llama-memory.md, "Prompt cache and checkpoints").
 */
export const CHECKPOINTS = 2;

/** What `auto` is decided by, in bytes. */
export interface CacheRoom {
  /** What the model may use: its budget, or less where the machine has less for it. */
  readonly allowedBytes: number;
  /** What the model needs without the cache. */
  readonly needBytes: number;
  readonly rereads: Rereads | undefined;
}

/**
 * A model whose layers cannot go back to an earlier token without context checkpoints: llama-server then reads a conversation that it
 * takes from its cache anew.
 */
export interface Rereads {
  readonly layers: "sliding-window" | "recurrent";
  /** Bytes of the {@link CHECKPOINTS} of all slots, which lie outside the cache. */
  readonly checkpointBytes: number;
  /** Bytes that a long conversation takes in the cache at least: what its layers hold, and its own copy of the checkpoints. */
  readonly conversationBytes: number;
}

/** What a prompt cache needs besides itself; undefined: the model needs no checkpoints with these settings, or nobody knows. */
export function rereadsOf(served: Served, settings: EstimateSettings): Rereads | undefined {
  // What would keep checkpoints is what needs them.
  const checkpointed = estimateServed(served, { ...settings, ctxCheckpoints: CHECKPOINTS });
  const asked = estimateServed(served, settings);
  if (!checkpointed.ok || checkpointed.value.confidence === "unknown") return undefined;
  if (!asked.ok || asked.value.confidence === "unknown") return undefined;
  const { parts, contextBytes } = checkpointed.value;
  if (!parts["checkpoints"]) return undefined;
  // With a quantity those of a draft model are counted with it already.
  const ofDraft = (parts["draft"] ?? 0) - (asked.value.parts["draft"] ?? 0);
  const checkpointBytes = parts["checkpoints"] + ofDraft;
  const oneSlot = checkpointBytes / sequencesOf(settings);
  return {
    layers: contextBytes.recurrent > 0 ? "recurrent" : "sliding-window",
    checkpointBytes,
    conversationBytes: (oneSlot / CHECKPOINTS) * (CHECKPOINTS + 1),
  };
}

/** A sentence where the prompt cache that somebody asked for is too small for what the model keeps of each conversation. */
export function noEffectNote(wanted: PromptCache, rereads: Rereads | undefined): string | undefined {
  if (typeof wanted !== "number" || rereads === undefined || wanted >= rereads.conversationBytes) return undefined;
  const least = `${Math.ceil(rereads.conversationBytes / MiB)}Mi`;
  return `${ON_DEMAND_ANNOTATIONS.promptCache}: the prompt cache is too small for a long conversation: with ${rereads.layers} layers llama-server keeps ${least} or more of each`;
}

/**
 * MiB of the prompt cache (`--cache-ram`); 0: none. A quantity is taken as it is, in whole MiB, whether or not it fits: the fit is checked
 * with it. `auto` takes what is left above the need and the checkpoints, at most 8 GiB, and nothing where that is below 64 MiB or too
 * small for a conversation.
 */
export function promptCacheMiB(wanted: PromptCache, { allowedBytes, needBytes, rereads }: CacheRoom): number {
  if (wanted === "off") return 0;
  if (wanted !== "auto") return Math.floor(wanted / MiB);
  const { checkpointBytes = 0, conversationBytes = 0 } = rereads ?? {};
  const cache = promptCacheWithin(allowedBytes - needBytes - checkpointBytes);
  return cache < Math.max(LEAST_MIB, conversationBytes / MiB) ? 0 : Math.min(cache, MOST_MIB);
}

/**
 * The settings with a prompt cache that is asked for as a quantity, which has to fit, and its checkpoints. What `auto` takes is decided at
 * the start, by what is left: it refuses nobody. llama-server keeps the prompts of completions alone.
 */
export function withQuantity(settings: EstimateSettings, wanted: PromptCache): EstimateSettings {
  const { mode = "chat" } = settings;
  return mode === "chat" && typeof wanted === "number"
    ? { ...settings, cacheRamMiB: Math.floor(wanted / MiB), ctxCheckpoints: CHECKPOINTS }
    : settings;
}

/** A prompt cache, and the checkpoints beside it. */
export interface CacheSize {
  /** `--cache-ram`, in MiB; 0: none. */
  readonly sizeMiB: number;
  /** Bytes of the context checkpoints of all slots; undefined or 0: none. */
  readonly checkpointBytes?: number | undefined;
}

/** Bytes that it adds to what a model needs. */
export function cacheBytes({ sizeMiB, checkpointBytes = 0 }: CacheSize): number {
  return promptCacheBytes(sizeMiB) + checkpointBytes;
}

/** The parts of an estimate with this prompt cache in place of the one that it has. What still loads has filled none. */
export function withPromptCache(parts: Parts, cache: CacheSize): Parts {
  const { promptCache: _cache, checkpoints: _checkpoints, ...others } = parts;
  if (cache.sizeMiB === 0) return others;
  const { sizeMiB, checkpointBytes = 0 } = cache;
  const { loading } = others;
  return {
    ...others,
    ...(loading !== undefined && { loading: Math.max(0, loading - cacheBytes(cache)) }),
    promptCache: promptCacheBytes(sizeMiB),
    ...(checkpointBytes > 0 && { checkpoints: checkpointBytes }),
  };
}

/** Bytes that a server holds once it serves, without its prompt cache. */
export function servingBytes({
  promptCache: _cache,
  checkpoints: _checkpoints,
  loading: _loading,
  ...others
}: Parts): number {
  return sumOf(others);
}
