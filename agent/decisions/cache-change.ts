import { MiB } from "../../api/bytes.ts";
import type { PromptCache } from "../../api/on-demand.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { CacheSize } from "../../memory/prompt-cache.ts";

/** The prompt cache that a server was started with. llama-server cannot change its size while it runs. */
export interface StartedCache extends CacheSize {
  /** As it was asked for. */
  readonly wanted: PromptCache;
}

export const NO_CACHE: StartedCache = { wanted: "off", sizeMiB: 0 };

export interface CacheSituation {
  /** What the server that runs has. */
  readonly started: StartedCache;
  /** What a start would get now. */
  readonly next: StartedCache;
  /** The largest of estimate and projection, with the cache that it has, in bytes. */
  readonly needBytes: number;
  readonly budgetBytes: number;
  /** Undefined: not known. */
  readonly busy: boolean | undefined;
}

/** `ask`: whether it works on a request must be known first. `restart`: stop it now, for a start with the other cache. */
export interface CacheChange {
  readonly act: "ask" | "wait" | "restart";
  /** A sentence. */
  readonly message: string;
}

/**
 * Whether a server restarts for another size of its prompt cache; undefined: it does not. It does where its budget was lowered, so that the
 * cache is what must go first, and where somebody asked for another cache: never while it works on a request, and never because `auto`
 * would take more than it did, or a little less that fits all the same.
 */
export function cacheChange(situation: CacheSituation): CacheChange | undefined {
  const { started, next, busy } = situation;
  if (next.sizeMiB === started.sizeMiB) return undefined;
  const why = reasonOf(situation);
  if (why === undefined) return undefined;
  const what = `${why}: its prompt cache becomes ${sizeText(next)} instead of ${sizeText(started)}`;
  if (busy === undefined) return { act: "ask", message: `${what}, with a restart once it has no request` };
  if (busy) return { act: "wait", message: `${what}, with a restart once its requests have ended` };
  return { act: "restart", message: `${what}; it restarts with it` };
}

function reasonOf({ started, next, needBytes, budgetBytes }: CacheSituation): string | undefined {
  if (started.wanted !== next.wanted) return "another prompt cache is asked for";
  const isOver = needBytes > budgetBytes;
  return isOver && next.sizeMiB < started.sizeMiB ? "its budget was lowered" : undefined;
}

function sizeText({ sizeMiB }: StartedCache): string {
  return formatBytes(sizeMiB * MiB);
}
