import type { Dispatcher } from "undici";
import {
  type BodyPart,
  type ByteRange,
  changesOf,
  type FileIdentity,
  openPart,
  rangeHeaders,
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
  /** The first answer told what is to come; bytes of another version have been dropped by then. */
  readonly opened: (identity: FileIdentity) => Promise<void>;
  /** Called after each piece; what it raises ends the transfer. */
  readonly received: (bytes: number) => Promise<void>;
  /** The source has another version by now: all that came is dropped. */
  readonly startingOver: () => void;
  /** Why nothing comes for a while. */
  readonly waiting: (message: string) => void;
}

const CONNECTIONS = 4;
/** A file that changes more often during one download is not waited for. */
const MAX_RESTARTS = 3;
/** Without a byte for so long a connection is given up, and tried again. */
const STALL_MS = 60_000;
const LONGEST_BACKOFF_MS = 30_000;
/** A server that asks for more has said no. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/** The source has another version by now. */
class Changed extends Error {}

/** Fetches all of the file that `part` does not hold yet, all of one version: another one starts over. */
export async function transfer(job: Transfer): Promise<void> {
  const dispatcher = httpDispatcher({ bodyTimeout: STALL_MS, headersTimeout: STALL_MS });
  try {
    for (let restarts = 0; restarts <= MAX_RESTARTS; restarts += 1) {
      try {
        return await fetchMissing(job, dispatcher);
      } catch (error) {
        if (!(error instanceof Changed)) throw error;
        job.startingOver();
        await job.part.restart(undefined);
      }
    }
  } finally {
    await dispatcher.destroy();
  }
  return refuse(`the file changed ${MAX_RESTARTS + 1} times while it was downloaded`, "interrupted");
}

/** The first answer tells the size and whether ranges are served: where they are not, it is the whole file. */
async function fetchMissing(job: Transfer, dispatcher: Dispatcher): Promise<void> {
  const { part, limits, location } = job;
  const known = part.identity();
  const [first] = missingChunks(part.done(), known?.fileBytes ?? limits.chunkBytes, limits.chunkBytes);
  if (first === undefined) return;
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const connection = { dispatcher, signal, source: location.url, authorization: location.authorization };
  const source = { ...job, connection };
  const body = await retrying(
    () => openChunk(source, first),
    retryOptions(source, () => 0),
  );
  try {
    const { identity } = body;
    // A server that does not know ranges begins at the file's start again.
    if (known === undefined || body.position() !== first.begin) await part.restart(identity);
    await job.opened(identity);
    const queue = [...missingChunks(withRange(part.done(), rangeOf(body)), identity.fileBytes, limits.chunkBytes)];
    const worker = async (begun?: BodyPart) => {
      if (begun !== undefined) await fetchChunk(source, rangeOf(begun), begun);
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

function rangeOf(body: BodyPart): ByteRange {
  return { begin: body.position(), end: body.end };
}

interface Source extends Transfer {
  readonly connection: Connection;
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

async function fetchChunk(source: Source, chunk: ByteRange, begun?: BodyPart): Promise<void> {
  const { part, connection, received } = source;
  let reached = chunk.begin;
  let body = begun;
  const attempt = async () => {
    while (reached < chunk.end) {
      body ??= await openChunk(source, { begin: reached, end: chunk.end });
      try {
        while (body.position() < Math.min(body.end, chunk.end)) {
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
  const progress = () => reached;
  await retrying(attempt, retryOptions(source, progress));
}

/** Asks for a range; an answer from the file's start instead is that of a server that does not know ranges. */
async function openChunk({ location, part, connection }: Source, chunk: ByteRange): Promise<BodyPart> {
  const known = part.identity();
  const answer = await get(location.url, rangeHeaders(chunk, known), connection);
  const { statusCode } = answer.response;
  if (known !== undefined && statusCode === 416 && sizeOfUnsatisfied(answer) !== known.fileBytes) {
    answer.response.body.destroy();
    throw new Changed();
  }
  const body = openPart(answer, chunk);
  if (known === undefined || changesOf(known, body.identity).length === 0) return body;
  body.close();
  throw new Changed();
}
