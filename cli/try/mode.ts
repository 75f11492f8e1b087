import { request } from "undici";
import * as z from "zod";
import type { Target } from "./target.ts";

const listedSchema = z.object({ mode: z.string() });
const PATIENCE_MS = 10_000;
const MAX_BYTES = 64 * 1024;

/**
 * What the gateway says that a model is for: `chat`, `embedding` or `rerank`. It wakes no model. Undefined where it does not say; the
 * question itself will tell why.
 */
export async function modeOf(
  model: string,
  { origin, who }: Target,
  key: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (who !== "gateway") return undefined;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const within = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const { statusCode, body } = await request(`${origin}/v1/models/${encodeURIComponent(model)}`, {
      headers,
      signal: within,
    });
    const text = await beginningOf(body);
    return statusCode === 200 ? listedSchema.safeParse(JSON.parse(text)).data?.mode : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const piece of body) {
    text += String(piece);
    if (text.length > MAX_BYTES) break;
  }
  return text;
}
