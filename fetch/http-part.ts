import { quoted } from "../api/plain-text.ts";
import { gathered } from "./http-body.ts";
import type { Answer } from "./http-request.ts";
import {
  connectionRefusal,
  Refusal,
  redirectedRefusal,
  refuse,
  statusRefusal,
  TransientRefusal,
  UntoldVersion,
} from "./refusal.ts";
import { headerOf } from "./response-header.ts";

/** What tells one version of a file from another. */
export interface FileIdentity {
  readonly fileBytes: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** The bytes of one answer, piece by piece: little is read ahead (http-body.ts). */
export interface BodyPart {
  readonly identity: FileIdentity;
  /** File offset of its first byte. */
  readonly begin: number;
  /** File offset after the last byte of this part. */
  readonly end: number;
  /** File offset of the next piece. */
  position(): number;
  next(signal: AbortSignal): Promise<Uint8Array>;
  /** Cuts the connection unless the answer was read to its end. */
  close(): void;
}

/** Byte offsets of a file, `end` exclusive; Infinity for all of the rest. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * Takes an answer to a range request: 206 with exactly the range asked for (or a shorter one), or 200 with the whole file
 * of known length. Everything else is refused, and the body cut off.
 */
export function openPart(answer: Answer, asked: ByteRange): BodyPart {
  try {
    const { range, fileBytes } = answeredRange(answer, asked);
    const { response } = answer;
    const etag = headerOf(response, "etag");
    const lastModified = headerOf(response, "last-modified");
    return bodyPart(answer, range, { fileBytes, etag, lastModified });
  } catch (error) {
    answer.response.body.destroy();
    throw error;
  }
}

/**
 * Asks for a part of a file as it is. `If-Range` makes a server that has another version than `known` by now send all of it, which is
 * then noticed; it takes strong validators only (RFC 9110 §13.1.5).
 */
export function rangeHeaders({ begin, end }: ByteRange, known?: FileIdentity): Readonly<Record<string, string>> {
  const validator = strongEtag(known) ?? known?.lastModified;
  return {
    accept: "*/*",
    "accept-encoding": "identity",
    range: Number.isFinite(end) ? `bytes=${begin}-${end - 1}` : `bytes=${begin}-`,
    ...(validator === undefined ? {} : { "if-range": validator }),
  };
}

/** The ETag where it stands for the very bytes (RFC 9110 §8.8.1), not for a meaning. */
export function strongEtag(identity: FileIdentity | undefined): string | undefined {
  return identity?.etag?.startsWith('"') ? identity.etag : undefined;
}

/**
 * Whether two answers are of one version of a file:
 * - `same` where both have one strong ETag, however mirrors date it; where one of them is weak, or there is none, an equal tag or an equal
 *   date is enough, and so is the size of what neither describes;
 * - `another` where the size is another, or both have a strong ETag and not the same;
 * - `untold` where they are described differently by what stands for no bytes: servers behind one address often do so.
 */
export type Sameness = "same" | "another" | "untold";

export function samenessOf(first: FileIdentity, now: FileIdentity): Sameness {
  if (first.fileBytes !== now.fileBytes) return "another";
  const strong = [strongEtag(first), strongEtag(now)];
  if (!strong.includes(undefined)) return first.etag === now.etag ? "same" : "another";
  const isSameTag = first.etag !== undefined && now.etag !== undefined && opaqueTag(first.etag) === opaqueTag(now.etag);
  const isSameDate = first.lastModified !== undefined && first.lastModified === now.lastModified;
  return isSameTag || isSameDate || (isUndescribed(first) && isUndescribed(now)) ? "same" : "untold";
}

/** Whether nothing but the size tells it from another version. */
export function isUndescribed({ etag, lastModified }: FileIdentity): boolean {
  return etag === undefined && lastModified === undefined;
}

/** An ETag without what tells whether it is weak; some servers forget its quotes. */
function opaqueTag(etag: string): string {
  return etag.replace(/^W\//i, "").replace(/^"|"$/g, "");
}

/** Refuses an answer that is not known to be of the same version of the file. */
export function checkSameFile(first: FileIdentity, now: FileIdentity): void {
  const sameness = samenessOf(first, now);
  if (sameness === "same") return;
  const changes: string[] = [];
  if (first.fileBytes !== now.fileBytes) changes.push(`${first.fileBytes} bytes became ${now.fileBytes}`);
  if (first.etag !== now.etag) changes.push("its ETag changed");
  else if (first.lastModified !== now.lastModified) changes.push("its Last-Modified changed");
  const clause = `the file changed while it was read (${changes.join(", ")}): try again`;
  throw sameness === "untold" ? new UntoldVersion(clause, "interrupted") : new Refusal(clause, "interrupted");
}

function answeredRange(answer: Answer, asked: ByteRange): { range: ByteRange; fileBytes: number } {
  const { response, url } = answer;
  const status = response.statusCode;
  if (status === 416) throw rangeRefusal(answer, asked);
  if (status !== 200 && status !== 206) throw errorRefusal(answer);
  const encoding = [response.headers["content-encoding"] ?? ""].flat().join(", ");
  if (!encoding.split(",").every((coding) => UNCOMPRESSED.has(coding.trim().toLowerCase()))) {
    refuse(`${url.host} sends the file compressed (${quoted(encoding)}): its byte ranges cannot be told apart`);
  }
  if (status === 206) return contentRange(answer, asked);
  const fileBytes = byteCount(headerOf(response, "content-length"));
  if (fileBytes === undefined) return refuse(`${url.host} does not say how large the file is (no Content-Length)`);
  return { range: { begin: 0, end: fileBytes }, fileBytes };
}

/** Codings that leave the bytes as they are; `aws-chunked` is that of an upload, which some stores hand out again. */
const UNCOMPRESSED: ReadonlySet<string> = new Set(["", "identity", "aws-chunked"]);

/** The file's size, as an answer says it to a range that it does not have (416). */
export function sizeOfUnsatisfied({ response }: Answer): number | undefined {
  return byteCount(/^bytes \*\/(\d+)$/.exec(headerOf(response, "content-range") ?? "")?.[1]);
}

/** A server that has no bytes where it says that there are some is one of several, of which not all have the file yet. */
function rangeRefusal(answer: Answer, { begin }: ByteRange): Refusal {
  const fileBytes = sizeOfUnsatisfied(answer);
  if (fileBytes === 0) return new Refusal("the file is empty (0 bytes)");
  const clause = `${answer.url.host} has no bytes from ${begin} on (416)`;
  if (fileBytes === undefined) return new TransientRefusal(clause);
  return fileBytes > begin
    ? new TransientRefusal(`${clause}, and says that the file has ${fileBytes}`)
    : new Refusal(clause);
}

function errorRefusal({ response, url, source }: Answer): Refusal {
  const { statusCode, headers } = response;
  if (url.href === source.href) return statusRefusal(statusCode, headers, url.host);
  return redirectedRefusal(statusCode, headers, url, source);
}

function contentRange({ response, url }: Answer, asked: ByteRange): { range: ByteRange; fileBytes: number } {
  const value = headerOf(response, "content-range") ?? "";
  const [begin, last, fileBytes] = (/^bytes (\d+)-(\d+)\/(\d+)$/i.exec(value) ?? []).slice(1).map(byteCount);
  const valid =
    begin === asked.begin && last !== undefined && last >= begin && last < asked.end && fileBytes && last < fileBytes;
  if (!valid) {
    return refuse(
      `${url.host} answers bytes ${asked.begin}-${Number.isFinite(asked.end) ? asked.end - 1 : ""} with Content-Range ${quoted(value)}: ` +
        "it does not serve ranges properly",
    );
  }
  return { range: { begin, end: last + 1 }, fileBytes };
}

function byteCount(text: string | undefined): number | undefined {
  const count = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

function bodyPart({ response, url }: Answer, range: ByteRange, identity: FileIdentity): BodyPart {
  const take = gathered(response.body);
  let position = range.begin;
  return {
    identity,
    begin: range.begin,
    end: range.end,
    position: () => position,
    async next(signal) {
      const bytes = await take().catch((error: unknown) => {
        signal.throwIfAborted();
        throw connectionRefusal(error, url);
      });
      if (bytes === undefined) {
        throw new TransientRefusal(`${url.host} ended its answer at byte ${position} of ${range.end}`);
      }
      const piece = bytes.subarray(0, range.end - position);
      position += piece.length;
      return piece;
    },
    close: () => {
      response.body.destroy();
    },
  };
}
