import type { Result } from "../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { headerCacheFolder } from "../gguf/header-cache.ts";
import { readHeader } from "../gguf/read.ts";

// A pack's process lives for one operation, in which a source is read once, however many resources name it.
const headers = new Map<string, Promise<Result<GgufHeader>>>();

export function headerOf(source: string, timeoutMs = 20_000): Promise<Result<GgufHeader>> {
  const header = headers.get(source) ?? readHeader(source, { timeoutMs, cacheFolder: headerCacheFolder() });
  headers.set(source, header);
  return header;
}
