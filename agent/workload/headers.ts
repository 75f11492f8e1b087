import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";

export type HeaderView =
  | { readonly state: "reading" }
  | { readonly state: "read"; readonly header: Result<GgufHeader> };

interface Entry {
  readonly stamp: string;
  view: HeaderView;
  readAt?: number;
}

/** After this a header that could not be read is tried again. */
const RETRY_MS = 10_000;

export type ReadHeader = (source: string) => Promise<Result<GgufHeader>>;

/** Headers by source, read once in the background and again when the file changes; `changed` is called after each. */
export function headerCache(read: ReadHeader, changed: () => void) {
  const entries = new Map<string, Entry>();
  return (source: string): HeaderView => {
    const stamp = stampOf(source);
    const known = entries.get(source);
    if (known !== undefined && known.stamp === stamp && !isStale(known)) return known.view;
    const entry: Entry = { stamp, view: { state: "reading" } };
    entries.set(source, entry);
    const keep = (header: Result<GgufHeader>) => {
      entry.view = { state: "read", header };
      entry.readAt = Date.now();
      changed();
    };
    read(source).then(keep, (error: unknown) => keep(fail(`${source} cannot be read: ${String(error)}`)));
    // While a failure is looked into again, what it said stays.
    return known !== undefined && known.stamp === stamp ? known.view : entry.view;
  };
}

function isStale({ view, readAt }: Entry): boolean {
  return view.state === "read" && !view.header.ok && Date.now() - (readAt ?? 0) > RETRY_MS;
}

/** Changes when a file on this machine is replaced; constant for other sources. */
function stampOf(source: string): string {
  try {
    const path = isAbsolute(source) ? source : source.startsWith("file://") ? fileURLToPath(source) : undefined;
    const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
  } catch {
    return "";
  }
}
