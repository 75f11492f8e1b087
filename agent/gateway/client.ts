import type { ServerResponse } from "node:http";
import type { GatewayClock } from "./clock.ts";
import type { GatewayLimits } from "./limits.ts";
import { type ErrorShape, errorBody, errorEvent, errorHeaders, type Refusal } from "./refusal.ts";

/** Whom a request came from. */
export interface Client {
  readonly response: ServerResponse;
  /** Aborted when the client goes away before it has its whole answer. */
  readonly gone: AbortSignal;
  /** Whether it has got a status and comment lines already, and waits for the events of its stream. */
  readonly isTold: () => boolean;
  /** Tells it now and then that its stream will come. @param message gets into a comment, without line breaks */
  readonly keepAlive: (message: () => string) => void;
  /** Ends the comments, and nothing else. */
  readonly quiet: () => void;
  /** As an answer, or as the last event of a stream that has begun. */
  readonly refuse: (refusal: Refusal) => void;
}

export const EVENT_STREAM = "text/event-stream";

export function clientOf(
  response: ServerResponse,
  about: { readonly shape: ErrorShape; readonly requestId: string },
  { limits, clock }: { readonly limits: GatewayLimits; readonly clock: GatewayClock },
): Client {
  const { shape, requestId } = about;
  const leaving = new AbortController();
  let told = false;
  let cancel = () => {};
  response.once("close", () => {
    cancel();
    if (!response.writableFinished) leaving.abort();
  });
  // A client that goes away: `close` follows.
  response.on("error", () => {});

  function comment(message: () => string): void {
    if (response.destroyed) return;
    if (!told) response.writeHead(200, { "content-type": EVENT_STREAM, "cache-control": "no-cache" });
    told = true;
    // One that reads nothing gets no more of them.
    if (!response.writableNeedDrain) response.write(`: ${message().replaceAll(/\s+/g, " ")}\n\n`);
    cancel = clock.timer(() => comment(message), limits.commentEveryMs);
  }

  return {
    response,
    gone: leaving.signal,
    isTold: () => told,
    keepAlive: (message) => {
      if (limits.commentEveryMs === 0) return;
      cancel();
      cancel = clock.timer(() => comment(message), told ? limits.commentEveryMs : limits.commentAfterMs);
    },
    quiet: () => cancel(),
    refuse: (refusal) => {
      cancel();
      if (response.destroyed || response.writableEnded) return;
      if (response.headersSent) {
        response.end(errorEvent(refusal, shape, requestId));
        return;
      }
      sendJson(response, refusal.status, errorBody(refusal, shape, requestId), errorHeaders(refusal));
    },
  };
}

/** Node leaves the body of an answer to HEAD out. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, {
    ...headers,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(body);
}
