import assert from "node:assert/strict";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openPart } from "../../fetch/http-part.ts";
import { get, httpDispatcher } from "../../fetch/http-request.ts";

const BYTES = 64 * 1024;

describe("an answer of a server that closes while nobody reads it", () => {
  it("is read to its end afterwards: undici 7 raises what nobody can catch, and ends the process", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\nConnection: close\r\n\r\n`);
        socket.end(Buffer.alloc(BYTES, 7));
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    const source = new URL(`http://127.0.0.1:${address.port}/m.gguf`);
    const signal = AbortSignal.timeout(20_000);
    const dispatcher = httpDispatcher();
    try {
      const answer = await get(source, {}, { dispatcher, signal, source, authorization: undefined });
      await sleep(300);
      const part = openPart(answer, { begin: 0, end: BYTES });
      while (part.position() < part.end) await part.next(signal);
      assert.equal(part.position(), BYTES);
    } finally {
      await dispatcher.destroy();
      server.close();
    }
  });
});
