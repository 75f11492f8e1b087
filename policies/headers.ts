import pLimit from "p-limit";
import { fail, type Result } from "../api/result.ts";
import { displayName } from "../fetch/locate.ts";
import type { GgufHeader } from "../gguf/header.ts";

export interface HeaderLimits {
  /** For one header, in milliseconds. */
  readonly timeoutMs: number;
  /** For all headers of the operation together, in milliseconds: the time in which at least one of them is being read. */
  readonly allMs: number;
}

export const DEFAULT_LIMITS: HeaderLimits = { timeoutMs: 20_000, allMs: 120_000 };

export type ReadHeader = (source: string, timeoutMs: number) => Promise<Result<GgufHeader>>;

export type HeaderOf = (source: string, limits?: HeaderLimits) => Promise<Result<GgufHeader>>;

/** Headers read at a time. */
const AT_ONCE = 16;

/** Reads each source once, however many resources name it, and several sources side by side. Never rejects if `read` does not. */
export function createHeaders(read: ReadHeader, now: () => number = () => performance.now()): HeaderOf {
  const headers = new Map<string, Promise<Result<GgufHeader>>>();
  const limit = pLimit(AT_ONCE);
  let spentMs = 0;
  let reading = 0;
  let since = 0;

  async function timed(source: string, { timeoutMs, allMs }: HeaderLimits): Promise<Result<GgufHeader>> {
    const leftMs = allMs - spentMs - (reading > 0 ? now() - since : 0);
    if (leftMs <= 0) return fail(outOfTime(source, allMs), "unreachable");
    if (reading === 0) since = now();
    reading += 1;
    try {
      return await read(source, Math.min(timeoutMs, leftMs));
    } finally {
      reading -= 1;
      if (reading === 0) spentMs += now() - since;
    }
  }

  return (source, limits = DEFAULT_LIMITS) => {
    const header = headers.get(source) ?? limit(() => timed(source, limits));
    headers.set(source, header);
    return header;
  };
}

function outOfTime(source: string, allMs: number): string {
  return `${displayName(source)}: it was not read, because reading the headers of all models took ${allMs / 1000} s, and no more is allowed (allHeadersTimeoutSeconds)`;
}

/** A pack's process lives for one operation. */
export const headerOf: HeaderOf = createHeaders(async (source, timeoutMs) => {
  const [{ readHeader }, { headerCacheFolder }] = await Promise.all([
    import("../gguf/read.ts"),
    import("../gguf/header-cache.ts"),
  ]);
  return readHeader(source, { timeoutMs, cacheFolder: headerCacheFolder() });
});
