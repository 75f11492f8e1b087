import { open, stat } from "node:fs/promises";

/**
 * What the backend prints when a GPU command failed; every later one fails too, until the process is restarted
 * (docs/background/apple-memory.md, "Metal faults"). No quote or brace may stand before it in its line: llama-server quotes
 * what clients send, and a client must not be able to make its server restart.
 */
const SIGN =
  /^[^"'{}\n]*(?:backend is in error state|command buffer \d+ failed with status 5|kIOGPUCommandBufferCallbackError)/m;
const CAUSE = /kIOGPUCommandBufferCallbackError(\w+)/;

/** Why the GPU failed for good, as a sentence; undefined if this part of a log does not say that it did. */
export function gpuFault(log: string): string | undefined {
  if (!SIGN.test(log)) return undefined;
  const cause = CAUSE.exec(log)?.[1];
  const named = cause === undefined ? "" : ` (${cause})`;
  const advice = cause === "OutOfMemory" ? "; the GPU ran out of memory: lower contextSize, or stop another model" : "";
  return `a GPU command failed${named}, and so does every later one until a restart${advice}`;
}

/** More than this is not read at a time: a server that floods its log must not keep the agent busy. */
const MOST_BYTES = 65_536;

/** Whole lines of a log, and the byte offset after them. */
export interface LogPart {
  readonly lines: string;
  readonly end: number;
}

/** The whole lines that were written to a log since the offset `from`; of more than 64 KiB the last ones. */
export async function logSince(path: string, from: number): Promise<LogPart> {
  // Most servers have printed nothing since the last look: that costs one call.
  if ((await stat(path)).size === from) return { lines: "", end: from };
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    // A log that is shorter than before was cut meanwhile.
    const wanted = size < from ? 0 : from;
    const begin = Math.max(wanted, size - MOST_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size - begin), 0, size - begin, begin);
    const read = buffer.subarray(0, bytesRead);
    const first = begin === wanted ? 0 : read.indexOf("\n") + 1;
    const last = read.lastIndexOf("\n") + 1;
    return { lines: read.toString("utf8", first, last), end: last === 0 ? wanted : begin + last };
  } finally {
    await file.close();
  }
}
