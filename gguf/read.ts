import type { Dispatcher } from "undici";
import { type FailureKind, fail, failIn, ok, type Result } from "../api/result.ts";
import { withTokenFile } from "../fetch/hub-token.ts";
import { displayName, type Location, locate } from "../fetch/locate.ts";
import type { MayReach } from "../fetch/reachable.ts";
import { failureOf, Refusal, UntoldVersion } from "../fetch/refusal.ts";
import type { ByteSource, Opened } from "./byte-source.ts";
import { MAX_HEADER_BYTES } from "./cursor.ts";
import { openFile } from "./file-source.ts";
import type { GgufHeader } from "./header.ts";
import { confirmHeader, type FoundHeader, findHeader, keepHeader } from "./header-cache.ts";
import type { Deadline, OpenOptions } from "./http-source.ts";
import { parseHeader } from "./parse.ts";
import { checkJoined, joinShard, laterShards } from "./shards.ts";

export interface ReadOptions {
  /** For the whole read, all shards and retries together, in milliseconds; default 20,000. */
  readonly timeoutMs?: number;
  /** Bearer token for an http(s) or hf:// source, sent to the origin that it names only; hf:// default: `HF_TOKEN`, else the token file. */
  readonly token?: string;
  /**
   * Where headers are kept between runs: a header that was read before costs one conditional request, or a look at the
   * file's size and times. Where its source cannot be asked, for want of a network, it is used all the same and says so
   * (`unconfirmed`). Nothing is kept where it is not set; {@link headerCacheFolder} is the user's own.
   */
  readonly cacheFolder?: string | undefined;
  /** Which addresses may be connected to, redirects too; all where not set. */
  readonly mayReach?: MayReach;
  /** Aborting it ends the read with a failure. */
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 20_000;
/** Of a shard after the first: a few tensors, and no vocabulary. */
const SHARD_BYTES = 64 * 2 ** 10;
/** Shards read at a time. */
const SHARDS_AT_ONCE = 4;

/**
 * Reads the GGUF header of a model: absolute path, `file://`, `http(s)://`, or `hf://org/repo[@revision]/file`
 * (`HF_ENDPOINT` names another hub). Of a split model (its first shard is named) all shards are read and joined. Never
 * throws on bad input, whatever a file or a server does; the failure names the source, without credentials.
 */
export async function readHeader(source: string, options: ReadOptions = {}): Promise<Result<GgufHeader>> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const reading = { ...options, deadline: { at: performance.now() + timeoutMs, signal } };
  try {
    return await readModel(source, reading);
  } catch (error) {
    if (!signal.aborted) throw error;
    const name = displayName(source);
    if (!timeout.aborted) return fail(`${name}: reading the header was cancelled`, "interrupted");
    return fail(`${name}: no complete header was received within ${timeoutMs / 1000} s`, "unreachable");
  }
}

interface Reading extends ReadOptions, Pick<OpenOptions, "firstBytes" | "sharedDispatcher"> {
  readonly deadline: Deadline;
}

async function readModel(source: string, reading: Reading): Promise<Result<GgufHeader>> {
  const first = await readFileHeader(source, reading);
  if (!first.ok) return first;
  const later = laterShards(source, first.value);
  if (!later.ok) return failIn(displayName(source), later);
  if (later.value.length === 0) return first;

  const dispatchers = await dispatchersFor(source, reading);
  try {
    const model = await readShards(source, first.value, later.value, dispatchers, reading);
    const whole = model.ok ? checkJoined(model.value) : model;
    return whole.ok || !model.ok ? whole : failIn(displayName(source), whole);
  } finally {
    await Promise.all(dispatchers.map((sharedDispatcher) => sharedDispatcher.destroy()));
  }
}

/** Connections that the shards of one model share; none for files, whose reader needs no HTTP client. */
async function dispatchersFor(source: string, { mayReach }: Reading): Promise<readonly Dispatcher[]> {
  const location = locate(source, process.env);
  if (location.ok && location.value.kind === "file") return [];
  const { headerDispatcher } = await import("./http-source.ts");
  return Array.from({ length: SHARDS_AT_ONCE }, () => headerDispatcher(mayReach));
}

/** The model that `first` begins, with all its later shards. */
async function readShards(
  source: string,
  first: GgufHeader,
  later: readonly string[],
  dispatchers: readonly Dispatcher[],
  reading: Reading,
): Promise<Result<GgufHeader>> {
  let model = first;
  for (let done = 0; done < later.length; done += SHARDS_AT_ONCE) {
    const batch = later.slice(done, done + SHARDS_AT_ONCE);
    const shards = await Promise.all(
      batch.map((shard, index) =>
        readFileHeader(shard, { ...reading, firstBytes: SHARD_BYTES, sharedDispatcher: dispatchers[index] }),
      ),
    );
    for (const [position, shard] of shards.entries()) {
      if (!shard.ok) return shard;
      const joined = joinShard(model, shard.value, done + position + 1);
      if (!joined.ok) return failIn(displayName(source), joined);
      model = joined.value;
    }
  }
  return ok(model);
}

async function readFileHeader(source: string, reading: Reading): Promise<Result<GgufHeader>> {
  const location = locate(source, await withTokenFile(process.env), reading.token);
  if (!location.ok) return location;
  try {
    const header = await readFromOneVersion(location.value, reading);
    return header.ok ? header : failIn(location.value.name, header);
  } catch (error) {
    if (error instanceof Refusal) return failIn(location.value.name, failureOf(error));
    throw error;
  }
}

/** Where servers behind one address describe the file differently, all of the header is taken from one answer. */
async function readFromOneVersion(location: Location, reading: Reading): Promise<Result<GgufHeader>> {
  try {
    return await readFrom(location, reading);
  } catch (error) {
    if (!(error instanceof UntoldVersion)) throw error;
    return readFrom(location, { ...reading, firstBytes: MAX_HEADER_BYTES });
  }
}

async function readFrom(location: Location, reading: Reading): Promise<Result<GgufHeader>> {
  const { cacheFolder, deadline, firstBytes, sharedDispatcher, mayReach } = reading;
  const known = cacheFolder === undefined ? undefined : await findHeader(cacheFolder, location);
  const options = { known: known?.version, firstBytes, sharedDispatcher, mayReach };
  const source =
    known === undefined
      ? await openLocation(location, deadline, options)
      : await openOrTrust(location, known, deadline, options);
  if (source === "unchanged") {
    if (known === undefined) throw new Error(`${location.name} is unchanged, but nothing was known of it`);
    if (cacheFolder !== undefined) await confirmHeader(cacheFolder, location);
    return ok(known.header);
  }
  if ("metadata" in source) return ok(source);
  try {
    const header = await parseFrom(source, deadline);
    const { version } = source;
    if (cacheFolder !== undefined && header.ok && version !== undefined) {
      await keepHeader(cacheFolder, location, { version, header: header.value });
    }
    return header;
  } finally {
    await source.close();
  }
}

/** Of the time that is left for a header, the share in which its source must say whether one that is known is still good. */
const CHECKING_SHARE = 0.5;

/** Failures that are none of the file's: there is no way to its source now. */
const AWAY: ReadonlySet<FailureKind> = new Set(["unreachable", "throttled"]);

/** Opens a file of which a header is known; gives that header, and says of when it is, where its source cannot be asked. */
async function openOrTrust(
  location: Location,
  known: FoundHeader,
  deadline: Deadline,
  options: OpenOptions,
): Promise<Opened | GgufHeader> {
  if (location.kind === "file") return openLocation(location, deadline, options);
  const patienceMs = (deadline.at - performance.now()) * CHECKING_SHARE;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  const checking = { at: deadline.at, signal: AbortSignal.any([deadline.signal, patience.signal]) };
  try {
    return await openLocation(location, checking, options);
  } catch (error) {
    if (deadline.signal.aborted) throw error;
    if (error instanceof Refusal && AWAY.has(error.kind)) return unconfirmed(location, known, error.message);
    if (error instanceof Refusal || !patience.signal.aborted) throw error;
    return unconfirmed(
      location,
      known,
      `${location.url.host} did not answer within ${(patienceMs / 1000).toFixed()} s`,
    );
  } finally {
    clearTimeout(timer);
  }
}

function unconfirmed({ name }: Location, { header, confirmedAt }: FoundHeader, why: string): GgufHeader {
  const since = confirmedAt.toISOString().slice(0, 10);
  const sentence = `${name} is taken as it was on ${since}: whether it has changed since could not be asked (${why})`;
  return { ...header, unconfirmed: { since, sentence } };
}

async function openLocation(location: Location, deadline: Deadline, options: OpenOptions): Promise<Opened> {
  if (location.kind === "file") return openFile(location.path, options.known);
  // Loaded on demand: an agent whose models are all on its disk needs no HTTP client.
  const { openHttp } = await import("./http-source.ts");
  return openHttp(location, deadline, options);
}

async function parseFrom(source: ByteSource, deadline: Deadline): Promise<Result<GgufHeader>> {
  const parser = parseHeader(source.fileBytes);
  let step = parser.next();
  while (!step.done) {
    deadline.signal.throwIfAborted();
    step = parser.next(await source.read(step.value));
  }
  return step.value;
}
