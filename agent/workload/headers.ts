import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "../../api/result.ts";
import { tokenStamp } from "../../fetch/hub-token.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { shardSources } from "../../gguf/shards.ts";
import { attempts } from "../store/attempts.ts";
import { fileStamp } from "../store/file-stamp.ts";

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
      key: `${sourceStamp(source)} ${source}`,
      stamp: tokenStamp(source, process.env),
      revision,
      begun: (before) => before ?? { state: "reading" },
      run: async () => ({ state: "read", header: await read(source) }),
    });
}

/** Changes when a file on this machine or one of its shards does; constant for other sources. */
function sourceStamp(source: string): string {
  return shardSources(source).map(shardStamp).join();
}

function shardStamp(source: string): string {
  const path = isAbsolute(source) ? source : pathOf(source);
  return path === undefined ? "" : fileStamp(path);
}

function pathOf(source: string): string | undefined {
  try {
    return /^file:/i.test(source) ? fileURLToPath(source) : undefined;
  } catch {
    return undefined;
  }
}
