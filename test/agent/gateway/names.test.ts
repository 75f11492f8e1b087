import assert from "node:assert/strict";
import { endpointOf } from "../../../agent/gateway/endpoints.ts";
import { guardRefusal } from "../../../agent/gateway/guard.ts";
import { headersToClient, headersToServer } from "../../../agent/gateway/headers.ts";
import { listedModels } from "../../../agent/gateway/model-list.ts";
import { modelsNamed } from "../../../agent/gateway/names.ts";
import { errorBody, errorHeaders } from "../../../agent/gateway/refusal.ts";
import { usageReader } from "../../../agent/gateway/usage.ts";
import { deadlineOf, judged } from "../../../agent/gateway/verdict.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { aModel } from "./scene.ts";

describe("the names of models", () => {
  const models = [
    aModel("default/qwen", { aliases: ["small", "shared"] }),
    aModel("default/qwen", { id: workloadId("uid-2"), aliases: ["small", "shared"] }),
    aModel("lab/phi", { aliases: ["gpt-4o", "shared", "default/qwen"] }),
    aModel("home/twin"),
    aModel("lab/twin", { aliases: ["phi-mini"] }),
  ];
  const cases: readonly (readonly [string, readonly string[] | number, RegExp?])[] = [
    ["default/qwen", ["default/qwen", "uid-2"]],
    ["qwen", ["default/qwen", "uid-2"]],
    ["small", ["default/qwen", "uid-2"]],
    ["gpt-4o", ["lab/phi"]],
    ["phi", ["lab/phi"]],
    ["lab/twin", ["lab/twin"]],
    ["twin", 400, /"twin" may be home\/twin or lab\/twin: write one of these names/],
    ["shared", 400, /default\/qwen or lab\/phi/],
    ["Qwen", 404, /did you mean qwen\?/],
    ["gpt-4", 404, /did you mean gpt-4o\?/],
    ["nothing-like-it", 404, /there is default\/qwen, lab\/phi, home\/twin, lab\/twin$/],
    ["", 404, /no model ""/],
    ["x".repeat(100_000), 404, /^.{1,400}$/],
  ];
  for (const [asked, expected, message] of cases) {
    it(`take ${JSON.stringify(asked.slice(0, 40))} for ${typeof expected === "number" ? `a ${expected}` : expected.join(" and ")}`, () => {
      const named = modelsNamed(asked, models);
      if (named.kind === "found")
        assert.deepEqual(
          named.models.map(({ id }) => id),
          expected,
        );
      else {
        assert.equal(named.refusal.status, expected);
        assert.match(named.refusal.message, message ?? /never/);
      }
    });
  }

  it("say so where none is wanted", () => {
    const named = modelsNamed("qwen", []);
    assert.equal(
      named.kind === "refused" && named.refusal.message,
      'there is no model "qwen" on this machine; none is wanted',
    );
  });

  it("are listed once a service, with what clients may call it", () => {
    const listed = listedModels(
      models.map((model) => (model.id === "uid-2" ? { ...model, state: "Ready", measuredBytes: 7 } : model)),
      5,
    );
    assert.deepEqual(
      listed.map(({ id, aliases }) => [id, aliases]),
      [
        ["default/qwen", ["qwen", "small", "shared"]],
        ["lab/phi", ["phi", "gpt-4o", "shared", "default/qwen"]],
        ["home/twin", []],
        ["lab/twin", ["phi-mini"]],
      ],
    );
    assert.deepEqual(listed[0], {
      id: "default/qwen",
      object: "model",
      created: 5,
      owned_by: "default",
      aliases: ["qwen", "small", "shared"],
      mode: "chat",
      state: "Ready",
      context_size: 4096,
      memory: { estimate_bytes: 1000, measured_bytes: 7 },
    });
  });
});

describe("the paths of the gateway", () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["GET", "/v1/models", { kind: "models" }],
    ["HEAD", "/models", { kind: "models" }],
    ["GET", "/v1/models/default/qwen", { kind: "model", name: "default/qwen" }],
    ["GET", "/v1/models/default%2Fqwen?x", { kind: "model", name: "default/qwen" }],
    ["GET", "/health", { kind: "health" }],
    ["POST", "/v1/chat/completions?a=b", { kind: "inference", name: "/chat/completions" }],
    ["POST", "/completion", { kind: "inference", name: "/completion" }],
    ["POST", "/v1/audio/transcriptions", { kind: "inference", name: "/audio/transcriptions" }],
    ["POST", "/v1/v1/completions", 404],
    ["POST", "//v1/completions", 404],
    ["POST", "/V1/completions", 404],
    ["POST", "/v1/completions/", 404],
    ["GET", "/slots", 404],
    ["POST", "/slots/0?action=save", 404],
    ["POST", "/v1/chat%2Fcompletions", 404],
    ["GET", "/v1/models/", 404],
    ["PUT", "/v1/models", 405],
    ["GET", "http://localhost/v1/models", 400],
    ["OPTIONS", "*", 400],
  ];
  for (const [method, target, expected] of cases) {
    it(`${method} ${target}`, () => {
      const endpoint = endpointOf(method, target);
      assert.deepEqual("status" in endpoint ? endpoint.status : endpoint, expected);
    });
  }
});

describe("the guard of the gateway", () => {
  const status = (host: string | undefined, reach: "loopback" | "keys", origin?: string) => {
    const headers = { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) };
    const request = { headers, rawHeaders: Object.entries(headers).flat() };
    return guardRefusal(request as unknown as Parameters<typeof guardRefusal>[0], reach)?.status;
  };
  it("takes loopback's own names only, and any where keys are asked for", () => {
    for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:1234", "127.0.0.2:80", "127.1.2.3", "[::1]:1"])
      assert.equal(status(host, "loopback"), undefined);
    for (const host of [
      "evil.example",
      "127.0.0.1.evil",
      "127.evil.0.1",
      "127.0.0.1234",
      "localhost.evil",
      "10.0.0.1",
      "",
      "localhost:1:2",
    ]) {
      assert.equal(status(host, "loopback"), 403, host);
    }
    assert.equal(status(undefined, "keys"), 400);
    assert.equal(status("mac.example:8080", "keys"), undefined);
  });
  it("takes no request across origins", () => {
    assert.equal(status("localhost:1", "loopback", "http://localhost:1"), undefined);
    for (const origin of ["http://localhost:2", "https://localhost:1", "null", "http://evil.example"]) {
      assert.equal(status("localhost:1", "loopback", origin), 403, origin);
    }
  });
});

describe("the headers that the gateway passes on", () => {
  it("to a server: neither the client's key nor what is about its connection", () => {
    const headers = {
      connection: "close, x-mine",
      "x-mine": "1",
      "content-type": "application/json",
      "content-length": "5",
      authorization: "Bearer client",
      "x-api-key": "client",
      cookie: "client",
      host: "localhost",
      te: "trailers",
      upgrade: "websocket",
      expect: "100-continue",
      "anthropic-version": "1",
    };
    const kept = { "content-type": "application/json", "content-length": "5", "anthropic-version": "1" };
    const plain = { apiKey: undefined, length: undefined };
    assert.deepEqual(headersToServer(headers, plain), kept);
    assert.deepEqual(headersToServer(headers, { ...plain, apiKey: "own" }), { ...kept, authorization: "Bearer own" });
    assert.deepEqual(headersToServer(headers, { ...plain, length: 7 }), { ...kept, "content-length": "7" });
  });
  it("to a client: no CORS and no name of the server", () => {
    const headers = {
      server: "x",
      "access-control-allow-origin": "*",
      "keep-alive": "timeout=5",
      "content-type": "a/b",
    };
    assert.deepEqual(headersToClient(headers), { "content-type": "a/b" });
  });
});

describe("what the gateway reads of an answer's tokens", () => {
  const read = (type: string, ...texts: readonly string[]) => {
    const reader = usageReader(type);
    for (const text of texts) reader.take(Buffer.from(text));
    return reader.end();
  };
  const JSON_TYPE = "application/json; charset=utf-8";
  it("finds them at the end of a long answer, cut anywhere", () => {
    const text = JSON.stringify({ content: "é".repeat(100_000), usage: { prompt_tokens: 3, completion_tokens: 4 } });
    const pieces = Array.from({ length: Math.ceil(text.length / 999) }, (_, at) =>
      text.slice(at * 999, (at + 1) * 999),
    );
    assert.deepEqual(read(JSON_TYPE, ...pieces), { prompt: 3, cached: 0, completion: 4, perSecond: undefined });
  });
  it("takes no text of a model for them", () => {
    const content = '"usage":{"prompt_tokens":1000000}';
    assert.equal(read(JSON_TYPE, JSON.stringify({ content })), undefined);
    assert.equal(read("text/plain", '"usage":{"prompt_tokens":1}'), undefined);
    assert.equal(read(JSON_TYPE, '{"usage":{"prompt_tokens":-1}}'), undefined);
    assert.equal(read(JSON_TYPE, '{"usage":{"prompt_tokens":'), undefined);
  });
  it("reads the shapes of /v1/responses and of /v1/messages", () => {
    const responses = { usage: { input_tokens: 9, output_tokens: 2, input_tokens_details: { cached_tokens: 5 } } };
    assert.deepEqual(read(JSON_TYPE, JSON.stringify(responses)), {
      prompt: 9,
      cached: 5,
      completion: 2,
      perSecond: undefined,
    });
    const begin =
      'data: {"type":"message_start","message":{"usage":{"input_tokens":8,"output_tokens":0,"cache_read_input_tokens":6}}}\n\n';
    const last = 'data: {"type":"message_delta","usage":{"output_tokens":3}}\n\n';
    const middle = `data: ${"x".repeat(90_000)}\n\n`;
    assert.deepEqual(read("text/event-stream", begin, middle, last), {
      prompt: 8,
      cached: 6,
      completion: 3,
      perSecond: undefined,
    });
  });
});

describe("what follows from what a server did", () => {
  const calm = { tries: 1, canRepeat: true, fault: undefined, isTold: false };
  const loading = { kind: "kept", status: 503, text: '{"error":{"message":"Loading model"}}' } as const;
  it("is another try only where nothing was sent, or the server says that it loads", () => {
    assert.equal(judged(loading, calm).kind, "again");
    assert.equal(judged(loading, { ...calm, canRepeat: false }).kind, "refused");
    const gone = { kind: "unanswered", why: "ECONNREFUSED", isSent: false } as const;
    assert.equal(judged(gone, calm).kind, "again");
    assert.equal(judged(gone, { ...calm, tries: 10 }).kind, "refused");
    assert.equal(judged(gone, { ...calm, canRepeat: false }).kind, "refused");
    assert.equal(judged({ ...gone, isSent: true }, calm).kind, "refused");
  });
  it("is the server's own sentence where a client can act on it", () => {
    const busy = judged({ kind: "kept", status: 503, text: '{"error":{"message":"no slot"}}' }, calm);
    assert(busy.kind === "refused");
    assert.deepEqual([busy.refusal.status, busy.refusal.message], [503, "no slot"]);
    const garbage = judged({ kind: "kept", status: 403, text: "<html>" }, calm);
    assert.equal(garbage.kind === "refused" && garbage.refusal.status, 502);
  });
});

describe("X-Request-Timeout", () => {
  const limits = { waitMs: 100, longestWaitMs: 5000 };
  it("is seconds, up to a bound", () => {
    assert.equal(deadlineOf(undefined, 1, limits), 101);
    assert.equal(deadlineOf("2.5", 1, limits), 2501);
    assert.equal(deadlineOf("999", 1, limits), 5001);
    assert.equal(deadlineOf("0", 1, limits), 1);
    for (const wrong of ["", "-1", "1e3", "NaN", "1,2", "0x1", " 1"]) {
      assert.equal(typeof deadlineOf(wrong, 1, limits), "object", wrong);
    }
  });
});

describe("errors of the gateway", () => {
  const refusal = { status: 503, code: "model_not_ready", message: "it loads", retryAfterMs: 1 };
  it("tell when another try makes sense, in whole seconds within an hour", () => {
    assert.deepEqual(errorHeaders(refusal), { "retry-after": "1" });
    assert.deepEqual(errorHeaders({ ...refusal, retryAfterMs: 1e9 }), { "retry-after": "3600" });
  });
  it("have the type that each API has for them", () => {
    const types = [400, 401, 403, 404, 413, 429, 503, 507].map((status) =>
      (["openai", "anthropic"] as const).map(
        (shape) =>
          (JSON.parse(errorBody({ ...refusal, status }, shape, "id")) as { error: { type: string } }).error.type,
      ),
    );
    assert.deepEqual(types, [
      ["invalid_request_error", "invalid_request_error"],
      ["authentication_error", "authentication_error"],
      ["permission_error", "permission_error"],
      ["invalid_request_error", "not_found_error"],
      ["invalid_request_error", "request_too_large"],
      ["rate_limit_error", "rate_limit_error"],
      ["server_error", "overloaded_error"],
      ["insufficient_memory", "api_error"],
    ]);
  });
});
