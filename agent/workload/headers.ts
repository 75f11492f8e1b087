import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "../../api/result.ts";
import { tokenStamp } from "../../fetch/hub-token.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { shardSources } from "../../gguf/shards.ts";
import { attempts } from "../store/attempts.ts";
import { changeStamp, contentStamp } from "../store/file-stamp.ts";

export type HeaderView =
  | { readonly state: "reading" }
  | { readonly state: "read"; readonly header: Result<GgufHeader> };

export type ReadHeader = (source: string) => Promise<Result<GgufHeader>>;

/** @param revision of the manifest: another one is a reason to read again what failed for good */
export type LookAtHeader = (source: string, revision?: string) => HeaderView;

/**
 * Headers by source, read once in the background, again when the file changes, and after a failure when there is a reason to
 * (`nextTry`). While it is looked into again, what a failure said stays.
 * @param changed called after each read
 * @param clock milliseconds that never go back
 */
export function headerCache(read: ReadHeader, changed: () => void, clock: () => number): LookAtHeader {
  const reads = attempts<HeaderView>({
    failureIn: (view) => (view.state === "read" && !view.header.ok ? view.header : undefined),
    failed: (failure) => ({ state: "read", header: failure }),
    changed,
    clock,
  });
  return (source, revision = "") =>
    reads.look({
      key: `${stampOf(source, contentStamp)} ${source}`,
      stamp: stampOf(source, changeStamp) + tokenStamp(source, process.env),
      revision,
      begun: (before) => before ?? { state: "reading" },
      run: async () => ({ state: "read", header: await read(source) }),
    });
}

/** Of a file on this machine with all its shards; constant for other sources. */
function stampOf(source: string, stamp: (path: string) => string): string {
  const stampOfShard = (shard: string) => {
    const path = pathOf(shard);
    return path === undefined ? "" : stamp(path);
  };
  return shardSources(source).map(stampOfShard).join();
}

function pathOf(source: string): string | undefined {
  try {
    if (isAbsolute(source)) return source;
    return /^file:/i.test(source) ? fileURLToPath(source) : undefined;
  } catch {
    return undefined;
  }
}
