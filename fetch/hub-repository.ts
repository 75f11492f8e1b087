import type { Readable } from "node:stream";
import * as z from "zod";
import { fail, failIn, ok, type Result } from "../api/result.ts";
import { type Connection, get, httpDispatcher } from "./http-request.ts";
import { withTokenFile } from "./hub-token.ts";
import { type HubRepository, locateRepository } from "./locate.ts";
import { failureOf, Refusal, refuse, statusRefusal, TransientRefusal } from "./refusal.ts";
import { retrying } from "./retry.ts";

/** A repository of the hub at one commit. */
export interface HubFiles {
  /** 40 hexadecimal digits: a source that names it never changes. */
  readonly commit: string;
  /** Paths within the repository. */
  readonly files: readonly string[];
}

/** A large repository has some thousand files, of which each takes some hundred bytes. */
const MAX_ANSWER_BYTES = 8 * 2 ** 20;
const TIMEOUT_MS = 20_000;
const RETRIES = 3;
const BACK_OFF = { firstMs: 250, longestMs: 2000 };

const answerSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(z.object({ rfilename: z.string().min(1).max(1024) })),
});

/** Asks the hub for the files of a repository, with the token of `HF_TOKEN` or of the token file. Never throws on a bad answer. */
export async function listRepository(asked: HubRepository, timeoutMs: number = TIMEOUT_MS): Promise<Result<HubFiles>> {
  const location = locateRepository(asked, await withTokenFile(process.env));
  if (!location.ok) return location;
  const { name, url: source, authorization } = location.value;
  const signal = AbortSignal.timeout(timeoutMs);
  const end = performance.now() + timeoutMs;
  try {
    const dispatcher = httpDispatcher({ connections: 1 });
    const connection = { dispatcher, signal, source, authorization };
    const patienceMs = () => end - performance.now();
    try {
      return ok(await retrying(() => ask(connection), { signal, retries: RETRIES, backOff: BACK_OFF, patienceMs }));
    } finally {
      await dispatcher.destroy();
    }
  } catch (error) {
    if (error instanceof Refusal) return failIn(name, failureOf(error));
    if (signal.aborted)
      return fail(`${name}: ${source.host} did not answer within ${timeoutMs / 1000} s`, "unreachable");
    throw error;
  }
}

async function ask(connection: Connection): Promise<HubFiles> {
  const { response, url } = await get(connection.source, { accept: "application/json" }, connection);
  if (response.statusCode === 404) {
    response.body.destroy();
    return refuse(`${url.host} answers 404: there is no such repository, or no such revision of it`, "not-found");
  }
  if (response.statusCode !== 200) {
    response.body.destroy();
    throw statusRefusal(response.statusCode, response.headers, url.host);
  }
  const answer = answerSchema.safeParse(parsed(await textOf(response.body, connection.signal)));
  if (!answer.success) return refuse(`${url.host} does not answer as the hub does: check HF_ENDPOINT`);
  return { commit: answer.data.sha, files: answer.data.siblings.map(({ rfilename }) => rfilename) };
}

async function textOf(body: Readable, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  let received = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      received += piece.length;
      if (received > MAX_ANSWER_BYTES) refuse(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refusal) throw error;
    throw new TransientRefusal("the connection was closed in the middle of the answer");
  }
  return Buffer.concat(pieces).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
