import type { ModelFacts } from "./facts.ts";
import type { Family } from "./families/family.ts";
import type { EstimateSettings, Pooling } from "./types.ts";

/** llama-server's own defaults, in tokens. */
const CHAT = { batchSize: 2048, ubatchSize: 512 };
const PADDING = 256;

/** The sizes of a server's batches, in tokens. */
export interface Batches {
  readonly batchSize: number;
  readonly ubatchSize: number;
}

export type BatchedSettings = EstimateSettings & Batches;

/**
 * Whether the server keeps the logits and the embedding of every token of a batch. It does for embeddings and reranking
 * (llama.cpp, llama-context.cpp, `decode`), and reserves for it wherever a way of pooling is set (server-context.cpp,
 * `server_output_limits`).
 */
export function keepsEveryToken({ mode = "chat", pooling = "none" }: EstimateSettings): boolean {
  return mode !== "chat" || pooling !== "none";
}

/** llama.cpp, llama-context.cpp: the flag, else the file, else none. */
export function poolingOf({ pooling }: Pick<ModelFacts, "pooling">, settings: EstimateSettings): Pooling {
  return settings.pooling ?? (settings.mode === "rerank" ? "rank" : (pooling ?? "none"));
}

/** Whether it takes one token's embedding as it is, instead of one that all tokens are computed into. */
export function picksRows(pooling: Pooling): boolean {
  return pooling === "cls" || pooling === "last" || pooling === "rank";
}

/**
 * Whether an input may be longer than a physical batch: where its last token alone is read, and a cache keeps what came before
 * (llama.cpp, server-context.cpp, `can_split`).
 */
export function splitsInputs(
  facts: Pick<ModelFacts, "pooling" | "causal">,
  family: Pick<Family, "cache">,
  settings: EstimateSettings,
): boolean {
  if (family.cache === "none") return false;
  if ((settings.mode ?? "chat") === "chat") return true;
  const pooling = poolingOf(facts, settings);
  return facts.causal && (pooling === "last" || pooling === "rank");
}

/**
 * The sizes that a server is started with. Where an input must lie in one physical batch, `auto` is as long as a slot, so that whatever
 * fits the slot is answered; embeddings take no logical batch that is longer than the physical one.
 *
 * @param splits {@link splitsInputs}; false where the file is not known
 */
export function batchesOf(settings: EstimateSettings, splits: boolean): Batches {
  const { mode = "chat", batchSize, ubatchSize } = settings;
  if (mode === "chat") {
    return {
      batchSize: batchSize === "auto" ? CHAT.batchSize : batchSize,
      ubatchSize: ubatchSize === "auto" ? CHAT.ubatchSize : ubatchSize,
    };
  }
  const needed = splits ? Math.min(CHAT.ubatchSize, slotSize(settings)) : slotSize(settings);
  const most = batchSize === "auto" ? Number.POSITIVE_INFINITY : batchSize;
  const physical = Math.min(ubatchSize === "auto" ? needed : ubatchSize, most);
  return { batchSize: physical, ubatchSize: physical };
}

/** The same settings with the sizes of the batches. */
export function withBatches(facts: ModelFacts, family: Family, settings: EstimateSettings): BatchedSettings {
  const { batchSize, ubatchSize } = batchesOf(settings, splitsInputs(facts, family, settings));
  return { ...settings, batchSize, ubatchSize };
}

/** The longest input of a slot, in tokens (docs/background/llama-memory.md, "Cells"). */
function slotSize({ contextSize, parallel }: EstimateSettings): number {
  const context = padded(contextSize);
  return parallel === "auto" ? context : padded(Math.floor(context / parallel));
}

function padded(tokens: number): number {
  return Math.ceil(tokens / PADDING) * PADDING;
}
