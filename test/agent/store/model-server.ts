import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer, type TestServer } from "../../gguf/range-server.ts";
import { writeGguf } from "../../support/gguf-writer.ts";

/** A model of `bytes` bytes that differ from place to place and from `seed` to `seed`. */
export function modelBytes(bytes: number, seed = 0): Buffer {
  const model = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) model.writeUInt32LE((at * 2654435761 + seed * 40503) >>> 0, at);
  writeGguf({ metadata: { "general.architecture": "llama" } }).copy(model);
  return model;
}

export function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What a model server serves, which a test may change at any time. */
export interface Serving {
  model: Buffer;
  etag: string | undefined;
  ranges: boolean;
  /** Bytes after which an answer stands still until the client goes away. */
  stallAfter: number;
  /** Bytes after which an answer breaks off. */
  breakAfter: number;
}

export interface ModelServer extends TestServer {
  readonly serving: Serving;
  readonly sha256: () => string;
  /** Bytes of bodies that were handed to the network so far. */
  readonly sentBytes: () => number;
  readonly url: string;
}

export const KIB = 1024;
const PIECE = 64 * KIB;

export async function startModelServer(model: Buffer): Promise<ModelServer> {
  const serving: Serving = { model, etag: '"one"', ranges: true, stallAfter: Infinity, breakAfter: Infinity };
  let sent = 0;
  const server = await startServer((request, response) => {
    answer(request, response, serving, (bytes) => {
      sent += bytes;
    }).catch(() => response.destroy());
  });
  return {
    ...server,
    serving,
    sha256: () => sha256Of(serving.model),
    sentBytes: () => sent,
    url: `${server.origin}/m.gguf`,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  serving: Serving,
  sent: (bytes: number) => void,
): Promise<void> {
  const { model, etag, ranges } = serving;
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  const partial = ranges && match !== null && (ifRange === undefined || ifRange === etag);
  const begin = partial ? Number(match[1]) : 0;
  const end = partial ? Math.min(Number(match[2]) + 1, model.length) : model.length;
  response.writeHead(partial ? 206 : 200, {
    "content-length": end - begin,
    ...(partial ? { "content-range": `bytes ${begin}-${end - 1}/${model.length}` } : {}),
    ...(etag === undefined ? {} : { etag }),
  });
  const until = Math.min(end, begin + serving.stallAfter, begin + serving.breakAfter);
  for (let at = begin; at < until && !response.destroyed; at += PIECE) {
    const piece = model.subarray(at, Math.min(at + PIECE, until));
    if (!response.write(piece))
      await Promise.race([sleep(50), new Promise((drained) => response.once("drain", drained))]);
    sent(piece.length);
  }
  if (until === end) response.end();
  else if (serving.breakAfter < serving.stallAfter) setTimeout(() => response.destroy(), 50);
}
