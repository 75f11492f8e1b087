import { once } from "node:events";
import { stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, ok, type Result } from "../../api/result.ts";
import { plainPieces } from "../server-logs/plain.ts";
import { filesByStart } from "../server-logs/starts.ts";
import { lastOf, NOWHERE, type Part, type Place, readOn } from "../server-logs/tail.ts";
import type { LogQuery } from "./log-query.ts";

/** The log of one pod. */
export interface PodLog {
  readonly path: string;
  /** Milliseconds since 1970 when its server was started; undefined where that is not known. */
  readonly startedAt: number | undefined;
  /** Whether more may be written: asked again and again while somebody follows. */
  readonly isOpen: () => boolean;
}

/** How often a log that is followed is looked at. */
const FOLLOW_MS = 250;
/** A reader that takes nothing for so long has gone, or is a pager that somebody left. */
const STALLED_MS = 600_000;

/**
 * What of the log answers the query, opened for reading; fails with one sentence where nothing does. Lines have no times, so `since` can
 * be answered only where all of them are later, or none is.
 */
export async function selectLog({ path, startedAt }: PodLog, query: LogQuery): Promise<Result<readonly Part[]>> {
  const { previous, tailLines, since } = query;
  const [last = [path], before = []] = await filesByStart(path);
  const files: string[] = [];
  let writtenAt = 0;
  for (const file of previous ? before : last) {
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) continue;
    files.push(file);
    writtenAt = found.mtimeMs;
  }
  if (files.length === 0) {
    return fail(
      previous ? "its server was not started before that" : "its server has not been started yet: it has no log",
    );
  }
  if (since !== undefined && writtenAt < since) return ok(await lastOf(files, 0));
  if (since !== undefined && (previous || startedAt === undefined || startedAt < since)) {
    return fail(
      "the lines of llama-server have no times, and its log is older than that: ask for the last lines instead (--tail)",
    );
  }
  if (tailLines !== undefined) return ok(await lastOf(files, tailLines));
  return ok(files.map((file) => ({ path: file, place: NOWHERE })));
}

/**
 * Sends the parts as plain text (kubectl shows on a terminal whatever it is sent), and what follows them while that is asked for and the log is open. Reads no more than its client takes. Ends with its
 * client, and never throws.
 */
export async function streamLog(
  response: ServerResponse,
  parts: readonly Part[],
  { path, isOpen }: PodLog,
  { follow, previous, limitBytes }: Pick<LogQuery, "follow" | "previous" | "limitBytes">,
): Promise<void> {
  const stop = new AbortController();
  response.once("close", () => stop.abort());
  const take = boundedWriter(response, limitBytes, stop);
  try {
    let place: Place = NOWHERE;
    for (const part of parts) place = await readOn(part.path, part.place, take);
    for (let open = follow && !previous; open; ) {
      await sleep(FOLLOW_MS, undefined, { signal: stop.signal });
      open = isOpen();
      // After it has ended too: its last lines are the ones that matter.
      place = await readOn(path, place, take);
    }
    response.end();
  } catch {
    // What cannot be read on is cut off, and does not look like a log that ended. All else is its client's end, or the limit's.
    if (stop.signal.aborted) response.end();
    else response.destroy();
  }
}

function boundedWriter(response: ServerResponse, limitBytes: number | undefined, stop: AbortController) {
  const plain = plainPieces();
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  return async (piece: Buffer) => {
    const sent = Buffer.from(plain(piece)).subarray(0, left);
    left -= sent.length;
    if (!response.write(sent)) await untilTaken(response, stop);
    if (left === 0) stop.abort();
    stop.signal.throwIfAborted();
  };
}

async function untilTaken(response: ServerResponse, stop: AbortController): Promise<void> {
  const late = setTimeout(() => response.destroy(), STALLED_MS);
  try {
    await once(response, "drain", { signal: stop.signal });
  } finally {
    clearTimeout(late);
  }
}
