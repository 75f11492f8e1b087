import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { readHeader } from "../../gguf/read.ts";
import { DEFAULT_LIMITS } from "../store/limits.ts";
import { modelStore } from "../store/store.ts";
import { headerCache } from "./headers.ts";
import type { ModelAccess } from "./prepare.ts";

/**
 * Reads headers and downloads files of models in the background.
 *
 * @param folder where downloaded models are kept
 * @param changed called whenever a header or a file has become available
 * @param signal ends all background work when it is aborted
 * @param clock monotonic time in milliseconds
 */
export function modelAccess(
  folder: string,
  changed: () => void,
  signal: AbortSignal,
  clock: () => number,
): ModelAccess {
  const read = (source: string) => readHeader(source, { signal, cacheFolder: headerCacheFolder() });
  return {
    header: headerCache(read, changed, clock),
    stored: modelStore(folder, changed, signal, DEFAULT_LIMITS, clock),
  };
}
