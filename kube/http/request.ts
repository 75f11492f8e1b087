import type { Dispatcher } from "undici";
import type { KubeFailure, KubeResult } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import { boundedText } from "./bounded-body.ts";
import { connectionFailure } from "./connection-failure.ts";
import { inTime } from "./in-time.ts";
import type { Channel, Session } from "./session.ts";
import { statusFailure } from "./status-failure.ts";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query, below the server's own path. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: unknown;
  /** Verb and resource, for messages: `get pods default/llama`. */
  readonly what: string;
  /** Its content is a secret. */
  readonly secret: boolean;
}

export interface Limits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly largestBytes: number;
}

/** The JSON that a request is answered with. Ends in time. */
export async function answerOf(session: Session, request: KubeRequest, limits: Limits): Promise<KubeResult<unknown>> {
  const deadline = AbortSignal.timeout(limits.timeoutMs);
  const signal = limits.signal === undefined ? deadline : AbortSignal.any([deadline, limits.signal]);
  const response = await open(session, request, signal);
  if (!response.ok) return ended(response);
  try {
    const text = await boundedText(response.value.body, limits.largestBytes);
    if (text === undefined) return tooLarge(request, limits.largestBytes);
    return parsedJson(text, request);
  } catch (error) {
    return ended(connectionFailure(request.what, session.server(), error));
  }

  function ended(failure: KubeFailure): KubeFailure {
    if (limits.signal?.aborted) return failed("aborted", `${request.what}: it was given up`);
    if (!deadline.aborted || failure.status !== undefined) return failure;
    return failed(
      "unavailable",
      `${request.what}: ${session.server()} gave no answer within ${limits.timeoutMs / 1000} s`,
    );
  }
}

/** The answer to a request once its status is known to be 2xx. With other credentials once, where the first were refused. */
export async function open(
  session: Session,
  request: KubeRequest,
  signal: AbortSignal,
): Promise<KubeResult<Dispatcher.ResponseData>> {
  try {
    return await inTime(opened(session, request, signal), signal, (late) => {
      if (late.ok) late.value.body.destroy();
    });
  } catch (error) {
    return connectionFailure(request.what, session.server(), error);
  }
}

async function opened(
  session: Session,
  request: KubeRequest,
  signal: AbortSignal,
): Promise<KubeResult<Dispatcher.ResponseData>> {
  const channel = await session.next();
  if (!channel.ok) return { ...channel, error: `${request.what}: ${channel.error}` };
  const first = await send(channel.value, request, signal);
  if (first.ok || first.kind !== "unauthorized" || !(await session.refused(channel.value))) return first;
  const again = await session.next();
  return again.ok ? await send(again.value, request, signal) : first;
}

const LARGEST_REFUSAL_BYTES = 2 ** 20;

async function send(
  channel: Channel,
  { method, path, body, contentType, what, secret }: KubeRequest,
  signal: AbortSignal,
): Promise<KubeResult<Dispatcher.ResponseData>> {
  const server = new URL(channel.server);
  try {
    const response = await channel.dispatcher.request({
      origin: server.origin,
      path: `${server.pathname.replace(/\/$/, "")}${path}`,
      method,
      headers: {
        ...channel.headers,
        accept: "application/json",
        ...(contentType !== undefined && { "content-type": contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
      // The signal ends what takes too long, in every phase.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // A body that is cut on purpose reports an error that nobody waits for.
    response.body.on("error", () => {});
    if (response.statusCode >= 200 && response.statusCode < 300) return succeeded(response);
    const text = (await boundedText(response.body, LARGEST_REFUSAL_BYTES)) ?? "";
    const retryAfter = [response.headers["retry-after"]].flat()[0];
    return statusFailure({ what, secret }, response.statusCode, text, retryAfter, Date.now());
  } catch (error) {
    return connectionFailure(what, channel.server, error);
  }
}

function parsedJson(text: string, { what }: KubeRequest): KubeResult<unknown> {
  try {
    return succeeded(JSON.parse(text));
  } catch {
    return failed("unavailable", `${what}: the answer is not JSON, so it is not of an API server`);
  }
}

/** The reason of a failure where an answer had more bytes than allowed; fewer objects a page may help. */
export const TOO_LARGE = "AnswerTooLarge";

function tooLarge({ what }: KubeRequest, largestBytes: number): KubeFailure {
  const mib = Math.floor(largestBytes / 2 ** 20);
  return failed("invalid", `${what}: the answer has more than ${mib} MiB`, { reason: TOO_LARGE });
}
