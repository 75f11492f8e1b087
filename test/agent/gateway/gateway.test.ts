import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import type { Route } from "../../../agent/gateway/models.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import {
  aModel,
  answersJson,
  bodyOf,
  chat,
  closingScene,
  errorOf,
  standInModels,
  standInServer,
  until,
} from "./scene.ts";

const LOADS: Route = { kind: "waits", message: "it loads", expectedMs: 4200 };

describe("a request through the gateway", () => {
  const { server, gateway, close } = closingScene();
  const models = () => standInModels(aModel("default/qwen", { aliases: ["q"] }), aModel("lab/phi"));
  afterEach(close);

  it("reaches the server of its model as it is, with the agent's own key, and comes back as it is", async () => {
    let got: { request: IncomingMessage; body: Buffer } | undefined;
    const usage = { prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } };
    const backend = await server((request, response) => {
      bodyOf(request).then((body) => {
        got = { request, body };
        response.writeHead(200, {
          "content-type": "application/json",
          "access-control-allow-origin": "*",
          server: "llama.cpp",
          "x-more": "1",
        });
        response.end(JSON.stringify({ choices: [], usage }));
      }, assert.ifError);
    });
    const known = models();
    known.set("default/qwen", backend.ready);
    const { url, seen } = await gateway(known);
    for (const name of ["default/qwen", "qwen", "q"]) {
      const sent = chat(
        { messages: [{ content: "é" }], model: name },
        { authorization: "Bearer client", "x-api-key": "k" },
      );
      const answer = await fetch(url("/v1/chat/completions?x=1"), sent);
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { choices: [], usage });
      assert.equal(answer.headers.get("access-control-allow-origin"), null);
      assert.equal(answer.headers.get("server"), null);
      assert.equal(answer.headers.get("x-more"), "1");
      assert(answer.headers.get("x-request-id"));
      assert.equal(got?.request.url, "/v1/chat/completions?x=1");
      assert.equal(got?.body.toString(), sent.body);
      assert.equal(got?.request.headers.authorization, "Bearer of-the-agent");
      assert.equal(got?.request.headers["x-api-key"], undefined);
    }
    await until(() => seen.length === 3, "three ends");
    assert.deepEqual(
      seen.map(({ endpoint, status, end, model }) => ({ endpoint, status, end, model })),
      Array(3).fill({ endpoint: "/chat/completions", status: 200, end: "answered", model: "default/qwen" }),
    );
    assert.deepEqual(seen[0]?.tokens, { prompt: 7, cached: 3, completion: 2, perSecond: undefined });
    assert.equal(known.inFlight("default/qwen"), 0);
  });

  it("waits until its model is ready, and is held all the while", async () => {
    const backend = await server(answersJson({ ok: true }));
    const known = models();
    known.set("default/qwen", LOADS);
    const { url } = await gateway(known);
    const answer = fetch(url("/v1/chat/completions"), chat({ model: "qwen" }));
    await until(() => known.waiting("default/qwen") === 1, "the wait");
    known.set("default/qwen", backend.ready);
    assert.equal((await answer).status, 200);
    assert.deepEqual([known.waiting("default/qwen"), known.listeners()], [0, 0]);
  });

  it("is refused with 503 at its deadline, and told when to come back", async () => {
    const known = models();
    known.set("default/qwen", LOADS);
    const { url } = await gateway(known);
    const answer = await fetch(url("/v1/chat/completions"), chat({ model: "qwen" }, { "x-request-timeout": "0.05" }));
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "5"]);
    const error = await errorOf(answer);
    assert.deepEqual(error, { message: "it loads", type: "server_error", code: "model_not_ready", param: null });
    assert.equal(known.waiting("default/qwen"), 0);
  });

  it("is refused at once where waiting does not help, 10,000 times", async function () {
    this.timeout(180_000);
    const known = models();
    const message = "needs 40 GiB, allowed are 16 GiB";
    known.set("default/qwen", { kind: "refused", why: "never", message });
    known.set("lab/phi", { kind: "refused", why: "later", message: "it failed", retryAfterMs: 60_000 });
    const { url, seen } = await gateway(known);
    const answer = await fetch(url("/v1/completions"), chat({ model: "qwen" }));
    assert.deepEqual([answer.status, answer.headers.get("x-should-retry")], [507, "false"]);
    assert.deepEqual(await errorOf(answer), {
      message,
      type: "insufficient_memory",
      code: "model_cannot_run",
      param: null,
    });
    const later = await fetch(url("/v1/completions"), chat({ model: "phi" }));
    assert.deepEqual([later.status, later.headers.get("retry-after")], [503, "60"]);
    await later.body?.cancel();
    for (let hundreds = 0; hundreds < 100; hundreds += 1) {
      const statuses = await Promise.all(
        Array.from({ length: 100 }, async () => {
          const refused = await fetch(url("/v1/completions"), chat({ model: "qwen" }));
          await refused.arrayBuffer();
          return refused.status;
        }),
      );
      assert.deepEqual(new Set(statuses), new Set([507]));
    }
    assert.deepEqual([known.asked(), known.listeners(), seen.length], [0, 0, 10_002]);
  });

  it("gets 429 where too many wait already, and a place again once one has left", async () => {
    const known = models();
    known.set("default/qwen", LOADS);
    const { url } = await gateway(known, { queue: 2 });
    const leaving = new AbortController();
    const one = fetch(url("/v1/completions"), { ...chat({ model: "qwen" }), signal: leaving.signal });
    const other = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    await until(() => known.waiting("default/qwen") === 2, "a full queue");
    const third = await fetch(url("/v1/completions"), chat({ model: "qwen" }));
    assert.deepEqual([third.status, third.headers.get("retry-after")], [429, "5"]);
    assert.equal((await errorOf(third))["type"], "rate_limit_error");
    leaving.abort();
    await assert.rejects(one);
    await until(() => known.waiting("default/qwen") === 1, "the end of a wait");
    const backend = await server(answersJson({}));
    known.set("default/qwen", backend.ready);
    assert.equal((await other).status, 200);
  });

  it("goes to the replica with the fewest requests in flight, and to another one when its own is gone", async () => {
    const one = await server(() => {});
    const other = await server(answersJson({}));
    const known = standInModels(
      aModel("default/qwen", { id: workloadId("uid-1") }),
      aModel("default/qwen", { id: workloadId("uid-2") }),
    );
    known.set("uid-1", one.ready);
    known.set("uid-2", LOADS);
    const { url } = await gateway(known);
    const hung = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    await until(() => one.got.length === 1, "the first request");
    known.set("uid-2", other.ready);
    assert.equal((await fetch(url("/v1/completions"), chat({ model: "qwen" }))).status, 200);
    known.set("uid-1", LOADS);
    known.set("uid-2", { ...LOADS, expectedMs: 9000 });
    const waits = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    await until(() => known.waiting("uid-1") === 1, "the wait");
    known.remove("uid-1");
    assert.deepEqual([known.waiting("uid-1"), known.waiting("uid-2")], [0, 1]);
    known.set("uid-2", other.ready);
    assert.equal((await waits).status, 200);
    one.got[0]?.response.end("{}");
    await hung;
  });

  it("is told that its model is gone when it is deleted while it loads", async () => {
    const known = models();
    known.set("default/qwen", LOADS);
    const { url } = await gateway(known);
    const answer = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    await until(() => known.waiting("default/qwen") === 1, "the wait");
    known.remove("default/qwen");
    assert.equal((await answer).status, 404);
    assert.equal(known.waiting("default/qwen"), 0);
  });

  it("waits while the manifests have not been read", async () => {
    const backend = await server(answersJson({}));
    const known = models();
    known.unread = true;
    const { url } = await gateway(known);
    assert.equal((await fetch(url("/health"))).status, 503);
    assert.equal((await fetch(url("/v1/models"))).status, 503);
    const answer = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    await until(() => known.listeners() === 1, "the wait");
    known.unread = false;
    known.set("default/qwen", backend.ready);
    assert.equal((await answer).status, 200);
    assert.equal((await fetch(url("/health"))).status, 200);
  });

  it("is asked again of a server that still loads, or that has just gone, and lost by neither", async () => {
    let answers = 0;
    const backend = await server((request, response) => {
      answers += 1;
      const loads = { error: { message: "Loading model", type: "unavailable_error", code: 503 } };
      (answers < 3 ? answersJson(loads, 503) : answersJson({ ok: true }))(request, response);
    });
    const gone = await standInServer(() => {});
    await gone.close();
    const known = models();
    known.set("default/qwen", gone.ready);
    const { url } = await gateway(known, { askAgainMs: 20 });
    const answer = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    await until(() => known.waiting("default/qwen") === 1, "the wait for a server that has gone");
    known.set("default/qwen", backend.ready);
    assert.deepEqual(await (await answer).json(), { ok: true });
    assert.equal(answers, 3);
  });

  it("gets a sentence where its server refuses the agent's key, and where there is none for long", async () => {
    const backend = await server(answersJson({ error: { message: "Invalid API Key" } }, 401));
    const gone = await standInServer(() => {});
    await gone.close();
    const known = models();
    known.set("default/qwen", backend.ready);
    known.set("lab/phi", gone.ready);
    const { url } = await gateway(known, { askAgainMs: 1 });
    const key = await fetch(url("/v1/completions"), chat({ model: "qwen" }));
    assert.deepEqual([key.status, (await errorOf(key))["code"]], [502, "server_key"]);
    const none = await fetch(url("/v1/completions"), chat({ model: "phi" }));
    assert.deepEqual([none.status, (await errorOf(none))["code"]], [502, "server_unreachable"]);
  });

  it("passes on what else the server says, whatever its status", async () => {
    const backend = await server(answersJson({ error: { message: "context too long", code: 400 } }, 400));
    const known = models();
    known.set("default/qwen", backend.ready);
    const { url } = await gateway(known);
    const answer = await fetch(url("/v1/completions"), chat({ model: "qwen" }));
    assert.equal(answer.status, 400);
    assert.deepEqual(await answer.json(), { error: { message: "context too long", code: 400 } });
  });

  it("is told that the agent ends, while one that is being answered gets its answer", async () => {
    const backend = await server((request, response) => {
      request.resume();
      response.write("{");
    });
    const known = models();
    known.set("default/qwen", LOADS);
    known.set("lab/phi", backend.ready);
    const { url, gateway: opened } = await gateway(known, { endingMs: 10_000 });
    const ending = new AbortController();
    const ended = opened.runnable.run(ending.signal);
    const waits = fetch(url("/v1/completions"), chat({ model: "qwen" }));
    const flows = await fetch(url("/v1/completions"), chat({ model: "phi" }));
    await until(() => known.waiting("default/qwen") === 1, "the wait");
    ending.abort();
    const refused = await waits;
    assert.deepEqual([refused.status, (await errorOf(refused))["message"]], [503, "the agent is ending"]);
    backend.got[0]?.response.end("}");
    assert.equal(await flows.text(), "{}");
    await ended;
    await assert.rejects(fetch(url("/health")));
  });
});
