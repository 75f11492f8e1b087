import type { KubeClient, KubeObject, KubeResult, Selection } from "../client.ts";
import { succeeded } from "../failure.ts";
import { TOO_LARGE } from "../http/request.ts";
import { keyOfObject } from "../keys.ts";
import type { ResourceKind } from "../kinds.ts";
import { type Entry, entryOf, type Parsed } from "./store.ts";

export interface Listed<T> {
  readonly entries: Map<string, Entry<T>>;
  readonly resourceVersion: string;
}

const PAGE = 500;
/** A list takes longer than other requests. */
const PAGE_TIMEOUT_MS = 60_000;

/**
 * All pages of a list, or a failure: part of a list proves nothing about what is absent. Pages get smaller where their objects are large. Where
 * the rest of a list has expired meanwhile it begins anew, in one piece, which cannot expire.
 */
export async function listAll<T>(
  client: KubeClient,
  kind: ResourceKind,
  selection: Selection,
  parse: (object: KubeObject) => Parsed<T>,
  signal: AbortSignal,
): Promise<KubeResult<Listed<T>>> {
  let entries = new Map<string, Entry<T>>();
  let limit: number | undefined = PAGE;
  let next: string | undefined;
  for (;;) {
    const wanted: Parameters<KubeClient["list"]>[1] = {
      ...selection,
      ...(limit !== undefined && { limit }),
      continue: next,
    };
    const page = await client.list(kind, wanted, { signal, timeoutMs: PAGE_TIMEOUT_MS });
    if (page.ok) {
      for (const object of page.value.items) entries.set(keyOfObject(object), entryOf(object, parse));
      next = page.value.continue;
      if (next === undefined) return succeeded({ entries, resourceVersion: page.value.resourceVersion });
    } else if (page.reason === TOO_LARGE && limit !== undefined && limit > 1) {
      limit = Math.ceil(limit / 4);
    } else if (page.kind === "gone" && next !== undefined) {
      entries = new Map();
      next = undefined;
      limit = undefined;
    } else {
      return page;
    }
  }
}
