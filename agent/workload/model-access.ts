import type { Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { readHeader } from "../../gguf/read.ts";
import type { FileGate } from "../files/gate.ts";
import type { FileLooks } from "../files/looks.ts";
import { DEFAULT_LIMITS } from "../store/limits.ts";
import { modelStore } from "../store/store.ts";
import { headerCache, localPath } from "./headers.ts";
import type { ModelAccess } from "./prepare.ts";

export interface ModelAccessOptions {
  /** Where downloaded models are kept. */
  readonly folder: string;
  readonly gate: FileGate;
  readonly looks: FileLooks;
  /** Called whenever a header or a file has become available. */
  readonly changed: () => void;
  /** Ends all background work when it is aborted. */
  readonly signal: AbortSignal;
  /** Monotonic time in milliseconds. */
  readonly clock: () => number;
  /** Gets a sentence about each header that its source could not confirm. */
  readonly say: (message: string) => void;
}

/** Reads headers and downloads files of models in the background. */
export function modelAccess({
  folder,
  gate,
  looks,
  changed,
  signal,
  clock,
  say,
}: ModelAccessOptions): Pick<ModelAccess, "header" | "stored"> {
  const read = (source: string) => {
    const path = localPath(source);
    const header = () => readHeader(source, { signal, cacheFolder: headerCacheFolder() });
    return path === undefined ? saying(header()) : gate.run(path, header);
  };
  const saying = async (reading: Promise<Result<GgufHeader>>) => {
    const header = await reading;
    if (header.ok && header.value.unconfirmed !== undefined) say(header.value.unconfirmed.sentence);
    return header;
  };
  return {
    header: headerCache(read, looks, changed, clock),
    stored: modelStore({ folder, looks, changed, signal, clock, limits: DEFAULT_LIMITS }),
  };
}
