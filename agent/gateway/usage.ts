import * as z from "zod";
import type { TokensSeen } from "./observer.ts";

/** Takes an answer's bytes as they pass, and says at the end what its `usage` and `timings` say. */
export interface UsageReader {
  readonly take: (chunk: Buffer) => void;
  readonly end: () => TokensSeen | undefined;
}

/** llama-server writes both at the end of an answer; of a stream of /v1/messages, what the prompt took is at its beginning. */
const HEAD_BYTES = 4096;
const TAIL_BYTES = 65_536;

const count = z
  .int()
  .min(0)
  .max(2 ** 40);
const usageSchema = z.object({
  prompt_tokens: count.optional(),
  completion_tokens: count.optional(),
  prompt_tokens_details: z.object({ cached_tokens: count.optional() }).nullish(),
  input_tokens: count.optional(),
  output_tokens: count.optional(),
  input_tokens_details: z.object({ cached_tokens: count.optional() }).nullish(),
  cache_read_input_tokens: count.nullish(),
});
const timingsSchema = z.object({
  prompt_n: count.optional(),
  cache_n: count.optional(),
  predicted_n: count.optional(),
  predicted_per_second: z.number().min(0).max(1e9).nullish(),
});

/** Keeps the first 4 KiB and the last 64 KiB; nothing of other content. @param contentType of the answer */
export function usageReader(contentType: string): UsageReader {
  if (!/^(?:application\/json|text\/event-stream)\b/i.test(contentType))
    return { take: () => {}, end: () => undefined };
  let head = Buffer.alloc(0);
  let tail: Buffer[] = [];
  let tailBytes = 0;
  return {
    take: (chunk) => {
      const missing = HEAD_BYTES - head.length;
      if (missing > 0) head = Buffer.concat([head, chunk.subarray(0, missing)]);
      tail.push(chunk);
      tailBytes += chunk.length;
      for (let first = tail[0]; first !== undefined && tailBytes - first.length >= TAIL_BYTES; first = tail[0]) {
        tail.shift();
        tailBytes -= first.length;
      }
    },
    end: () => {
      const last = Buffer.concat(tail).subarray(-TAIL_BYTES).toString("latin1");
      tail = [];
      return tokensIn(head.toString("latin1"), last);
    },
  };
}

function tokensIn(head: string, tail: string): TokensSeen | undefined {
  const first = usageSchema.safeParse(lastObject(head, "usage")).data;
  const usage = usageSchema.safeParse(lastObject(tail, "usage")).data;
  const timings = timingsSchema.safeParse(lastObject(tail, "timings")).data;
  if (usage === undefined && timings === undefined) return undefined;
  const { prompt_n: read, cache_n: reused = 0 } = timings ?? {};
  const input = usage?.input_tokens ?? first?.input_tokens;
  return {
    prompt: usage?.prompt_tokens ?? input ?? (read === undefined ? 0 : read + reused),
    cached:
      timings?.cache_n ??
      usage?.prompt_tokens_details?.cached_tokens ??
      usage?.input_tokens_details?.cached_tokens ??
      usage?.cache_read_input_tokens ??
      first?.cache_read_input_tokens ??
      0,
    completion: usage?.completion_tokens ?? usage?.output_tokens ?? timings?.predicted_n ?? 0,
    perSecond: timings?.predicted_per_second ?? undefined,
  };
}

/** The last object under this key. Text that a model wrote cannot be taken for it: the quotes in it are escaped. */
function lastObject(text: string, key: string): unknown {
  for (let at = text.lastIndexOf(`"${key}"`); at !== -1; at = at === 0 ? -1 : text.lastIndexOf(`"${key}"`, at - 1)) {
    const begin = /^\s*:\s*(?=\{)/.exec(text.slice(at + key.length + 2, at + key.length + 12));
    if (begin === null) continue;
    const object = objectAt(text, at + key.length + 2 + begin[0].length);
    if (object !== undefined) return object;
  }
  return undefined;
}

const LONGEST_OBJECT = 4096;

function objectAt(text: string, begin: number): unknown {
  let depth = 0;
  for (let at = begin; at < Math.min(text.length, begin + LONGEST_OBJECT); at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth > 0) continue;
    try {
      return JSON.parse(text.slice(begin, at + 1));
    } catch {
      return undefined;
    }
  }
  return undefined;
}
