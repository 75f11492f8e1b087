import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "../../api/result.ts";
import { tokenFileOf } from "../../fetch/hub-token.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { shardSources } from "../../gguf/shards.ts";
import { changeStamp, contentStamp, type FileLooks, lookAtAll } from "../files/looks.ts";
import { attempts } from "../store/attempts.ts";

export type HeaderView =
  /** `message` says what takes long. */
  | { readonly state: "reading"; readonly message?: string }
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
export function headerCache(
  read: ReadHeader,
  looks: FileLooks,
  changed: () => void,
  clock: () => number,
): LookAtHeader {
  const reads = attempts<HeaderView>({
    failureIn: (view) => (view.state === "read" && !view.header.ok ? view.header : undefined),
    failed: (failure) => ({ state: "read", header: failure }),
    changed,
    clock,
  });
  return (source, revision = "") => {
    const seen = lookAtAll(looks, localPaths(source));
    if (seen.state === "looking") return { ...seen, state: "reading" };
    const token = lookAtAll(looks, [tokenFileOf(source, process.env) ?? []].flat());
    if (token.state === "looking") return { ...token, state: "reading" };
    return reads.look({
      key: `${seen.looks.map(contentStamp).join()} ${source}`,
      stamp: [...seen.looks, ...token.looks].map(changeStamp).join(),
      revision,
      begun: (before) => before ?? { state: "reading" },
      run: async () => ({ state: "read", header: waitedFor(await read(source), localPath(source)) }),
    });
  };
}

/** What is not on this machine's disk now is read as soon as it is: a disk that is away comes back. */
function waitedFor(header: Result<GgufHeader>, path: string | undefined): Result<GgufHeader> {
  if (header.ok || path === undefined || header.kind !== "not-found") return header;
  return { ...header, error: `${header.error} (its disk may be away); a start waits until it is there` };
}

/** The shards of a model on this machine; none for other sources. */
function localPaths(source: string): readonly string[] {
  return shardSources(source).flatMap((shard) => localPath(shard) ?? []);
}

/** The path of a source on this machine; undefined for other sources. */
export function localPath(source: string): string | undefined {
  try {
    if (isAbsolute(source)) return source;
    return /^file:/i.test(source) ? fileURLToPath(source) : undefined;
  } catch {
    return undefined;
  }
}
