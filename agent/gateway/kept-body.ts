import { Readable } from "node:stream";
import type { GatewayLimits } from "./limits.ts";
import type { Refusal } from "./refusal.ts";

/** The bytes that all requests together keep in memory. */
export interface Ledger {
  /** False: there is no room for them. */
  readonly take: (bytes: number) => boolean;
  readonly give: (bytes: number) => void;
}

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

/** What is kept of a body, in order. */
export interface Prefix {
  readonly bytes: () => number;
  /** Why the bytes cannot be kept; undefined: they are. */
  readonly keep: (chunk: Buffer) => Refusal | undefined;
  readonly all: () => readonly Buffer[];
  /** Takes the first piece out. */
  readonly shift: () => Buffer | undefined;
  readonly release: () => void;
  readonly isReleased: () => boolean;
}

export function prefixOf({ limits, ledger }: { readonly limits: GatewayLimits; readonly ledger: Ledger }): Prefix {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let isReleased = false;
  const give = (bytes: number) => {
    keptBytes -= bytes;
    ledger.give(bytes);
  };
  return {
    bytes: () => keptBytes,
    keep: (chunk) => {
      if (isReleased) return undefined;
      if (keptBytes + chunk.length > limits.prefixBytes) return modelTooLate(limits.prefixBytes);
      if (!ledger.take(chunk.length)) return NO_ROOM;
      kept.push(chunk);
      keptBytes += chunk.length;
      return undefined;
    },
    all: () => kept,
    shift: () => {
      const chunk = kept.shift();
      give(chunk?.length ?? 0);
      return chunk;
    },
    release: () => {
      isReleased = true;
      kept = [];
      give(keptBytes);
    },
    isReleased: () => isReleased,
  };
}

/** A body up to this is sent in one piece with its head, which is faster by a turn of the event loop. Undici holds it until the answer has ended. */
const SMALL_BYTES = 16_384;

/** Sends what is kept, and lets go of it when the last of it has been taken, and nothing will be sent again. */
export function sendingOf(prefix: Prefix) {
  // What is passed on as it comes is let go of as it goes.
  let isTaken = false;
  let isLast = false;
  const goOn = () => {
    if (isTaken && isLast) prefix.release();
  };
  return {
    begin: () => {
      isTaken = prefix.bytes() <= SMALL_BYTES;
      isLast = false;
      if (isTaken) return Buffer.concat(prefix.all());
      return pieces(prefix.all(), () => {
        isTaken = true;
        goOn();
      });
    },
    isLast: () => {
      isLast = true;
      goOn();
    },
  };
}

/** Once. Whoever has read it all holds nothing of it: undici keeps the body of a request until the answer has ended. */
function pieces(kept: readonly Buffer[], taken: () => void): Readable {
  let left = kept;
  let at = 0;
  const stream = new Readable({
    read: () => {
      const piece = left[at] ?? null;
      at += 1;
      stream.push(piece);
      if (piece !== null) return;
      left = [];
      taken();
    },
  });
  // It is destroyed where the server goes away.
  stream.on("error", () => {});
  return stream;
}

/** What is kept, then what comes. */
export function through(prefix: Prefix, resume: () => void): Readable {
  const stream = new Readable({
    read: () => {
      const chunk = prefix.shift();
      if (chunk === undefined) resume();
      else stream.push(chunk);
    },
  });
  // It is destroyed whenever either side goes away.
  stream.on("error", () => {});
  return stream;
}

const NO_ROOM: Refusal = {
  status: 503,
  code: "bodies_too_large",
  message: "too many large requests are under way: try again in a moment",
  retryAfterMs: 1000,
};

function modelTooLate(bytes: number): Refusal {
  const message = `no model was named in the first ${Math.floor(bytes / 2 ** 20)} MiB of the body: put "model" first`;
  return { status: 413, code: "model_too_late", message };
}
