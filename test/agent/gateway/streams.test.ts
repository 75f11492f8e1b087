import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Route } from "../../../agent/gateway/models.ts";
import { aModel, answersJson, bodyOf, chat, closingScene, raw, standInModels, until } from "./scene.ts";

const LOADS: Route = { kind: "waits", message: "it loads", expectedMs: 4200 };
const MIB = 2 ** 20;

describe("streams through the gateway", function () {
  this.timeout(60_000);
  const { server, gateway, close } = closingScene();
  afterEach(close);
  const known = () => standInModels(aModel("default/qwen"));
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  const post = (port: number, path: string, headers: Record<string, string>) =>
    httpRequest({ port, host: "127.0.0.1", path, method: "POST", headers, agent: false });
  const sse = { "content-type": "text/event-stream" };

  it("pass byte for byte, and each event at once", async () => {
    const event = 'data: {"choices":[{"delta":{"content":"né"}}]}\n\n';
    const last =
      'data: {"choices":[],"timings":{"prompt_n":4,"cache_n":6,"predicted_n":3,"predicted_per_second":50.5}}\n\n';
    const backend = await server((request, response) => {
      request.resume();
      response.writeHead(200, sse);
      response.write(event);
    });
    const models = known();
    models.set("default/qwen", backend.ready);
    const { url, seen } = await gateway(models);
    const answer = await fetch(url("/v1/chat/completions"), chat({ model: "qwen", stream: true }));
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    const reader = answer.body?.getReader();
    const text = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
    assert.equal(await text(), event);
    backend.got[0]?.response.write(event);
    assert.equal(await text(), event);
    backend.got[0]?.response.end(`${last}data: [DONE]\n\n`);
    assert.equal(await text(), `${last}data: [DONE]\n\n`);
    await until(() => seen.length === 1, "the end");
    assert.deepEqual(seen[0]?.tokens, { prompt: 10, cached: 6, completion: 3, perSecond: 50.5 });
  });

  it("pass large bodies both ways, without keeping them", async () => {
    const half = randomBytes(24 * MIB).toString("base64");
    const body = Buffer.from(JSON.stringify({ model: "qwen", one: half, other: half }));
    let got = "";
    const backend = await server((request, response) => {
      bodyOf(request).then((bytes) => {
        got = digest(bytes);
        response.end(bytes);
      }, assert.ifError);
    });
    const models = known();
    models.set("default/qwen", backend.ready);
    const { port } = await gateway(models, { readAheadBytes: MIB, prefixBytes: 2 * MIB, totalPrefixBytes: 3 * MIB });
    for (const headers of [{ "content-length": String(body.length) }, {}]) {
      const asked = post(port, "/v1/completions", { "content-type": "application/json", ...headers });
      asked.end(body);
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      assert.equal(digest(await bodyOf(answer)), digest(body));
      assert.equal(got, digest(body));
    }
  });

  it("say how long a body is that was read whole, though the client did not", async () => {
    const backend = await server(answersJson({}));
    const models = known();
    models.set("default/qwen", backend.ready);
    const { port } = await gateway(models);
    const asked = post(port, "/v1/completions", { "content-type": "application/json" });
    asked.write('{"model":');
    asked.end('"qwen"}');
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.resume();
    const { headers } = backend.got[0]?.request ?? {};
    assert.deepEqual(
      [answer.statusCode, headers?.["content-length"], headers?.["transfer-encoding"]],
      [200, "16", undefined],
    );
  });

  it("keep little for a client that never reads, and end when it has not read for long", async () => {
    const piece = Buffer.alloc(65_536, 120);
    let sent = 0;
    const backend = await server((request, response) => {
      request.resume();
      response.writeHead(200, sse);
      const more = () => {
        while (sent < 256 * MIB && !response.destroyed) {
          sent += piece.length;
          if (!response.write(piece)) return response.once("drain", more);
        }
        return response.end();
      };
      more();
    });
    const models = known();
    models.set("default/qwen", backend.ready);
    const { port, seen } = await gateway(models, { stalledMs: 1500 });
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    const body = '{"model":"qwen"}';
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => seen.length === 1, "the end of a stalled stream", 20_000);
    // What the sockets of this machine hold, both of them.
    assert(sent < 64 * MIB, `${sent} bytes were taken from the server`);
    assert.equal(seen[0]?.end, "aborted");
    assert.equal(models.inFlight("default/qwen"), 0);
    await until(() => backend.got[0]?.response.destroyed === true, "the abort at the server");
    socket.destroy();
  });

  it("end at the server when the client goes away, 20 times of 20", async () => {
    const backend = await server((request, response) => {
      request.resume();
      response.writeHead(200, sse);
      response.write("data: 1\n\n");
    });
    const models = known();
    models.set("default/qwen", backend.ready);
    const { url, seen } = await gateway(models);
    for (let times = 1; times <= 20; times += 1) {
      const leaving = new AbortController();
      const answer = await fetch(url("/v1/completions"), { ...chat({ model: "qwen" }), signal: leaving.signal });
      await answer.body?.getReader().read();
      leaving.abort();
      await until(() => seen.length === times, "the end");
    }
    await until(() => backend.got.every(({ response }) => response.destroyed), "twenty aborts");
    assert.deepEqual(new Set(seen.map(({ end }) => end)), new Set(["aborted"]));
    assert.equal(models.inFlight("default/qwen"), 0);
  });

  it("end with an error event when the server dies, also within a line", async () => {
    for (const [path, part, error] of [
      [
        "/v1/chat/completions",
        "data: {}\n\n",
        /^data: \{\}\n\ndata: \{"error":\{"message":"[^"]+","type":"server_error","code":"server_broke"/,
      ],
      ["/v1/chat/completions", 'data: {"a', /^data: \{"a\n\ndata: \{"error"/],
      [
        "/v1/messages",
        "data: {}\n\n",
        /^data: \{\}\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error"/,
      ],
    ] as const) {
      const backend = await server((request, response) => {
        request.resume();
        response.writeHead(200, sse);
        response.write(part, () => setTimeout(() => request.socket.destroy(), 20));
      });
      const models = known();
      models.set("default/qwen", backend.ready);
      const { url, seen } = await gateway(models);
      const answer = await fetch(url(path), chat({ model: "qwen", stream: true }));
      assert.match(await answer.text(), error);
      await until(() => seen.length === 1, "the end");
      assert.equal(seen[0]?.end, "broken");
    }
  });

  it("are broken off where the server dies within JSON, and refused where it answers nothing or garbage", async () => {
    const dies = await server((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write("{", () => request.socket.destroy());
    });
    const garbage = await server((request) => {
      request.resume();
      request.socket.end("garbage\r\n\r\n");
    });
    const hangs = await server((request) => request.resume());
    const models = known();
    const { url } = await gateway(models, { silentServerMs: 300 });
    models.set("default/qwen", dies.ready);
    await assert.rejects(async () => (await fetch(url("/v1/completions"), chat({ model: "qwen" }))).text());
    models.set("default/qwen", garbage.ready);
    assert.equal((await fetch(url("/v1/completions"), chat({ model: "qwen" }))).status, 502);
    models.set("default/qwen", hangs.ready);
    assert.equal((await fetch(url("/v1/completions"), chat({ model: "qwen" }))).status, 504);
  });

  describe("with comment lines while the model loads", () => {
    const soon = { commentAfterMs: 20, commentEveryMs: 20 };
    const waiting = async (...[limits]: [Parameters<typeof gateway>[1]]) => {
      const models = known();
      models.set("default/qwen", LOADS);
      const opened = await gateway(models, limits);
      return { models, ...opened };
    };

    it("get the server's events after them", async () => {
      const backend = await server((request, response) => {
        request.resume();
        response.writeHead(200, sse);
        response.end("data: [DONE]\n\n");
      });
      const { models, url } = await waiting(soon);
      const answer = await fetch(url("/v1/chat/completions"), chat({ model: "qwen", stream: true }));
      assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "text/event-stream"]);
      assert.equal(models.waiting("default/qwen"), 1);
      models.set("default/qwen", backend.ready);
      assert.match(await answer.text(), /^(: [^\n]+\n\n)+data: \[DONE\]\n\n$/);
    });

    it("get an error event where it fails, and where the server's answer is no stream", async () => {
      const backend = await server(answersJson({ error: { message: "context too long" } }, 400));
      const { models, url } = await waiting(soon);
      const answer = await fetch(url("/v1/chat/completions"), chat({ model: "qwen", stream: true }));
      models.set("default/qwen", { kind: "refused", why: "never", message: "it does not fit" });
      assert.match(await answer.text(), /^(: [^\n]+\n\n)+data: \{"error":\{"message":"it does not fit"[^\n]+\n\n$/);
      models.set("default/qwen", LOADS);
      const other = await fetch(url("/v1/chat/completions"), chat({ model: "qwen", stream: true }));
      models.set("default/qwen", backend.ready);
      assert.match(await other.text(), /^(: [^\n]+\n\n)+data: \{"error":\{"message":"context too long"[^\n]+\n\n$/);
    });

    it("wait in silence where comments are off, or no stream is asked for", async () => {
      const { models, url } = await waiting({ ...soon, commentEveryMs: 0 });
      const late = { "x-request-timeout": "0.2" };
      assert.equal((await fetch(url("/v1/completions"), chat({ model: "qwen", stream: true }, late))).status, 503);
      assert.equal(models.listeners(), 0);
      const other = await waiting(soon);
      assert.equal((await fetch(other.url("/v1/completions"), chat({ model: "qwen" }, late))).status, 503);
    });

    it("are released when the client goes away", async () => {
      const { models, url } = await waiting(soon);
      const leaving = new AbortController();
      await fetch(url("/v1/completions"), { ...chat({ model: "qwen", stream: true }), signal: leaving.signal });
      leaving.abort();
      await until(() => models.waiting("default/qwen") === 0, "the end of the wait");
    });
  });

  it("keep their order where a client sends several requests at once on one connection", async () => {
    let count = 0;
    const backend = await server((request, response) => {
      count += 1;
      const number = count;
      request.resume();
      // The first answer comes last.
      setTimeout(() => response.end(String(number)), 100 / number);
    });
    const models = known();
    models.set("default/qwen", backend.ready);
    const { port } = await gateway(models);
    const body = '{"model":"qwen"}';
    const head = (more: string) =>
      `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
    const text = await raw(port, head("") + head("") + head("Connection: close\r\n"));
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
    assert.match(text, /1[\s\S]+2[\s\S]+3/);
    assert.deepEqual(
      [...text.matchAll(/\r\n\r\n(?:1\r\n)?(\d)/g)].map(([, number]) => number),
      ["1", "2", "3"],
    );
  });
});
