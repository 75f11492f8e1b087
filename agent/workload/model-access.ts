import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { readHeader } from "../../gguf/read.ts";
import { modelStore } from "../store/store.ts";
import { headerCache } from "./headers.ts";
import type { ModelAccess } from "./prepare.ts";

/**
 * Reads headers and downloads files of models in the background.
 *
 * @param folder where downloaded models are kept
 * @param changed called whenever a header or a file has become available
 * @param signal ends all background work when it is aborted
 */
export function modelAccess(folder: string, changed: () => void, signal: AbortSignal): ModelAccess {
  return {
    header: headerCache((source) => readHeader(source, { signal, cacheFolder: headerCacheFolder() }), changed),
    stored: modelStore(folder, changed, signal),
  };
}
