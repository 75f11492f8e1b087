import type { Dispatcher } from "undici";
import {
  type BodyPart,
  type ByteRange,
  type FileIdentity,
  isUndescribed,
  openPart,
  rangeHeaders,
  type Sameness,
  samenessOf,
  sizeOfUnsatisfied,
} from "../../fetch/http-part.ts";
import { type Connection, get, httpDispatcher } from "../../fetch/http-request.ts";
import type { HttpLocation } from "../../fetch/locate.ts";
import { refuse } from "../../fetch/refusal.ts";
import { type Retrying, retrying } from "../../fetch/retry.ts";
import type { StoreLimits } from "./limits.ts";
import type { PartFile } from "./part-file.ts";
import { missingChunks, withRange } from "./ranges.ts";

export interface Transfer {
  readonly location: HttpLocation;
  readonly part: PartFile;
  readonly limits: StoreLimits;
  readonly signal: AbortSignal;
  /**
   * Called where answers of one size describe the file differently, and their bytes are mixed all the same: a sha256 tells in the end.
   * Where it is not set such an answer starts the transfer over.
   */
  readonly mixing: (() => void) | undefined;
  /** The first answer told what is to come; bytes of another version have been dropped by then. */
  readonly opened: (identity: FileIdentity) => Promise<void>;
  /** Called after each piece; what it raises ends the transfer. */
  readonly received: (bytes: number) => Promise<void>;
  /** All that came is dropped, because the source has another version by now, or may have. */
  readonly startingOver: (sameness: Exclude<Sameness, "same">) => void;
  /** Why nothing comes for a while. */
  readonly waiting: (message: string) => void;
}

/** One stream where ranges are not served, or where each may be of another version. */
type Way = "several connections" | "one stream";

const CONNECTIONS = 4;
/** A file that changes more often during one download is not waited for. */
const MAX_RESTARTS = 3;
/** Without a byte for so long a connection is given up, and tried again. */
const STALL_MS = 60_000;
const LONGEST_BACKOFF_MS = 30_000;
/** A server that asks for more has said no. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/** The source has another version by now, or describes it in another way. */
class Changed extends Error {
  readonly sameness: Exclude<Sameness, "same">;

  constructor(sameness: Exclude<Sameness, "same">) {
    super();
    this.sameness = sameness;
  }
}

/** An answer had the whole file where a part of it was asked for. */
class WithoutRanges extends Error {}

/** Fetches all of the file that `part` does not hold yet, all of one version: another one starts over. */
export async function transfer(job: Transfer): Promise<void> {
  const dispatcher = httpDispatcher({ bodyTimeout: STALL_MS, headersTimeout: STALL_MS });
  let way: Way = "several connections";
  try {
    for (let restarts = 0; restarts <= MAX_RESTARTS; ) {
      try {
        return await fetchMissing(job, dispatcher, way);
      } catch (error) {
        if (error instanceof WithoutRanges) {
          way = "one stream";
          continue;
        }
        if (!(error instanceof Changed)) throw error;
        // An answer is of one version, whoever gives it.
        if (error.sameness === "untold" || restarts > 0) way = "one stream";
        restarts += 1;
        job.startingOver(error.sameness);
        await job.part.restart(undefined);
      }
    }
  } finally {
    await dispatcher.destroy();
  }
  return refuse(
    `the file changed ${MAX_RESTARTS + 1} times while it was downloaded, or its servers describe it differently: a sha256 in the Model would tell`,
    "interrupted",
  );
}

/** The first answer tells the size and whether ranges are served: where they are not, it is the whole file. */
async function fetchMissing(job: Transfer, dispatcher: Dispatcher, way: Way): Promise<void> {
  const { part, limits, location } = job;
  const chunkBytes = way === "one stream" ? Number.POSITIVE_INFINITY : limits.chunkBytes;
  const known = part.identity();
  const [first] = missingChunks(part.done(), known?.fileBytes ?? chunkBytes, chunkBytes);
  if (first === undefined) return;
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const connection = { dispatcher, signal, source: location.url, authorization: location.authorization };
  const source = { ...job, connection, way };
  const body = await retrying(
    () => openChunk(source, first),
    retryOptions(source, () => 0),
  );
  try {
    const { identity } = body;
    if (known === undefined) await part.restart(identity);
    await job.opened(identity);
    const begun = { begin: first.begin, end: body.end };
    const missing = () => missingChunks(part.done(), identity.fileBytes, chunkBytes);
    if (way === "one stream" || isWhole(body)) {
      await fetchChunk({ ...source, way: "one stream" }, begun, body);
      for (let [gap] = missing(); gap !== undefined; [gap] = missing()) await fetchChunk(source, gap);
      return;
    }
    const queue = [...missingChunks(withRange(part.done(), begun), identity.fileBytes, chunkBytes)];
    const worker = async (already?: BodyPart) => {
      if (already !== undefined) await fetchChunk(source, begun, already);
      for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) await fetchChunk(source, chunk);
    };
    await allOrNone([body, ...Array(CONNECTIONS - 1).fill(undefined)].map(worker), stop);
  } finally {
    body.close();
  }
}

/** Waits for all of `work`, so that nobody writes any more when it fails. */
async function allOrNone(work: readonly Promise<void>[], stop: AbortController): Promise<void> {
  try {
    await Promise.all(work);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(work);
    throw error;
  }
}

/** Whether it is the answer of a server that does not know ranges, or has the whole file anyway. */
function isWhole({ begin, end, identity }: BodyPart): boolean {
  return begin === 0 && end === identity.fileBytes;
}

interface Source extends Transfer {
  readonly connection: Connection;
  readonly way: Way;
}

function retryOptions({ connection, limits, waiting }: Source, progress: () => number): Retrying {
  return {
    signal: connection.signal,
    retries: limits.retries,
    backOff: { firstMs: limits.backOffMs, longestMs: LONGEST_BACKOFF_MS },
    patienceMs: () => MAX_RETRY_AFTER_MS,
    progress,
    waiting,
  };
}

async function fetchChunk(source: Source, chunk: ByteRange, already?: BodyPart): Promise<void> {
  const { part, connection, received, way } = source;
  let reached = chunk.begin;
  let body = already;
  const attempt = async () => {
    while (reached < chunk.end) {
      body ??= await openChunk(source, { begin: reached, end: chunk.end });
      try {
        if (way !== "one stream" && body.begin < reached) throw new WithoutRanges();
        // What follows the chunk in such a stream would have to be asked for from the file's start again.
        const end = isWhole(body) ? body.end : Math.min(body.end, chunk.end);
        while (body.position() < end) {
          const at = body.position();
          const piece = await body.next(connection.signal);
          // Where the server began at the file's start again, what is there already is not written twice.
          const news = piece.subarray(Math.max(0, reached - at));
          if (news.length === 0) continue;
          await part.write(news, reached);
          reached += news.length;
          await received(news.length);
        }
      } finally {
        body.close();
        body = undefined;
      }
    }
  };
  await retrying(
    attempt,
    retryOptions(source, () => reached),
  );
}

/** Asks for a range; an answer from the file's start instead is that of a server that does not know ranges. */
async function openChunk(source: Source, chunk: ByteRange): Promise<BodyPart> {
  const { location, part, connection, mixing } = source;
  const known = part.identity();
  const answer = await get(location.url, rangeHeaders(chunk, known), connection);
  const size = answer.response.statusCode === 416 ? sizeOfUnsatisfied(answer) : undefined;
  if (known !== undefined && size !== undefined && size !== known.fileBytes) {
    answer.response.body.destroy();
    throw new Changed("another");
  }
  const body = openPart(answer, chunk);
  const sameness = known === undefined ? "same" : samenessOf(known, body.identity);
  if (sameness === "same" || known === undefined) return body;
  if (mixing === undefined || known.fileBytes !== body.identity.fileBytes) {
    body.close();
    throw new Changed(sameness);
  }
  mixing();
  if (isUndescribed(known)) return body;
  body.close();
  part.forgetDescription();
  return openChunk(source, chunk);
}
