import { setTimeout as sleep } from "node:timers/promises";

/** An answer that comes piece by piece. */
export interface Stream {
  readonly pieces: () => number;
  /** Waits for so many pieces. */
  readonly reaches: (count: number) => Promise<void>;
  /** Ends it, and says what has come. */
  readonly close: () => { readonly pieces: number; readonly longestGapMs: number };
}

const PATIENCE_MS = 60_000;

/** Asks for `tokens` tokens, of which none is the last one before. `url`: `/v1/completions` of a llama-server. */
export function streamed(url: string, tokens: number, signal: AbortSignal): Stream {
  let pieces = 0;
  let longestGapMs = 0;
  const over = new AbortController();
  const read = async () => {
    const body = { prompt: "Once upon a time", max_tokens: tokens, ignore_eos: true, stream: true };
    const headers = { "content-type": "application/json" };
    const either = AbortSignal.any([signal, over.signal]);
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal: either });
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
    let lastAt = performance.now();
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const now = performance.now();
      longestGapMs = Math.max(longestGapMs, Math.round(now - lastAt));
      lastAt = now;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      pieces += lines.filter((line) => line.startsWith("data: {")).length;
    }
  };
  const reading = read();
  // A failure shows as pieces that do not come.
  reading.catch(() => {});
  return {
    pieces: () => pieces,
    reaches: async (count) => {
      const deadline = Date.now() + PATIENCE_MS;
      while (pieces < count && Date.now() < deadline) await sleep(10, undefined, { signal });
      if (pieces < count) throw new Error(`only ${pieces} pieces came within ${PATIENCE_MS / 1000} s`);
    },
    close: () => {
      over.abort();
      return { pieces, longestGapMs };
    },
  };
}
