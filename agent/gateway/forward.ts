import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Dispatcher, Pool } from "undici";
import { errorText } from "../../api/error-code.ts";
import type { GatewayClock } from "./clock.ts";
import { headersToClient } from "./headers.ts";

/** What became of a request that went to a server. */
export type Outcome =
  /** The client has all of the answer. */
  | { readonly kind: "answered"; readonly status: number }
  /** The answer was not for the client. `text`: the first 64 KiB of it. */
  | { readonly kind: "kept"; readonly status: number; readonly text: string }
  /** The server did not answer. `isSent`: it may have got the request. */
  | { readonly kind: "unanswered"; readonly why: string; readonly isSent: boolean }
  /** The answer broke off. `isStream`: it is one of events. `isWithinLine`: in the middle of an event. */
  | { readonly kind: "broken"; readonly status: number; readonly isStream: boolean; readonly isWithinLine: boolean }
  /** The client went away, or took nothing for too long. */
  | { readonly kind: "aborted" };

export interface Forwarded {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | Readable;
  /** Whether the client is to have the answer. */
  readonly isForClient: (status: number, headers: IncomingHttpHeaders) => boolean;
  /** The answer begins for the client. Its headers have not been sent unless a stream was begun. */
  readonly begins: (headers: IncomingHttpHeaders) => void;
  /** Gets each piece of the answer. It must not change it. */
  readonly passes: (chunk: Buffer) => void;
}

const MOST_KEPT = 65_536;
const REFUSED: ReadonlySet<string> = new Set(["ECONNREFUSED", "UND_ERR_CONNECT_TIMEOUT", "EADDRNOTAVAIL"]);

/**
 * Sends one request, and passes the answer on byte for byte, no faster than the client takes it.
 *
 * @param gone breaks the request off, at the server too
 * @param stalledMs how long the client may take nothing
 */
export function forward(
  { origin, pool }: { readonly origin: string; readonly pool: Pool },
  { path, headers, body, ...forwarded }: Forwarded,
  response: ServerResponse,
  { gone, clock, stalledMs }: { readonly gone: AbortSignal; readonly clock: GatewayClock; readonly stalledMs: number },
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let control: Dispatcher.DispatchController | undefined;
  let over = false;
  const settle = (outcome: Outcome) => {
    if (over) return;
    over = true;
    gone.removeEventListener("abort", onGone);
    resolve(outcome);
  };
  const breakOff = (why: string) => {
    settle({ kind: "aborted" });
    control?.abort(new Error(why));
  };
  const onGone = () => breakOff("the client went away");
  gone.addEventListener("abort", onGone);
  const answer = answerTo(response, forwarded, {
    clock,
    stalledMs,
    stalled: () => {
      breakOff("the client takes nothing");
      response.destroy();
    },
  });
  pool.dispatch(
    // A connection for each request: llama-server closes its own after each stream, although it says that it keeps them for 5 s. A request
    // that met the end of one would be lost.
    { origin, path, method: "POST", headers, body, reset: true },
    {
      onRequestStart: (controller) => {
        control = controller;
        if (over || gone.aborted) controller.abort(new Error("the client went away"));
      },
      onResponseStart: (_, status, answered) => {
        if (status >= 200 && !over) answer.start(status, answered);
      },
      onResponseData: (controller, chunk) => {
        if (!over) answer.data(controller, chunk);
      },
      onResponseEnd: () => settle(answer.end()),
      onResponseError: (_, error) => settle(answer.failed(error, control !== undefined)),
    },
  );
  if (gone.aborted) onGone();
  return promise;
}

interface Stalling {
  readonly clock: GatewayClock;
  readonly stalledMs: number;
  readonly stalled: () => void;
}

/** The answer's way to the client, or to memory where it is not for the client. */
function answerTo(
  response: ServerResponse,
  { isForClient, begins, passes }: Pick<Forwarded, "isForClient" | "begins" | "passes">,
  { clock, stalledMs, stalled }: Stalling,
) {
  let head: { readonly status: number; readonly isStream: boolean; readonly isPassed: boolean } | undefined;
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let last = "";
  return {
    start: (status: number, headers: IncomingHttpHeaders) => {
      const isStream = isEventStream(headers);
      head = { status, isStream, isPassed: isForClient(status, headers) };
      if (!head.isPassed) return;
      begins(headers);
      if (response.headersSent) return;
      response.writeHead(status, headersToClient(headers));
      if (isStream) response.flushHeaders();
    },
    data: (controller: Dispatcher.DispatchController, chunk: Buffer) => {
      if (head?.isPassed !== true) {
        if (keptBytes < MOST_KEPT) kept.push(chunk.subarray(0, MOST_KEPT - keptBytes));
        keptBytes += chunk.length;
        return;
      }
      passes(chunk);
      if (head.isStream) last = `${last}${chunk.subarray(-2).toString("latin1")}`.slice(-2);
      if (response.write(chunk)) return;
      controller.pause();
      const cancel = clock.timer(stalled, stalledMs);
      response.once("close", cancel);
      response.once("drain", () => {
        cancel();
        response.off("close", cancel);
        controller.resume();
      });
    },
    end: (): Outcome => {
      if (head === undefined) return { kind: "unanswered", why: "an empty answer", isSent: true };
      const { status, isPassed } = head;
      return isPassed ? { kind: "answered", status } : { kind: "kept", status, text: Buffer.concat(kept).toString() };
    },
    failed: (error: Error, isStarted: boolean): Outcome => {
      const why = errorText(error);
      if (head?.isPassed !== true) return { kind: "unanswered", why, isSent: isStarted && !REFUSED.has(why) };
      const { status, isStream } = head;
      return { kind: "broken", status, isStream, isWithinLine: last !== "" && last !== "\n\n" };
    },
  };
}

export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(String(headers["content-type"] ?? ""));
}
