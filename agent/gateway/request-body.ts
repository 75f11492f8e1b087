import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { GatewayClock } from "./clock.ts";
import { tooLarge } from "./guard.ts";
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
  /** Whether all of it is kept: it can be sent again until `release`. */
  readonly isWhole: () => boolean;
  /** For a server. What is not whole can be sent once: it is destroyed with an error if the rest is wrong. */
  readonly send: () => Buffer | Readable;
  /** Why the body was broken off after it went to a server; undefined: it was not. */
  readonly fault: () => Refusal | undefined;
  /** Lets go of what is kept. To be called when nothing will be sent again; more than once does no harm. */
  readonly release: () => void;
}

/** The bytes that all requests together keep in memory. */
export interface Ledger {
  /** False: there is no room for them. */
  readonly take: (bytes: number) => boolean;
  readonly give: (bytes: number) => void;
}

/** At least so much must come within `bodyIdleMs`: a client that sends a byte now and then holds a place for ever. */
const LEAST_BYTES = 1024;

export function ledgerOf(total: number): Ledger {
  let taken = 0;
  return {
    take: (bytes) => {
      if (taken + bytes > total) return false;
      taken += bytes;
      return true;
    },
    give: (bytes) => {
      taken -= bytes;
    },
  };
}

/** Reads `request` until its model is known, within the limits. */
export function openBody(
  request: IncomingMessage,
  scanner: BodyScanner,
  { limits, ledger, clock }: { readonly limits: GatewayLimits; readonly ledger: Ledger; readonly clock: GatewayClock },
): RequestBody {
  const { promise: facts, resolve: settle } = Promise.withResolvers<BodyFacts>();
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let bytes = 0;
  let whole = false;
  let rest: Readable | undefined;
  let fault: Refusal | undefined;
  const watch = idleWatch(clock, limits.bodyIdleMs, () => {
    const seconds = Math.round(limits.bodyIdleMs / 1000);
    stop({
      status: 408,
      code: "body_too_slow",
      message: `the body stopped coming: nothing of it came for ${seconds} s`,
    });
  });

  function stop(refusal: Refusal): void {
    if (fault !== undefined) return;
    fault = refusal;
    watch.stop();
    release();
    settle({ kind: "refused", refusal });
    rest?.destroy(new Error(refusal.message));
  }

  /** False: it is wrong. */
  function isSound(state: ScanState): boolean {
    if (state.kind !== "wrong") return true;
    stop({ status: 400, code: "bad_body", message: state.message });
    return false;
  }

  /** What is no longer than may be read ahead is routed at its end only. */
  function judge(state: ScanState): void {
    if (!isSound(state) || state.kind === "wrong") return;
    if (keptBytes < limits.readAheadBytes || state.model === undefined) return;
    request.pause();
    watch.stop();
    settle({ kind: "found", model: state.model, stream: state.kind === "found" && state.stream });
  }

  function keep(chunk: Buffer): boolean {
    if (keptBytes + chunk.length > limits.prefixBytes) {
      const mib = Math.floor(limits.prefixBytes / 2 ** 20);
      stop({
        status: 413,
        code: "model_too_late",
        message: `no model was named in the first ${mib} MiB of the body: put "model" first`,
      });
      return false;
    }
    if (!ledger.take(chunk.length)) {
      const message = "too many large requests are under way: try again in a moment";
      stop({ status: 503, code: "bodies_too_large", message, retryAfterMs: 1000 });
      return false;
    }
    kept.push(chunk);
    keptBytes += chunk.length;
    return true;
  }

  function onData(chunk: Buffer): void {
    if (fault !== undefined) return;
    bytes += chunk.length;
    watch.came(chunk.length);
    if (bytes > limits.bodyBytes) return stop(tooLarge(limits.bodyBytes));
    if (rest === undefined) {
      if (keep(chunk)) judge(scanner.take(chunk));
      return;
    }
    if (!isSound(scanner.take(chunk)) || rest.push(chunk)) return;
    request.pause();
    watch.stop();
  }

  function onEnd(): void {
    watch.stop();
    if (fault !== undefined) return;
    whole = rest === undefined;
    const state = scanner.end();
    if (!isSound(state)) return;
    if (state.kind === "found") settle(state);
    rest?.push(null);
  }

  function release(): void {
    ledger.give(keptBytes);
    kept = [];
    keptBytes = 0;
  }

  /** What is kept, then what comes. */
  function passOn(): Readable {
    const through = new Readable({
      read: () => {
        const chunk = kept.shift();
        if (chunk !== undefined) {
          keptBytes -= chunk.length;
          ledger.give(chunk.length);
          through.push(chunk);
          return;
        }
        watch.start();
        request.resume();
      },
    });
    // It is destroyed whenever either side goes away.
    through.on("error", () => {});
    rest = through;
    return through;
  }

  watch.start();
  request.on("data", onData);
  request.once("end", onEnd);
  request.once("close", () => {
    watch.stop();
    if (!request.complete) rest?.destroy(new Error("the client went away"));
  });
  // A client that goes away: `close` follows.
  request.on("error", () => {});
  return {
    facts,
    isWhole: () => whole,
    send: () => (whole ? asOne(kept) : passOn()),
    fault: () => fault,
    release,
  };
}

function asOne(chunks: readonly Buffer[]): Buffer {
  const [first, second] = chunks;
  return first !== undefined && second === undefined ? first : Buffer.concat(chunks);
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
