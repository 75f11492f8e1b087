import type { Served } from "./served.ts";

/**
 * Bytes that llama-server holds twice while it saves or restores the cache of a slot: it copies the keys, then the values, of one layer at a
 * time (source: `llama_io_write_file` in src/llama-context.cpp). All slots and keys and values together are an upper bound.
 *
 * @param parts of the estimate
 */
export function slotCopyOf({ header }: Served, parts: Readonly<Record<string, number>>): number {
  const layers = header.metadata.get(`${String(header.metadata.get("general.architecture"))}.block_count`);
  return Math.ceil((parts["kv"] ?? 0) / (typeof layers === "number" && layers > 0 ? layers : 1));
}
