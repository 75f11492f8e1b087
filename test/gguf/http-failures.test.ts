import assert from "node:assert/strict";
import { redirectTarget } from "../../fetch/http-request.ts";
import { readHeader } from "../../gguf/read.ts";
import { accepted, large, refusal, serving, small } from "./http-harness.ts";
import { bytesOf, type Handler, rangeOf, sendRange, startServer, validators } from "./range-server.ts";

describe("a header read over HTTP that fails", () => {
  const { serve } = serving();

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
        /: (host nowhere\.invalid was not found|.*EAI_AGAIN.*)$/,
      );
    });

    it("stops at the deadline where no answer comes", async () => {
      const server = await serve(() => {});
      const source = `${server.origin}/m.gguf`;
      assert.equal(
        await refusal(source, { timeoutMs: 300 }),
        `${source}: no complete header was received within 0.3 s`,
      );
    });

    it("stops at the deadline where the body stalls", async () => {
      const server = await serve((request, response) => {
        const { begin, end } = rangeOf(request, large);
        response.writeHead(206, { "content-range": `bytes ${begin}-${end - 1}/${large.fileBytes}` });
        response.write(bytesOf(large, 0, 1000));
      });
      assert.match(
        await refusal(`${server.origin}/m.gguf`, { timeoutMs: 300 }),
        /no complete header was received within 0.3 s$/,
      );
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
      [403, /answers 403: access denied: its address may have expired, or it needs a token or a password$/],
      [404, /answers 404: there is no such file, check the address$/],
      [410, /answers 410: there is no such file/],
    ] as const) {
      it(`does not ask again after ${status}`, async () => {
        const server = await serve(answering(status));
        assert.match(await refusal(`${server.origin}/m.gguf`), reason);
        assert.equal(server.requests.length, 1);
      });
    }

    it("says of a gated model what it needs, where the hub says that it is one", async () => {
      const server = await serve(answering(403, { "x-error-code": "GatedRepo" }));
      assert.match(await refusal(`${server.origin}/m.gguf`), /a gated model needs its licence accepted and HF_TOKEN$/);
      assert.equal(server.requests.length, 1);
    });

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

    it("waits as long as the hub's own header asks", async () => {
      const times: number[] = [];
      const server = await serve((request, response, index) => {
        times.push(performance.now());
        if (index === 0) response.writeHead(429, { ratelimit: '"resolvers";r=0;t=2' }).end();
        else sendRange(request, response, small);
      });
      await accepted(`${server.origin}/m.gguf`);
      const [first = 0, second = 0] = times;
      assert.ok(second - first >= 1995);
    });

    it("says of what kind a failure is, and when to come back", async () => {
      const kindOf = async (handler: Handler) => {
        const server = await serve(handler);
        const read = await readHeader(`${server.origin}/m.gguf`, { timeoutMs: 1000 });
        assert(!read.ok);
        const { kind, retryAfterMs } = read;
        return [kind, retryAfterMs];
      };
      assert.deepEqual(await kindOf(answering(401)), ["unauthorised", undefined]);
      assert.deepEqual(await kindOf(answering(404)), ["not-found", undefined]);
      assert.deepEqual(await kindOf(answering(429, { "retry-after": "3600" })), ["throttled", 3_600_000]);
      assert.deepEqual(await kindOf((request) => request.socket.destroy()), ["unreachable", undefined]);
      assert.deepEqual(await kindOf(() => {}), ["unreachable", undefined]);
      assert.deepEqual(await kindOf((_, response) => response.end("<!doctype html>")), ["invalid", undefined]);
    });

    it("gives up at once where Retry-After is beyond the deadline", async () => {
      const tomorrow = new Date(Date.now() + 86_400_000).toUTCString();
      for (const retryAfter of ["3600", tomorrow]) {
        const server = await serve(answering(429, { "retry-after": retryAfter }));
        assert.match(await refusal(`${server.origin}/m.gguf`), /answers 429 and asks to wait \d+ s$/);
        assert.equal(server.requests.length, 1);
      }
    });

    it("says that a file is empty or no GGUF file", async () => {
      const empty = await serve((_request, response) => response.writeHead(200, { "content-length": 0 }).end());
      assert.match(await refusal(`${empty.origin}/m.gguf`), /m\.gguf: the file is empty \(0 bytes\)$/);
      const unsatisfiable = await serve(answering(416, { "content-range": "bytes */0" }));
      assert.match(await refusal(`${unsatisfiable.origin}/m.gguf`), /m\.gguf: the file is empty \(0 bytes\)$/);
      const page = await serve((_request, response) => response.end("<!doctype html><title>Sign in</title>"));
      assert.match(await refusal(`${page.origin}/m.gguf`), /m\.gguf: not a GGUF file: it is a web page/);
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

    it("asks for another link where the one it had is no longer good", async () => {
      const expired = new Set(["/1"]);
      const target = await serve((request, response, index) => {
        if (index === 2) expired.add("/2");
        if (expired.has(request.url ?? "")) response.writeHead(403).end();
        else sendRange(request, response, large);
      });
      const hub = await serve((_, response, index) => {
        response.writeHead(302, { location: `${target.origin}/${index + 1}` }).end();
      });
      assert.equal((await accepted(`${hub.origin}/m.gguf`)).dataOffset, large.head.length);
      assert.deepEqual(
        target.requests.map(({ url }) => url),
        ["/1", "/2", "/2", "/3"],
      );
    });

    it("takes a link that is never good for one that may be later, not for a missing licence", async () => {
      const target = await serve((_, response) => response.writeHead(403).end());
      const hub = await serve((_, response) => response.writeHead(302, { location: `${target.origin}/x` }).end());
      const read = await readHeader(`${hub.origin}/m.gguf`);
      assert(!read.ok);
      assert.equal(read.kind, "unreachable");
      assert.match(read.error, /: 127\.0\.0\.1:\d+ answers 403 to the link that 127\.0\.0\.1:\d+ gave$/);
      assert.equal(hub.requests.length, 4);
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
