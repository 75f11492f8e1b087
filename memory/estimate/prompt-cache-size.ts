import { MiB } from "../../api/bytes.ts";

/** What the allocator keeps of conversations that have left a prompt cache: a sixteenth of its limit, and at least this. */
const SLACK_SHARE = 16;
const LEAST_SLACK_MIB = 16;

/**
 * Bytes that a server with a prompt cache of this limit (`--cache-ram`, in MiB; 0: none) may hold for it. llama-server keeps all
 * conversations and their checkpoints within the limit; beside them lies what its allocator has not given back, which is never more than
 * the limit again (docs/background/llama-memory.md, "Prompt cache and checkpoints").
 */
export function promptCacheBytes(limitMiB: number): number {
  return (limitMiB + slackMiB(limitMiB)) * MiB;
}

/** The largest limit, in MiB, of a prompt cache that holds no more than so many bytes; 0: not even one of 1 MiB. */
export function promptCacheWithin(bytes: number): number {
  const mib = Math.max(0, Math.floor(bytes / MiB));
  const beyondLeast = Math.floor((mib * SLACK_SHARE) / (SLACK_SHARE + 1));
  return Math.min(beyondLeast, Math.max(Math.floor(mib / 2), mib - LEAST_SLACK_MIB));
}

function slackMiB(limitMiB: number): number {
  return Math.min(limitMiB, Math.max(LEAST_SLACK_MIB, Math.ceil(limitMiB / SLACK_SHARE)));
}
