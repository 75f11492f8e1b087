import assert from "node:assert/strict";
import type { IncomingMessage, RequestListener } from "node:http";
import type { Route } from "../../../agent/gateway/models.ts";
import {
  aModel,
  answersJson,
  bodyOf,
  chat,
  type Opened,
  openHere,
  type StandInServer,
  standInModels,
  standInServer,
  until,
} from "./scene.ts";

const LOADS: Route = { kind: "waits", message: "it loads", expectedMs: 4200 };

describe("a request through the gateway", () => {
  const closing: (() => Promise<void>)[] = [];
  const models = () => standInModels(aModel("default/qwen", { aliases: ["q"] }), aModel("lab/phi"));
  async function server(answer: RequestListener): Promise<StandInServer> {
    const opened = await standInServer(answer);
    closing.push(opened.close);
    return opened;
  }
  async function gateway(...args: Parameters<typeof openHere>): Promise<Opened> {
    const opened = await openHere(...args);
    closing.push(async () => {
      await opened.gateway.close();
      assert.deepEqual(opened.faults, []);
    });
    return opened;
  }
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  const errorOf = async (answer: Response) => ((await answer.json()) as { error: Record<string, unknown> }).error;

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
});
