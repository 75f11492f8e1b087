import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { GatewayClock } from "./clock.ts";
import { tooLarge } from "./guard.ts";
import { type Ledger, prefixOf, sendingOf, through } from "./kept-body.ts";
import type { GatewayLimits } from "./limits.ts";
import type { Refusal } from "./refusal.ts";
import type { BodyScanner, ScanState } from "./scan-state.ts";

/** What is known of a body once its request can be routed. */
export type BodyFacts =
  | { readonly kind: "found"; readonly model: string; readonly stream: boolean }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** A request's body: as much as it takes is kept, and the rest is passed on as it comes. */
export interface RequestBody {
  /** Settles as soon as the model is known; never if the client goes away before. */
  readonly facts: Promise<BodyFacts>;
  /** Whether all of it is kept: it can be sent, and sent again. */
  readonly isWhole: () => boolean;
  /** In bytes; undefined while it has not all come. */
  readonly length: () => number | undefined;
  /** For a server. What is not whole can be sent once: it is destroyed with an error if the rest is wrong. */
  readonly send: () => Buffer | Readable;
  /** It will not be sent again: what is kept goes as soon as the server has taken all of it. */
  readonly sentForGood: () => void;
  /** Why the body was broken off after it went to a server; undefined: it was not. */
  readonly fault: () => Refusal | undefined;
  /** Lets go of what is kept, and keeps nothing of what still comes. To be called when nothing will be sent again; more than once does no harm. */
  readonly release: () => void;
}

/** At least so much must come within `bodyIdleMs`: a client that sends a byte now and then holds a place for ever. */
const LEAST_BYTES = 1024;

interface Bounds {
  readonly limits: GatewayLimits;
  readonly ledger: Ledger;
  readonly clock: GatewayClock;
}

/** Reads `request` until its model is known, within the limits. */
export function openBody(request: IncomingMessage, scanner: BodyScanner, bounds: Bounds): RequestBody {
  const { limits, clock } = bounds;
  const { promise: facts, resolve: settle } = Promise.withResolvers<BodyFacts>();
  const prefix = prefixOf(bounds);
  const sending = sendingOf(prefix);
  let bytes = 0;
  let hasAllCome = false;
  let rest: Readable | undefined;
  let fault: Refusal | undefined;
  const stop = (refusal: Refusal) => {
    if (fault !== undefined) return;
    fault = refusal;
    watch.stop();
    prefix.release();
    settle({ kind: "refused", refusal });
    rest?.destroy(new Error(refusal.message));
  };
  const watch = idleWatch(clock, limits.bodyIdleMs, () => stop(tooSlow(limits.bodyIdleMs)));
  const flow = flowOf(request, watch);
  /** What is no longer than may be read ahead is routed at its end only. */
  const judge = (state: ScanState) => {
    if (state.kind === "wrong") stop(badBody(state.message));
    else if (prefix.bytes() >= limits.readAheadBytes && state.model !== undefined) {
      flow.pause();
      settle({ kind: "found", model: state.model, stream: state.kind === "found" && state.stream });
    }
  };
  const passOn = (through: Readable, chunk: Buffer) => {
    const state = scanner.take(chunk);
    if (state.kind === "wrong") stop(badBody(state.message));
    // A server that has answered takes no more: what still comes is read, and thrown away.
    else if (!through.push(chunk) && !through.destroyed) flow.pause();
  };

  watch.start();
  request.on("data", (chunk: Buffer) => {
    if (fault !== undefined) return;
    bytes += chunk.length;
    watch.came(chunk.length);
    const problem = bytes > limits.bodyBytes ? tooLarge(limits.bodyBytes) : rest === undefined && prefix.keep(chunk);
    if (problem) stop(problem);
    else if (rest === undefined) judge(scanner.take(chunk));
    else passOn(rest, chunk);
  });
  request.once("end", () => {
    watch.stop();
    if (fault !== undefined) return;
    hasAllCome = true;
    const state = scanner.end();
    if (state.kind === "wrong") stop(badBody(state.message));
    if (state.kind === "found") settle(state);
    if (fault === undefined) rest?.push(null);
  });
  request.once("close", () => {
    watch.stop();
    if (!request.complete) rest?.destroy(new Error("the client went away"));
  });
  // A client that goes away: `close` follows.
  request.on("error", () => {});
  const isWhole = () => hasAllCome && rest === undefined && !prefix.isReleased();
  return {
    facts,
    isWhole,
    length: () => (hasAllCome ? bytes : undefined),
    send: () => {
      if (isWhole()) return sending.begin();
      rest = through(prefix, flow.resume);
      return rest;
    },
    sentForGood: sending.isLast,
    fault: () => fault,
    release: prefix.release,
  };
}

/** A body is watched while it may come. */
function flowOf(request: IncomingMessage, watch: ReturnType<typeof idleWatch>) {
  return {
    pause: () => {
      request.pause();
      watch.stop();
    },
    resume: () => {
      watch.start();
      request.resume();
    },
  };
}

function badBody(message: string): Refusal {
  return { status: 400, code: "bad_body", message };
}

function tooSlow(milliseconds: number): Refusal {
  const message = `the body stopped coming: nearly nothing came for ${Math.ceil(milliseconds / 1000)} s`;
  return { status: 408, code: "body_too_slow", message };
}

/** Calls `late` when less than {@link LEAST_BYTES} came within `milliseconds`, while it is started. */
function idleWatch(clock: GatewayClock, milliseconds: number, late: () => void) {
  let cancel: (() => void) | undefined;
  let came = 0;
  const stop = () => {
    cancel?.();
    cancel = undefined;
  };
  const start = () => {
    if (cancel !== undefined) return;
    came = 0;
    cancel = clock.timer(() => {
      cancel = undefined;
      if (came < LEAST_BYTES) late();
      else start();
    }, milliseconds);
  };
  return {
    start,
    stop,
    came: (bytes: number) => {
      came += bytes;
    },
  };
}
