import assert from "node:assert/strict";
import { writeGguf } from "../support/gguf-writer.ts";
import { accepted, GB, large, MiB, refusal, serving, small, smallModel } from "./http-harness.ts";
import { bytesOf, rangeOf, type ServedFile, sendRange, sendWhole, validators } from "./range-server.ts";

describe("reading a header over HTTP", () => {
  const { serve } = serving();

  describe("from a good server", () => {
    it("takes one request for an ordinary header", async () => {
      const server = await serve((request, response) => sendRange(request, response, small));
      const header = await accepted(`${server.origin}/m.gguf`);
      assert.equal(header.fileBytes, 10 * GB);
      assert.equal(header.dataOffset, small.head.length);
      assert.equal(server.requests.length, 1);
      assert.equal(server.requests[0]?.headers.range, `bytes=0-${MiB - 1}`);
      assert.equal(server.requests[0]?.headers["accept-encoding"], "identity");
    });

    it("takes two requests on one connection for 128,000 tokens, which are counted only", async () => {
      const server = await serve((request, response) => sendRange(request, response, large));
      const header = await accepted(`${server.origin}/m.gguf`);
      assert.deepEqual(header.metadata.get("tokenizer.ggml.tokens"), { kind: "skipped-array", length: 128_000 });
      assert.equal(server.requests.length, 2);
      assert.equal(server.requests[1]?.headers["if-range"], '"one"');
      assert.equal(server.connections(), 1);
    });

    for (const [what, merges] of [
      ["a vocabulary with 2.2 merges a token", 88_000],
      ["one with a merge a token", 40_000],
      ["one without merges", 0],
    ] as const) {
      it(`asks in its second request for about what is left of the header: ${what}`, async () => {
        const word = (index: number) => ((index * 2_654_435_761) % 2 ** 32).toString(36);
        const metadata = {
          ...smallModel.metadata,
          "tokenizer.ggml.model": merges > 0 ? "gpt2" : "llama",
          "tokenizer.ggml.tokens": Array.from({ length: 120_000 }, (_, index) => word(index)),
          "tokenizer.ggml.token_type": Array.from({ length: 120_000 }, () => 1),
          "tokenizer.ggml.merges": Array.from({ length: merges * 3 }, (_, index) => `${word(index).slice(3)} ab`),
        };
        const file = { ...small, head: writeGguf({ ...smallModel, metadata }) };
        const server = await serve((request, response) => sendRange(request, response, file));
        assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, file.head.length);
        assert.equal(server.requests.length, 2);
        const second = server.requests[1];
        assert.ok(second && rangeOf(second, file).end < 2.5 * file.head.length);
      });
    }

    it("does not ask for bytes it skips between ranges", async () => {
      const tokenizer = "x".repeat(3 * MiB);
      const metadata = { ...smallModel.metadata, "tokenizer.huggingface.json": tokenizer, after: 7 };
      const file = { ...small, head: writeGguf({ ...smallModel, metadata }) };
      const server = await serve((request, response) => sendRange(request, response, file));
      const header = await accepted(`${server.origin}/m.gguf`);
      assert.equal(header.metadata.get("after"), 7);
      assert.equal(server.requests.length, 2);
      const second = server.requests[1];
      assert.ok(second && rangeOf(second, file).begin > 3 * MiB);
    });

    it("takes shorter ranges than it asked for", async () => {
      const server = await serve((request, response) => {
        const { begin } = rangeOf(request, large);
        sendRange(Object.assign(request, { headers: { range: `bytes=${begin}-${begin + 799_999}` } }), response, large);
      });
      assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, large.head.length);
    });

    it("finds hf:// sources below HF_ENDPOINT, with HF_TOKEN and revision", async () => {
      const server = await serve((request, response) => sendRange(request, response, small));
      process.env["HF_ENDPOINT"] = server.origin;
      process.env["HF_TOKEN"] = "hf_secret";
      await accepted("hf://org/repo@v2/sub/m.gguf");
      assert.equal(server.requests[0]?.url, "/org/repo/resolve/v2/sub/m.gguf");
      assert.equal(server.requests[0]?.headers.authorization, "Bearer hf_secret");
    });

    it("goes through HTTP_PROXY but for NO_PROXY", async () => {
      const server = await serve((request, response) => sendRange(request, response, small));
      const proxy = await serve((request, response) => sendRange(request, response, small));
      process.env["HTTP_PROXY"] = proxy.origin;
      await accepted("http://models.invalid/m.gguf");
      assert.equal(proxy.requests[0]?.url, "http://models.invalid/m.gguf");
      process.env["NO_PROXY"] = "127.0.0.1";
      await accepted(`${server.origin}/m.gguf`);
      assert.equal(proxy.requests.length, 1);
      assert.equal(server.requests.length, 1);
      process.env["HTTP_PROXY"] = "no address";
      assert.match(await refusal(`${server.origin}/m.gguf`), /HTTP_PROXY or HTTPS_PROXY is not the address of a proxy/);
    });
  });

  describe("from a server that ignores Range", () => {
    for (const [name, file, limit] of [
      ["small", small, 8 * MiB],
      ["large", large, 12 * MiB],
    ] as const) {
      it(`takes what a ${name} header needs of 10 GB, then cuts the connection`, async () => {
        const written = Promise.withResolvers<number>();
        const server = await serve((_request, response) => sendWhole(response, file, written.resolve));
        const header = await accepted(`${server.origin}/m.gguf`);
        assert.equal(header.fileBytes, 10 * GB);
        assert.equal(header.dataOffset, file.head.length);
        assert.ok((await written.promise) < limit);
        assert.equal(server.requests.length, 1);
      });
    }

    it("starts over where the connection is dropped", async () => {
      const server = await serve((_request, response, index) => {
        if (index > 0) return sendWhole(response, large);
        response.writeHead(200, { "content-length": large.fileBytes, ...validators(large) });
        response.write(bytesOf(large, 0, 1_500_000), () => response.destroy());
      });
      assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, large.head.length);
      assert.equal(server.requests.length, 2);
    });

    it("gives up at 64 MiB on an endless header", async () => {
      const written = Promise.withResolvers<number>();
      const server = await serve((_request, response) =>
        sendWhole(response, { ...small, head: endlessTokens() }, written.resolve),
      );
      assert.match(await refusal(`${server.origin}/m.gguf`), /the header is longer than 64 MiB at key "tokens"/);
      assert.ok((await written.promise) < 80 * MiB);
    });

    it("does not start over for ever", async () => {
      const file = { ...small, head: endlessTokens() };
      const server = await serve((_request, response, index) => {
        response.writeHead(200, { "content-length": file.fileBytes, ...validators(file) });
        response.write(bytesOf(file, 0, (index + 1) * 12 * MiB), () => response.destroy());
      });
      assert.match(
        await refusal(`${server.origin}/m.gguf`),
        /64 MiB were received, some of them twice, without a complete header$/,
      );
      assert.ok(server.requests.length <= 4);
    });

    it("goes on while each answer brings more of the header, however many break off", async () => {
      const server = await serve((request, response) => {
        const { begin, end } = rangeOf(request, large);
        response.writeHead(206, {
          "content-range": `bytes ${begin}-${end - 1}/${large.fileBytes}`,
          "content-length": end - begin,
          ...validators(large),
        });
        response.write(bytesOf(large, begin, Math.min(end, begin + 256 * 1024)), () => response.destroy());
      });
      assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, large.head.length);
      assert.ok(server.requests.length > 8);
    });

    it("refuses a body of unknown size", async () => {
      const server = await serve((_request, response) => {
        response.writeHead(200);
        response.write(small.head);
      });
      assert.match(
        await refusal(`${server.origin}/m.gguf`),
        /does not say how large the file is \(no Content-Length\)$/,
      );
    });
  });

  describe("from a server that does not serve ranges properly", () => {
    const begin = 0;
    const end = MiB;
    const answers: ReadonlyArray<readonly [what: string, contentRange: string | undefined]> = [
      ["no Content-Range", undefined],
      ["another beginning", `bytes 1-${end - 1}/${small.fileBytes}`],
      ["more than was asked for", `bytes ${begin}-${end}/${small.fileBytes}`],
      ["an unknown size", `bytes ${begin}-${end - 1}/*`],
      ["bytes past the end", `bytes ${begin}-${end - 1}/1000`],
      ["an end before the beginning", `bytes 0--1/${small.fileBytes}`],
      ["another unit", `items ${begin}-${end - 1}/${small.fileBytes}`],
      ["a size beyond 2^53", `bytes ${begin}-${end - 1}/99999999999999999999`],
    ];
    for (const [what, contentRange] of answers) {
      it(`refuses ${what}`, async () => {
        const server = await serve((_request, response) => {
          response.writeHead(206, contentRange === undefined ? {} : { "content-range": contentRange });
          response.end(bytesOf(small, begin, end));
        });
        const shown = JSON.stringify(contentRange ?? "");
        assert.ok(
          (await refusal(`${server.origin}/m.gguf`)).endsWith(
            `answers bytes 0-1048575 with Content-Range ${shown}: it does not serve ranges properly`,
          ),
        );
        assert.equal(server.requests.length, 1);
      });
    }

    it("takes no byte beyond the range that was announced", async () => {
      const server = await serve((request, response) => {
        const range = rangeOf(request, large);
        response.writeHead(206, { "content-range": `bytes ${range.begin}-${range.end - 1}/${large.fileBytes}` });
        response.end(Buffer.concat([bytesOf(large, range.begin, range.end), Buffer.alloc(MiB, 0xff)]));
      });
      assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, large.head.length);
    });

    it("gives up where answers always end early", async () => {
      const server = await serve((_request, response) => {
        response.writeHead(206, { "content-range": `bytes 0-${MiB - 1}/${small.fileBytes}` });
        response.end();
      });
      assert.match(await refusal(`${server.origin}/m.gguf`), /ended its answer at byte 0 of 1048576$/);
      assert.equal(server.requests.length, 4);
    });

    for (const coding of ["", "identity", "aws-chunked", "AWS-chunked, identity"]) {
      it(`reads an answer with the content coding ${JSON.stringify(coding)}, which compresses nothing`, async () => {
        const server = await serve((request, response) => {
          response.setHeader("content-encoding", coding);
          sendRange(request, response, small);
        });
        await accepted(`${server.origin}/m.gguf`);
      });
    }

    it("refuses a compressed answer that says it in a second header", async () => {
      const server = await serve((request, response) => {
        response.setHeader("content-encoding", ["identity", "gzip"]);
        sendRange(request, response, small);
      });
      assert.match(await refusal(`${server.origin}/m.gguf`), /sends the file compressed \("identity, gzip"\)/);
    });

    it("refuses a compressed answer", async () => {
      const server = await serve((request, response) => {
        response.setHeader("content-encoding", "gzip");
        sendRange(request, response, small);
      });
      assert.match(await refusal(`${server.origin}/m.gguf`), /sends the file compressed \("gzip"\): its byte ranges/);
    });
  });

  it("takes the bytes of mirrors for one file where they have one strong ETag, however they date it", async () => {
    const server = await serve((request, response, index) =>
      sendRange(request, response, { ...large, lastModified: new Date(index * 1000).toUTCString() }),
    );
    assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, large.head.length);
    assert(server.requests.length > 1);
  });

  describe("of a file that changes midway", () => {
    const changes: ReadonlyArray<readonly [what: string, now: ServedFile, before: ServedFile, reason: RegExp]> = [
      ["ETag", { ...large, etag: '"two"' }, large, /changed while it was read \(its ETag changed\): try again$/],
      [
        "size",
        { head: large.head, fileBytes: 9 * GB },
        { head: large.head, fileBytes: 10 * GB },
        /\(10000000000 bytes became 9/,
      ],
    ];
    for (const [what, now, before, reason] of changes) {
      it(`notices another ${what} from a server that heeds If-Range`, async () => {
        const server = await serve((request, response, index) =>
          sendRange(request, response, index === 0 ? before : now),
        );
        assert.match(await refusal(`${server.origin}/m.gguf`), reason);
        assert.equal(server.requests.length, 2);
      });

      it(`notices another ${what} from a server that does not`, async () => {
        const server = await serve((request, response, index) => {
          const { "if-range": _ignored, ...headers } = request.headers;
          sendRange(Object.assign(request, { headers }), response, index === 0 ? before : now);
        });
        assert.match(await refusal(`${server.origin}/m.gguf`), reason);
      });
    }

    const { head } = large;
    const dates = ["Mon, 01 Sep 2025 00:00:00 GMT", "Tue, 02 Sep 2025 00:00:00 GMT"] as const;
    const untold: ReadonlyArray<readonly [what: string, one: ServedFile, other: ServedFile]> = [
      ["weak ETags", { ...large, etag: 'W/"one"' }, { ...large, etag: 'W/"two"' }],
      ["ETags without quotes", { ...large, etag: "one" }, { ...large, etag: "two" }],
      ["dates", { head, fileBytes: GB, lastModified: dates[0] }, { head, fileBytes: GB, lastModified: dates[1] }],
      ["an ETag and none", large, { head, fileBytes: 10 * GB }],
    ];
    for (const [what, one, other] of untold) {
      it(`takes all of the header from one answer where servers describe the file differently: ${what}`, async () => {
        const otherHead = writeGguf({ ...smallModel, metadata: { ...smallModel.metadata, "general.name": "other" } });
        const server = await serve((request, response, index) => {
          const { "if-range": _ignored, ...headers } = request.headers;
          const file =
            index % 2 === 0 ? one : { ...other, head: index === 1 ? Buffer.alloc(head.length, 7) : otherHead };
          sendRange(Object.assign(request, { headers }), response, file);
        });
        const header = await accepted(`${server.origin}/m.gguf`);
        assert.equal(header.dataOffset, head.length);
        assert.equal(server.requests.length, 3);
      });
    }

    const one: ReadonlyArray<readonly [what: string, first: ServedFile, later: ServedFile]> = [
      ["an ETag that a proxy weakens", large, { ...large, etag: 'W/"one"' }],
      ["an ETag that loses its quotes", { ...large, etag: "one" }, large],
      [
        "weak ETags of one date",
        { ...large, etag: 'W/"one"', lastModified: dates[0] },
        { ...large, etag: 'W/"two"', lastModified: dates[0] },
      ],
    ];
    for (const [what, first, later] of one) {
      it(`goes on with its ranges: ${what}`, async () => {
        const server = await serve((request, response, index) => {
          const { "if-range": _ignored, ...headers } = request.headers;
          sendRange(Object.assign(request, { headers }), response, index === 0 ? first : later);
        });
        await accepted(`${server.origin}/m.gguf`);
        assert.equal(server.requests.length, 2);
      });
    }

    it("says that it changed where even one answer breaks off and goes on as another", async () => {
      const server = await serve((request, response, index) => {
        const { "if-range": _ignored, ...headers } = request.headers;
        const file = { ...large, etag: `W/"${index}"` };
        if (index < 2) return sendRange(Object.assign(request, { headers }), response, file);
        const { begin, end } = rangeOf(request, file);
        response.writeHead(206, {
          "content-range": `bytes ${begin}-${end - 1}/${file.fileBytes}`,
          ...validators(file),
        });
        response.write(bytesOf(file, begin, begin + 600_000), () => response.destroy());
      });
      assert.match(
        await refusal(`${server.origin}/m.gguf`),
        /changed while it was read \(its ETag changed\): try again$/,
      );
      assert.equal(server.requests.length, 4);
    });

    it("never uses a weak ETag in If-Range", async () => {
      const server = await serve((request, response) => sendRange(request, response, { ...large, etag: 'W/"one"' }));
      await accepted(`${server.origin}/m.gguf`);
      assert.equal(server.requests[1]?.headers["if-range"], undefined);
    });

    it("notices that it is gone or shorter", async () => {
      const server = await serve((request, response, index) => {
        if (index === 0) return sendRange(request, response, large);
        response.writeHead(416, { "content-range": "bytes */1000" }).end();
      });
      assert.match(await refusal(`${server.origin}/m.gguf`), /has no bytes from \d+ on \(416\)$/);
    });
  });
});

/** The beginning of a header whose token table claims 10^9 entries; the zeros that follow are empty tokens. */
function endlessTokens(): Buffer {
  const head = writeGguf({ metadata: { tokens: ["a"] } }).subarray(0, 54);
  head.writeBigUInt64LE(10n ** 9n, 46);
  return head;
}
