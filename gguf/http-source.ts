import type { Dispatcher } from "undici";
import {
  type BodyPart,
  type ByteRange,
  checkSameFile,
  type FileIdentity,
  openPart,
  rangeHeaders,
  strongEtag,
} from "../fetch/http-part.ts";
import { type Answer, type Connection, get, httpDispatcher } from "../fetch/http-request.ts";
import type { HttpLocation } from "../fetch/locate.ts";
import type { MayReach } from "../fetch/reachable.ts";
import { refuse } from "../fetch/refusal.ts";
import { headerOf } from "../fetch/response-header.ts";
import { retrying } from "../fetch/retry.ts";
import type { ByteSource, Opened, Wanted } from "./byte-source.ts";
import { MAX_HEADER_BYTES } from "./cursor.ts";

/**
 * Sizes of the ranges asked for, in turn, where the parser cannot tell how much is left: an ordinary header needs one or two.
 * Bodies are cut off once enough has come, but what is under way by then has been sent in vain.
 */
const FIRST_BYTES = 2 ** 20;
const LATER_BYTES = [15, 48].map((mebibytes) => mebibytes * 2 ** 20);
/** A request costs as much as so many bytes. */
const LEAST_BYTES = 256 * 2 ** 10;

/** Bounds what may come twice after dropped connections; a piece above the parser's own bound, which says more. */
const MAX_RECEIVED_BYTES = MAX_HEADER_BYTES + 2 ** 20;

const RETRIES = 3;
const BACK_OFF = { firstMs: 250, longestMs: 2000 };

/** When to give up: the signal is aborted at `at` (milliseconds of `performance.now()`), or earlier by the caller. */
export interface Deadline {
  readonly at: number;
  readonly signal: AbortSignal;
}

/**
 * Opens a file behind a URL with its first range request. All bytes are of one version of the file; they are held piece by piece, and no
 * more is fetched than a header can have. Where the server ignores Range, the one body is read as far as needed and cut off.
 * `unchanged`, after this one request, where it says that the file is still of the version `known`.
 */
export async function openHttp(
  location: HttpLocation,
  deadline: Deadline,
  { known, firstBytes = FIRST_BYTES, sharedDispatcher, mayReach }: OpenOptions = {},
): Promise<Opened> {
  const dispatcher = sharedDispatcher ?? headerDispatcher(mayReach);
  const leave = async () => {
    reader.close();
    if (sharedDispatcher === undefined) await dispatcher.destroy();
  };
  const { url: source, authorization } = location;
  const connection = { dispatcher, signal: deadline.signal, source, authorization, mayReach };
  const reader = rangeReader(connection, deadline, [firstBytes, ...LATER_BYTES]);
  try {
    const identity = await reader.start(known);
    if (identity !== undefined) {
      const version = versionOf(identity);
      return { fileBytes: identity.fileBytes, version, read: reader.read, close: leave };
    }
    await leave();
    return "unchanged";
  } catch (error) {
    await leave();
    throw error;
  }
}

export interface OpenOptions {
  /** Version that was read before. */
  readonly known?: string | undefined;
  /** Size of the first range; 1 MiB where not set. */
  readonly firstBytes?: number | undefined;
  /** For one file after another; where not set the file has one of its own. */
  readonly sharedDispatcher?: Dispatcher | undefined;
  readonly mayReach?: MayReach | undefined;
}

/** For one request at a time: the second range waits for the first one's connection to be free instead of making another. */
export function headerDispatcher(mayReach?: MayReach): Dispatcher {
  return httpDispatcher({ connections: 1 }, mayReach);
}

interface RangeReader {
  /** Asks for the first range; undefined where the file is still of the version `known`. */
  start(known: string | undefined): Promise<FileIdentity | undefined>;
  readonly read: ByteSource["read"];
  /** Cuts off what is still being answered. */
  readonly close: () => void;
}

function rangeReader(connection: Connection, deadline: Deadline, rangeBytes: readonly number[]): RangeReader {
  /** The redirect's target once it is known, as long as it is good: later ranges go there at once. */
  let url = connection.source;
  let identity: FileIdentity | undefined;
  let part: BodyPart | undefined;
  let ranges = 0;
  let received = 0;
  let reached = 0;

  async function partAt({ offset, likelyEnd }: Wanted): Promise<BodyPart> {
    if (part !== undefined && offset < part.end) return part;
    part?.close();
    part = undefined;
    const range = nextRange(offset, likelyEnd);
    return take(await get(url, rangeHeaders(range, identity), connection), range);
  }

  function nextRange(begin: number, likelyEnd?: number): ByteRange {
    const usual = rangeBytes[Math.min(ranges, rangeBytes.length - 1)] ?? MAX_HEADER_BYTES;
    const size = likelyEnd === undefined ? usual : Math.min(Math.max(likelyEnd - begin, LEAST_BYTES), MAX_HEADER_BYTES);
    return { begin, end: Math.min(begin + size, identity?.fileBytes ?? Number.POSITIVE_INFINITY) };
  }

  function take(answer: Answer, range: ByteRange): BodyPart {
    const opened = openPart(answer, range);
    if (identity !== undefined) checkSameFile(identity, opened.identity);
    identity ??= opened.identity;
    url = answer.url;
    part = opened;
    ranges += 1;
    return opened;
  }

  async function start(known: string | undefined): Promise<FileIdentity | undefined> {
    const range = nextRange(0);
    const condition = known === undefined ? {} : { "if-none-match": known };
    const answer = await get(url, { ...rangeHeaders(range), ...condition }, connection);
    if (known === undefined || !isUnchanged(answer, known)) return take(answer, range).identity;
    answer.response.body.destroy();
    return undefined;
  }

  /** The piece that covers `offset`, from there on; what comes before it is dropped. */
  async function pieceAt(wanted: Wanted): Promise<Uint8Array> {
    const { offset } = wanted;
    for (;;) {
      const current = await partAt(wanted);
      const begin = current.position();
      const piece = await current.next(connection.signal);
      received += piece.length;
      reached = Math.max(reached, begin + piece.length);
      if (received > MAX_RECEIVED_BYTES)
        refuse("64 MiB were received, some of them twice, without a complete header", "unreachable");
      if (begin + piece.length > offset) return piece.subarray(offset - begin);
    }
  }

  /** A failed part is dropped with the link that led to it, and the next try asks the source from where it failed. */
  async function droppingFailedParts<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      part?.close();
      part = undefined;
      url = connection.source;
      throw error;
    }
  }

  function tryingAgain<T>(attempt: () => Promise<T>): Promise<T> {
    return retrying(() => droppingFailedParts(attempt), {
      signal: deadline.signal,
      retries: RETRIES,
      backOff: BACK_OFF,
      patienceMs: () => deadline.at - performance.now(),
      progress: () => reached,
    });
  }

  return {
    start: (known) => tryingAgain(() => start(known)),
    close: () => part?.close(),
    read: (wanted) => tryingAgain(() => pieceAt(wanted)),
  };
}

/** A server may answer the condition with 304, or send the same version once more (RFC 9110 §13.1.2). */
function isUnchanged({ response }: Answer, known: string): boolean {
  const etag = headerOf(response, "etag");
  if (response.statusCode === 304) return etag === undefined || etag === known;
  return (response.statusCode === 206 || response.statusCode === 200) && etag === known;
}

/** Above the validators in use. */
const MAX_ETAG_LENGTH = 256;

function versionOf(identity: FileIdentity): string | undefined {
  const etag = strongEtag(identity);
  return etag === undefined || etag.length > MAX_ETAG_LENGTH ? undefined : etag;
}
