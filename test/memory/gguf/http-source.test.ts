import assert from "node:assert/strict";
import type { GgufHeader } from "../../../memory/gguf/header.ts";
import { redirectTarget } from "../../../memory/gguf/http-request.ts";
import { type ReadOptions, readHeader } from "../../../memory/gguf/read.ts";
import { type WriterModel, writeGguf } from "../../support/gguf-writer.ts";
import {
  bytesOf,
  type Handler,
  rangeOf,
  type ServedFile,
  sendRange,
  sendWhole,
  startServer,
  type TestServer,
  validators,
} from "./range-server.ts";

const MiB = 2 ** 20;
const GB = 10 ** 9;

const smallModel: WriterModel = {
  metadata: { "general.architecture": "llama" },
  tensors: [{ name: "w", shape: [256] }],
};
const vocabulary = Array.from({ length: 128_000 }, (_, index) => `token-${index}`);
const largeModel: WriterModel = { metadata: { ...smallModel.metadata, "tokenizer.ggml.tokens": vocabulary } };

/** A header of a few hundred bytes, one range; 10 GB of data. */
const small: ServedFile = { head: writeGguf(smallModel), fileBytes: 10 * GB, etag: '"one"' };
/** A header of 2.4 MiB, two ranges. */
const large: ServedFile = { head: writeGguf(largeModel), fileBytes: 10 * GB, etag: '"one"' };

describe("reading a header over HTTP", () => {
  const servers: TestServer[] = [];
  const environment = { ...process.env };

  afterEach(async () => {
    process.env = { ...environment };
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  async function serve(handle: Handler): Promise<TestServer> {
    const server = await startServer(handle);
    servers.push(server);
    return server;
  }

  async function accepted(source: string, options?: ReadOptions): Promise<GgufHeader> {
    const read = await readHeader(source, options);
    assert.ok(read.ok, read.ok ? "" : read.error);
    return read.value;
  }

  async function refusal(source: string, options?: ReadOptions): Promise<string> {
    const read = await readHeader(source, options);
    assert.ok(!read.ok, "it was accepted");
    return read.error;
  }

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
      assert.match(await refusal(`${server.origin}/m.gguf`), /HTTP_PROXY or HTTPS_PROXY holds no proxy's address/);
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
      const bytes = writeGguf({ metadata: { tokens: ["a"] } }).subarray(0, 54);
      bytes.writeBigUInt64LE(10n ** 9n, 46);
      const written = Promise.withResolvers<number>();
      const server = await serve((_request, response) =>
        sendWhole(response, { ...small, head: bytes }, written.resolve),
      );
      assert.match(await refusal(`${server.origin}/m.gguf`), /the header is longer than 64 MiB at key "tokens"/);
      assert.ok((await written.promise) < 80 * MiB);
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
      ["another beginning", `bytes 1-${end}/${small.fileBytes}`],
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

    it("refuses a compressed answer", async () => {
      const server = await serve((request, response) => {
        response.setHeader("content-encoding", "gzip");
        sendRange(request, response, small);
      });
      assert.match(await refusal(`${server.origin}/m.gguf`), /sends the file compressed \("gzip"\): its byte ranges/);
    });
  });

  describe("of a file that changes midway", () => {
    const changes: ReadonlyArray<readonly [what: string, now: ServedFile, before: ServedFile, reason: RegExp]> = [
      ["ETag", { ...large, etag: '"two"' }, large, /changed while it was read \(its ETag changed\): try again$/],
      ["weak ETag", { ...large, etag: 'W/"two"' }, { ...large, etag: 'W/"one"' }, /\(its ETag changed\): try again$/],
      [
        "size",
        { head: large.head, fileBytes: 9 * GB },
        { head: large.head, fileBytes: 10 * GB },
        /\(10000000000 bytes became 9/,
      ],
      [
        "modification time",
        { head: large.head, fileBytes: GB, lastModified: "Tue, 02 Sep 2025 00:00:00 GMT" },
        { head: large.head, fileBytes: GB, lastModified: "Mon, 01 Sep 2025 00:00:00 GMT" },
        /changed while it was read \(its Last-Modified changed\)/,
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

  describe("over a bad connection", () => {
    it("goes on from where a dropped connection left it", async () => {
      const server = await serve((request, response, index) => {
        if (index > 0) return sendRange(request, response, large);
        const { begin, end } = rangeOf(request, large);
        const headers = { "content-range": `bytes ${begin}-${end - 1}/${large.fileBytes}`, ...validators(large) };
        response.writeHead(206, { ...headers, "content-length": end - begin });
        response.write(bytesOf(large, 0, 600_000), () => response.destroy());
      });
      assert.equal((await accepted(`${server.origin}/m.gguf`)).dataOffset, large.head.length);
      const second = server.requests[1];
      assert.ok(second);
      const { begin } = rangeOf(second, large);
      assert.ok(begin > 0 && begin < 600_100);
      assert.equal(second.headers["if-range"], '"one"');
    });

    it("recovers from a connection that closes before the answer", async () => {
      const server = await serve((request, response, index) => {
        if (index === 0) request.socket.destroy();
        else sendRange(request, response, small);
      });
      await accepted(`${server.origin}/m.gguf`);
      assert.equal(server.requests.length, 2);
    });

    it("gives up on one that always closes", async () => {
      const server = await serve((request) => request.socket.destroy());
      const host = new URL(server.origin).host;
      assert.match(
        await refusal(`${server.origin}/m.gguf`),
        new RegExp(`/m.gguf: the connection to ${host} failed \\((UND_ERR_SOCKET|ECONNRESET)\\)$`),
      );
      assert.equal(server.requests.length, 4);
    });

    it("says that nobody listens", async () => {
      const server = await startServer(() => {});
      await server.stop();
      assert.match(
        await refusal(`${server.origin}/m.gguf`),
        /the connection to 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\)$/,
      );
    });

    it("says that there is no such host", async () => {
      assert.match(
        await refusal("http://nowhere.invalid/m.gguf"),
        /: (there is no host nowhere\.invalid|.*EAI_AGAIN.*)$/,
      );
    });

    it("stops at the deadline where no answer comes", async () => {
      const server = await serve(() => {});
      const source = `${server.origin}/m.gguf`;
      assert.equal(await refusal(source, { timeoutMs: 300 }), `${source}: no whole header came within 0.3 s`);
    });

    it("stops at the deadline where the body stalls", async () => {
      const server = await serve((request, response) => {
        const { begin, end } = rangeOf(request, large);
        response.writeHead(206, { "content-range": `bytes ${begin}-${end - 1}/${large.fileBytes}` });
        response.write(bytesOf(large, 0, 1000));
      });
      assert.match(await refusal(`${server.origin}/m.gguf`, { timeoutMs: 300 }), /no whole header came within 0.3 s$/);
    });

    it("stops when it is told to", async () => {
      const stop = new AbortController();
      const server = await serve(() => stop.abort());
      assert.match(
        await refusal(`${server.origin}/m.gguf`, { signal: stop.signal }),
        /reading the header was cancelled$/,
      );
    });
  });

  describe("when the server refuses", () => {
    function answering(status: number, headers: Record<string, string> = {}): Handler {
      return (_request, response) => response.writeHead(status, headers).end("<html>no</html>");
    }

    for (const [status, reason] of [
      [400, /answers 400$/],
      [401, /answers 401: it does not exist or needs a valid token \(HF_TOKEN for hf:\/\/ sources\)$/],
      [403, /answers 403: access denied; a gated model needs its licence accepted and HF_TOKEN$/],
      [404, /answers 404: there is no such file, check the address$/],
      [410, /answers 410: there is no such file/],
    ] as const) {
      it(`does not ask again after ${status}`, async () => {
        const server = await serve(answering(status));
        assert.match(await refusal(`${server.origin}/m.gguf`), reason);
        assert.equal(server.requests.length, 1);
      });
    }

    it("asks four times in all after 500", async () => {
      const server = await serve(answering(500));
      assert.match(await refusal(`${server.origin}/m.gguf`), /127\.0\.0\.1:\d+ answers 500$/);
      assert.equal(server.requests.length, 4);
    });

    it("recovers after 503", async () => {
      const server = await serve((request, response, index) => {
        if (index < 2) response.writeHead(503).end();
        else sendRange(request, response, small);
      });
      await accepted(`${server.origin}/m.gguf`);
    });

    it("waits as long as Retry-After asks", async () => {
      const times: number[] = [];
      const server = await serve((request, response, index) => {
        times.push(performance.now());
        if (index === 0) response.writeHead(429, { "retry-after": "1" }).end();
        else sendRange(request, response, small);
      });
      await accepted(`${server.origin}/m.gguf`);
      const [first = 0, second = 0] = times;
      assert.ok(second - first >= 995);
    });

    it("gives up at once where Retry-After is beyond the deadline", async () => {
      const tomorrow = new Date(Date.now() + 86_400_000).toUTCString();
      for (const retryAfter of ["3600", tomorrow]) {
        const server = await serve(answering(429, { "retry-after": retryAfter }));
        assert.match(
          await refusal(`${server.origin}/m.gguf`),
          /answers 429 and asks to wait \d+ s, longer than there is time: try again later$/,
        );
        assert.equal(server.requests.length, 1);
      }
    });

    it("says that a file is empty or no GGUF file", async () => {
      const empty = await serve((_request, response) => response.writeHead(200, { "content-length": 0 }).end());
      assert.match(await refusal(`${empty.origin}/m.gguf`), /m\.gguf: the file is empty \(0 bytes\)$/);
      const unsatisfiable = await serve(answering(416, { "content-range": "bytes */0" }));
      assert.match(await refusal(`${unsatisfiable.origin}/m.gguf`), /m\.gguf: the file is empty \(0 bytes\)$/);
      const page = await serve((_request, response) => response.end("<!doctype html><title>Sign in</title>"));
      assert.match(await refusal(`${page.origin}/m.gguf`), /m\.gguf: not a GGUF file: it begins with "<!do"/);
    });
  });

  describe("behind redirects", () => {
    it("sends the token to its own origin only, and later ranges to the target at once", async () => {
      const target = await serve((request, response) => sendRange(request, response, large));
      const hub = await serve((request, response) => {
        const location = request.url === "/m.gguf" ? "/moved.gguf" : `${target.origin}/cdn.gguf?signature=hush`;
        response.writeHead(302, { location }).end();
      });
      await accepted(`${hub.origin}/m.gguf`, { token: "hf_secret" });
      assert.deepEqual(
        hub.requests.map(({ url, headers }) => [url, headers.authorization]),
        [
          ["/m.gguf", "Bearer hf_secret"],
          ["/moved.gguf", "Bearer hf_secret"],
        ],
      );
      assert.deepEqual(
        target.requests.map(({ url, headers }) => [url, headers.authorization]),
        [
          ["/cdn.gguf?signature=hush", undefined],
          ["/cdn.gguf?signature=hush", undefined],
        ],
      );
    });

    it("follows no more than five", async () => {
      const server = await serve((_request, response) => response.writeHead(307, { location: "/again" }).end());
      assert.match(await refusal(`${server.origin}/m.gguf`), /redirects more than 5 times$/);
      assert.equal(server.requests.length, 6);
    });

    it("refuses one without Location or to another protocol", async () => {
      const nowhere = await serve((_request, response) => response.writeHead(302).end());
      assert.match(await refusal(`${nowhere.origin}/m.gguf`), /redirects without a valid Location$/);
      const local = await serve((_request, response) => response.writeHead(302, { location: "file:///m.gguf" }).end());
      assert.match(
        await refusal(`${local.origin}/m.gguf`),
        /redirects from http:\/\/ to file:\/\/, which is not followed$/,
      );
    });

    it("never leaves https", () => {
      const from = new URL("https://hub.invalid/m.gguf");
      assert.equal(redirectTarget(from, "/x").href, "https://hub.invalid/x");
      assert.equal(redirectTarget(new URL("http://hub.invalid/"), "https://cdn.invalid/x").protocol, "https:");
      assert.throws(() => redirectTarget(from, "http://cdn.invalid/x"), /redirects from https:\/\/ to http:\/\//);
    });
  });

  it("shows no credentials in a failure", async () => {
    const server = await serve((request, response) => {
      const location = `http://user:hush@${request.headers.host}/cdn.gguf?token=hush`;
      if (request.url?.startsWith("/m.gguf")) response.writeHead(302, { location }).end();
      else response.writeHead(404).end();
    });
    const source = `${server.origin.replace("://", "://user:hush@")}/m.gguf?token=hush#hush`;
    const error = await refusal(source);
    assert.match(error, /^http:\/\/127\.0\.0\.1:\d+\/m\.gguf: 127\.0\.0\.1:\d+ answers 404/);
    assert.doesNotMatch(error, /hush/);
    assert.equal(server.requests[0]?.headers.authorization, `Basic ${Buffer.from("user:hush").toString("base64")}`);
  });
});
