import { MiB } from "../api/bytes.ts";
import type { PromptCache } from "../api/on-demand.ts";

/** What llama-server itself takes where nobody says how much: 8 GiB hold more conversations than one person comes back to. */
const MOST_MIB = 8192;
/** llama-server keeps no conversation that is larger than its whole cache: in less, hardly one fits. */
const LEAST_MIB = 64;

/** What the cache's size is decided by, in bytes. */
export interface CacheRoom {
  readonly budgetBytes: number;
  /** The largest of estimate and projection, both without the cache. */
  readonly needBytes: number;
}

/**
 * MiB of the prompt cache (`--cache-ram`); 0: none. A quantity is taken as it is, in whole MiB, whether or not it fits: a refusal says
 * why. `auto` takes what the budget leaves above the need and a margin, at most 8 GiB, and nothing below 64 MiB.
 */
export function promptCacheMiB(wanted: PromptCache, { budgetBytes, needBytes }: CacheRoom): number {
  if (wanted === "off") return 0;
  if (wanted !== "auto") return Math.floor(wanted / MiB);
  const left = Math.floor((budgetBytes - needBytes - marginBytes(budgetBytes)) / MiB);
  return left < LEAST_MIB ? 0 : Math.min(left, MOST_MIB);
}
