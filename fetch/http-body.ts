import type { Readable } from "node:stream";
import { isMarkedAsUntransferable } from "node:worker_threads";

/** Where gathering stops until it is asked for: what a socket hands over at most in one go. */
const GATHERED_BYTES = 64 * 2 ** 10;

/**
 * The bytes of an answer, each time as many as have come, good until the next call; none at its end. A body may come in
 * chunks of one byte: they are put together in two buffers, one that is filled and one that is read, and what they lay in
 * is given back at once. Left to the garbage collector it would add up to most of a header.
 */
export function gathered(body: Readable): () => Promise<Uint8Array | undefined> {
  let filling = new Uint8Array();
  let reading = new Uint8Array();
  let filled = 0;
  let memory: ArrayBufferLike | undefined;
  let over = false;
  let failure: unknown;
  let wake = () => {};

  function finish(error?: unknown): void {
    over = true;
    failure ??= error;
    wake();
  }

  body.on("data", (piece: Uint8Array) => {
    // Bytes come in order: a piece that lies elsewhere is the first one after all that lay there.
    if (memory !== piece.buffer) release(memory);
    memory = piece.buffer;
    filling = withRoom(filling, filled, piece.length);
    filling.set(piece, filled);
    filled += piece.length;
    if (filled >= GATHERED_BYTES) body.pause();
    wake();
  });
  body.on("error", finish);
  body.on("end", () => finish());
  body.on("close", () => finish());

  return async () => {
    while (filled === 0 && !over) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      body.resume();
      await promise;
    }
    if (filled === 0 && failure !== undefined) throw failure;
    if (filled === 0) return undefined;
    const bytes = filling.subarray(0, filled);
    [filling, reading] = [reading, filling];
    filled = 0;
    return bytes;
  };
}

function withRoom(buffer: Uint8Array<ArrayBuffer>, filled: number, more: number): Uint8Array<ArrayBuffer> {
  if (filled + more <= buffer.length) return buffer;
  const larger = new Uint8Array(2 ** Math.ceil(Math.log2(filled + more)));
  larger.set(buffer.subarray(0, filled));
  return larger;
}

/** Frees memory of which every byte was copied; not the pool that Node shares among small buffers. */
function release(memory: ArrayBufferLike | undefined): void {
  if (memory instanceof ArrayBuffer && !isMarkedAsUntransferable(memory)) memory.transfer(0);
}
