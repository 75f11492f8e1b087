import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { readHeader } from "../../gguf/read.ts";
import { DEFAULT_LIMITS } from "../store/limits.ts";
import { modelStore } from "../store/store.ts";
import { headerCache } from "./headers.ts";
import type { ModelAccess } from "./prepare.ts";

/**
 * Headers and files of models, read and downloaded in the background; `changed` is called whenever something has come. Ends with
 * `signal`.
 *
 * @param folder where downloads are kept
 * @param clock milliseconds that never go back
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
