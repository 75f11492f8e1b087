import { createHash } from "node:crypto";
import { type Failure, fail, type Result } from "../../api/result.ts";
import { locate } from "../../fetch/locate.ts";
import { beyondThisHost } from "../../fetch/reachable.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { readHeader } from "../../gguf/read.ts";

/** A file whose header is wanted. */
export interface HeaderFile {
  /** As `Model.spec.source` and `spec.mmproj` name it. */
  readonly source: string;
  /** Bearer token for the hub, and for nobody else. */
  readonly token?: string | undefined;
}

/** The same for the same file as the same user, without its token. */
export function headerKey({ source, token }: HeaderFile): string {
  if (token === undefined) return source;
  return `${source} ${createHash("sha256").update(token).digest("hex").slice(0, 16)}`;
}

/**
 * Why the controller does not even try to read a source; undefined: it tries. A path is one on a Mac, and whatever lies at the same path
 * beside the controller is another file.
 */
export function unreadableSource(source: string): Failure | undefined {
  const location = locate(source, {});
  if (!location.ok) return location;
  if (location.value.kind !== "file") return undefined;
  return fail(
    `source ${location.value.name} is a path on a Mac, which the controller cannot read: name an https://, http:// or hf:// address of the same file`,
    "unsupported",
  );
}

/**
 * Reads headers for the controller.
 *
 * @param allowLocal loopback, link-local and metadata addresses too: for tests and demos on one machine
 */
export function headerReader(allowLocal: boolean) {
  return ({ source, token }: HeaderFile, signal: AbortSignal): Promise<Result<GgufHeader>> => {
    const forHub = /^hf:/i.test(source) && token !== undefined ? { token } : {};
    return readHeader(source, { signal, ...forHub, ...(allowLocal ? {} : { mayReach: beyondThisHost }) });
  };
}
