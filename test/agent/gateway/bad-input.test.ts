import assert from "node:assert/strict";
import { connect } from "node:net";
import { aModel, answersJson, chat, closed, closingScene, errorOf, raw, standInModels, until } from "./scene.ts";

const MIB = 2 ** 20;

describe("what the gateway refuses", function () {
  this.timeout(60_000);
  const { server, gateway, close } = closingScene();
  afterEach(close);
  const opened = async (limits: Parameters<typeof gateway>[1] = {}) => {
    const models = standInModels(aModel("default/qwen"), aModel("lab/phi"));
    const backend = await server(answersJson({}));
    models.set("default/qwen", backend.ready);
    return { models, backend, ...(await gateway(models, limits)) };
  };
  const json = "content-type: application/json\r\n";
  const body = '{"model":"qwen"}';
  const length = `content-length: ${body.length}\r\n`;

  it("has a status, a type and a sentence in OpenAI's shape", async () => {
    const { url, backend } = await opened();
    const cases: readonly (readonly [string, RequestInit, number, RegExp])[] = [
      ["/v1/nothing", chat({ model: "qwen" }), 404, /there is no "\/v1\/nothing" here/],
      ["/slots", {}, 404, /there is no/],
      ["/props", chat({ model: "qwen" }), 404, /there is no/],
      ["/models/load", chat({ model: "qwen" }), 405, /GET and HEAD/],
      ["/lora-adapters", chat({ model: "qwen" }), 404, /there is no/],
      ["/v1/chat/completions/../../slots", {}, 404, /there is no/],
      ["/v1/chat/completions", {}, 405, /takes POST only/],
      ["/v1/models", { method: "DELETE" }, 405, /GET and HEAD/],
      ["/v1/models/qwem", {}, 404, /did you mean qwen\?/],
      ["/v1/models/%ff", {}, 400, /URL-encoded/],
      ["/v1/completions", chat({}), 400, /model/],
      ["/v1/completions", chat({ model: "qwens" }), 404, /did you mean qwen\?/],
      ["/v1/completions", chat({ model: 3 }), 400, /model/],
      ["/v1/completions", { ...chat({}), body: '{"model":"qwen","model":"phi"}' }, 400, /twice/],
      ["/v1/completions", { ...chat({}), body: "[]" }, 400, /./],
      ["/v1/completions", { ...chat({}), body: "" }, 400, /./],
      ["/v1/completions", { method: "POST", body }, 415, /application\/json/],
      ["/v1/completions", { method: "POST" }, 415, /Content-Type/],
      ["/v1/completions", chat({ model: "qwen" }, { "content-encoding": "gzip" }), 415, /compressed/],
      ["/v1/completions", chat({ model: "qwen" }, { "x-request-timeout": "soon" }), 400, /X-Request-Timeout/],
      ["/v1/completions", chat({ model: "qwen" }, { origin: "https://example.com" }), 403, /other sites/],
      ["/v1/models", { headers: { origin: "null" } }, 403, /other sites/],
    ];
    for (const [path, init, status, message] of cases) {
      const answer = await fetch(url(path), init);
      assert.equal(answer.status, status, `${path} ${init.body}`);
      assert(answer.headers.get("x-request-id"));
      assert.equal(answer.headers.get("access-control-allow-origin"), null);
      const error = await errorOf(answer);
      assert.match(String(error["message"]), message);
      assert.equal(error["type"], status === 403 ? "permission_error" : "invalid_request_error");
    }
    assert.equal(backend.got.length, 0);
  });

  it("has Anthropic's shape at /v1/messages", async () => {
    const { url } = await opened();
    const answer = await fetch(url("/v1/messages"), chat({ model: "nobody" }));
    const { type, error } = (await answer.json()) as { type: string; error: { type: string } };
    assert.deepEqual([answer.status, type, error.type], [404, "error", "not_found_error"]);
  });

  it("is said of what is no sound HTTP, and nothing of it reaches a server", async () => {
    const { port, backend } = await opened();
    const host = "host: localhost\r\n";
    const cases: readonly (readonly [string, number])[] = [
      ["garbage\r\n\r\n", 400],
      [`GET http://evil/v1/models HTTP/1.1\r\n${host}connection: close\r\n\r\n`, 400],
      ["GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n", 400],
      [`GET /v1/models HTTP/1.1\r\n${host}${host}connection: close\r\n\r\n`, 400],
      ["GET /v1/models HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n", 403],
      [`CONNECT localhost:1 HTTP/1.1\r\n${host}\r\n`, 405],
      [`POST /v1/completions HTTP/1.1\r\n${host}${json}${length}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
      [`POST /v1/completions HTTP/1.1\r\n${host}${json}${length}content-length: 1\r\n\r\n${body}`, 400],
      [`POST /v1/completions HTTP/1.1\r\n${host}${json}transfer-encoding: chunked\r\n\r\nxx\r\n`, 400],
      [`POST /v1/completions HTTP/1.1\r\n${host}${json}transfer-encoding: chunked, identity\r\n\r\n`, 400],
      [`POST /v1/completions HTTP/1.1\r\n${host}${json}content-length : 5\r\n\r\nabcde`, 400],
      [`GET /v1/models HTTP/1.1\r\n${host}x: ${"a".repeat(70_000)}\r\n\r\n`, 431],
      [`OPTIONS * HTTP/1.1\r\n${host}connection: close\r\n\r\n`, 400],
    ];
    for (const [request, status] of cases) {
      const answer = await raw(port, request);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), JSON.stringify(request.slice(0, 200)));
      assert.match(answer, /"error":\{"message":"/);
    }
    assert.equal(backend.got.length, 0);
  });

  it("is not HTTP/1.0, which gets its answer", async () => {
    const { port } = await opened();
    assert.match(await raw(port, "GET /v1/models HTTP/1.0\r\nhost: localhost\r\n\r\n"), /200 OK[\s\S]+"object":"list"/);
    const post = `POST /v1/completions HTTP/1.0\r\nhost: localhost\r\n${json}${length}\r\n${body}`;
    assert.match(await raw(port, post), /200 OK[\s\S]+\{\}/);
  });

  it("are heads and bodies that come too slowly, and nobody else waits for these", async () => {
    const { port, url, models } = await opened({ headersMs: 300, bodyIdleMs: 200 });
    const slow = connect(port, "127.0.0.1");
    let said = "";
    slow.on("data", (chunk) => (said += String(chunk)));
    slow.on("error", () => {});
    const dripping = setInterval(() => slow.write("x"), 50);
    slow.write("GET / HTTP/1.1\r\nx: ");
    const head = closed(slow);
    assert.equal((await fetch(url("/v1/completions"), chat({ model: "qwen" }))).status, 200);
    await head;
    clearInterval(dripping);
    assert.match(said, /^HTTP\/1\.1 408 /);

    const drip = connect(port, "127.0.0.1");
    let answer = "";
    drip.on("data", (chunk) => (answer += String(chunk)));
    drip.on("error", () => {});
    drip.write(
      `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n${json}content-length: 100000\r\n\r\n{"model":"qwen"`,
    );
    const drops = setInterval(() => drip.write(" "), 20);
    await closed(drip);
    clearInterval(drops);
    assert.match(answer, /^HTTP\/1\.1 408 /);
    assert.deepEqual([models.waiting("default/qwen"), models.inFlight("default/qwen")], [0, 0]);
  });

  it("are bodies that are too large, also those that do not say so, and names that come too late", async () => {
    const { url, backend } = await opened({ bodyBytes: 2 * MIB, prefixBytes: MIB, readAheadBytes: MIB / 2 });
    const pad = "x".repeat(3 * MIB);
    const status = async (text: string) => {
      const answer = await fetch(url("/v1/completions"), { ...chat({}), body: text });
      return [answer.status, (await errorOf(answer))["code"]];
    };
    assert.deepEqual(await status(JSON.stringify({ model: "qwen", pad })), [413, "body_too_large"]);
    const late = JSON.stringify({ pad: pad.slice(0, 1.5 * MIB), model: "qwen" });
    assert.deepEqual(await status(late), [413, "model_too_late"]);
    const stream = new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < 4; at += 1) controller.enqueue(Buffer.from(at === 0 ? '{"model":"qwen","a":"' : pad));
        controller.close();
      },
    });
    const chunked = await fetch(url("/v1/completions"), { ...chat({}), body: stream, duplex: "half" } as RequestInit);
    assert.equal(chunked.status, 413);
    assert(backend.got.every(({ response }) => !response.headersSent));
  });

  it("is a second model that comes after the first has gone to its server", async () => {
    const { url, backend, models } = await opened({ readAheadBytes: 65_536 });
    const text = `{"model":"qwen","pad":"${"x".repeat(MIB)}","model":"phi"}`;
    const answer = await fetch(url("/v1/completions"), { ...chat({}), body: text });
    assert.deepEqual([answer.status, (await errorOf(answer))["code"]], [400, "bad_body"]);
    await until(() => backend.got.every(({ request }) => request.destroyed), "the end at the server");
    assert.equal(models.inFlight("default/qwen"), 0);
  });

  it("is what all bodies together take above their limit", async () => {
    const { url, models } = await opened({ totalPrefixBytes: MIB });
    models.set("default/qwen", { kind: "waits", message: "it loads", expectedMs: 1 });
    const large = chat({ model: "qwen", pad: "x".repeat(0.7 * MIB) });
    const leaving = new AbortController();
    const first = fetch(url("/v1/completions"), { ...large, signal: leaving.signal });
    await until(() => models.waiting("default/qwen") === 1, "the wait");
    const second = await fetch(url("/v1/completions"), large);
    assert.deepEqual([second.status, (await errorOf(second))["code"]], [503, "bodies_too_large"]);
    leaving.abort();
    await assert.rejects(first);
    await until(() => models.waiting("default/qwen") === 0, "the end of the wait");
    const third = await fetch(url("/v1/completions"), {
      ...large,
      headers: { ...large.headers, "x-request-timeout": "0" },
    });
    assert.equal((await errorOf(third))["code"], "model_not_ready");
  });
});
