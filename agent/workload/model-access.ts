import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { readHeader } from "../../gguf/read.ts";
import { modelStore } from "../store/store.ts";
import { headerCache } from "./headers.ts";
import type { ModelAccess } from "./prepare.ts";

/**
 * Headers and files of models, read and downloaded in the background; `changed` is called whenever something has come. Ends with
 * `signal`.
 *
 * @param folder where downloads are kept
 */
export function modelAccess(folder: string, changed: () => void, signal: AbortSignal): ModelAccess {
  return {
    header: headerCache((source) => readHeader(source, { signal, cacheFolder: headerCacheFolder() }), changed),
    stored: modelStore(folder, changed, signal),
  };
}
