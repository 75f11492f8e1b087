import assert from "node:assert/strict";
import { openGateway } from "../../../agent/gateway/gateway.ts";
import type { KeyGrant, KeyRing } from "../../../agent/gateway/keys.ts";
import { GATEWAY_LIMITS } from "../../../agent/gateway/limits.ts";
import { systemClock } from "../../../kube/clock.ts";
import { aModel, answersJson, bodyOf, chat, closingScene, errorOf, raw, standInModels, until } from "./scene.ts";

/** One key, `good`, for the models of `lab`, with one request at a time. `file` is what a test changes of it. */
function standInKeys(maySave = true) {
  const tokens: (number | undefined)[] = [];
  const file = { isKnown: true, namespace: "lab/" };
  let underWay = 0;
  const key: KeyGrant = {
    name: "anna",
    isKnown: () => file.isKnown,
    mayUse: ({ name }) => file.isKnown && name.startsWith(file.namespace),
    maySave: () => maySave,
    begin: () => {
      if (underWay > 0) return { kind: "busy", retryAfterMs: 2500, message: "one at a time" };
      underWay += 1;
      return {
        kind: "ok",
        end: (used) => {
          underWay -= 1;
          tokens.push(used);
        },
      };
    },
  };
  const keys: KeyRing = {
    check: ({ authorization, "x-api-key": other }) => {
      if (authorization === "Bearer good" || other === "good") return { kind: "ok", key };
      const missing = authorization === undefined && other === undefined;
      return { kind: missing ? "missing" : "wrong", message: "a key is needed" };
    },
    names: () => new Set(["anna"]),
    problem: () => undefined,
    look: async () => {},
    runnable: { name: "keys", run: async () => {} },
  };
  return { keys, tokens, file, underWay: () => underWay };
}

describe("who is let through the gateway", () => {
  const { server, gateway, close } = closingScene();
  afterEach(close);
  const opened = async (maySave = true) => {
    const models = standInModels(aModel("default/qwen"), aModel("lab/phi"));
    const backend = await server(answersJson({ usage: { prompt_tokens: 5, completion_tokens: 6 } }));
    models.set("lab/phi", backend.ready);
    models.set("default/qwen", backend.ready);
    const ring = standInKeys(maySave);
    return { models, backend, ...ring, ...(await gateway(models, { keys: ring.keys })) };
  };
  const good = { authorization: "Bearer good" };

  it("says of which models what they read is not to be saved, by the key of a request", async () => {
    for (const [maySave, expected] of [
      [true, []],
      [false, ["lab/phi"]],
    ] as const) {
      const { url, models } = await opened(maySave);
      const answer = await fetch(url("/v1/chat/completions"), chat({ model: "lab/phi" }, good));
      assert.equal(answer.status, 200);
      assert.deepEqual(models.privates(), expected);
    }
  });

  it("is nobody without a key, but for the gateway's health", async () => {
    const { url, backend, seen } = await opened();
    assert.equal((await fetch(url("/health"))).status, 200);
    for (const [headers, code] of [
      [{}, "missing_api_key"],
      [{ authorization: "Bearer bad" }, "invalid_api_key"],
    ] as const) {
      const list = await fetch(url("/v1/models"), { headers });
      assert.deepEqual([list.status, (await errorOf(list))["code"]], [401, code]);
      const answer = await fetch(url("/v1/completions"), chat({ model: "phi" }, headers));
      assert.deepEqual([answer.status, answer.headers.get("www-authenticate")], [401, "Bearer"]);
      assert.equal((await errorOf(answer))["type"], "authentication_error");
    }
    assert.equal(backend.got.length, 0);
    assert(seen.every(({ key }) => key === undefined));
  });

  it("is a key for its own models, which it sees alone", async () => {
    const { url, seen, tokens } = await opened();
    const list = (await (await fetch(url("/v1/models"), { headers: { "x-api-key": "good" } })).json()) as {
      data: { id: string }[];
    };
    assert.deepEqual(
      list.data.map(({ id }) => id),
      ["lab/phi"],
    );
    assert.equal((await fetch(url("/v1/models/default/qwen"), { headers: good })).status, 404);
    const other = await fetch(url("/v1/completions"), chat({ model: "qwen" }, good));
    assert.deepEqual([other.status, (await errorOf(other))["code"]], [403, "model_not_allowed"]);
    assert.equal((await fetch(url("/v1/completions"), chat({ model: "phi" }, good))).status, 200);
    await until(() => seen.length === 4, "the ends");
    assert.deepEqual([seen[3]?.key, tokens], ["anna", [11]]);
  });

  it("is no more at once than the key may, and what waits counts", async () => {
    const { url, models, tokens, underWay } = await opened();
    models.set("lab/phi", { kind: "waits", message: "it loads", expectedMs: 1 });
    const leaving = new AbortController();
    const first = fetch(url("/v1/completions"), { ...chat({ model: "phi" }, good), signal: leaving.signal });
    await until(() => underWay() === 1, "the first");
    const second = await fetch(url("/v1/completions"), chat({ model: "phi" }, good));
    assert.deepEqual([second.status, second.headers.get("retry-after")], [429, "3"]);
    leaving.abort();
    await assert.rejects(first);
    await until(() => underWay() === 0, "its end");
    assert.deepEqual(tokens, [undefined]);
  });

  const LOADS = { kind: "waits", message: "it loads", expectedMs: 1 } as const;
  for (const [what, change, status, code] of [
    ["a key that was taken out of its file", { isKnown: false }, 401, "invalid_api_key"],
    ["a key that may not use the model any more", { namespace: "default/" }, 403, "model_not_allowed"],
  ] as const) {
    it(`is not ${what} while the request waited`, async () => {
      const { url, models, backend, file, underWay, seen } = await opened();
      models.set("lab/phi", LOADS);
      const waiting = fetch(url("/v1/completions"), chat({ model: "phi" }, good));
      await until(() => models.waiting("lab/phi") === 1, "the wait");
      Object.assign(file, change);
      models.set("lab/phi", backend.ready);
      const answer = await waiting;
      const error = await errorOf(answer);
      assert.deepEqual([answer.status, error["code"]], [status, code]);
      assert.match(String(error["message"]), /^the key "anna" /);
      await until(() => seen.length === 1, "its end");
      assert.deepEqual([backend.got.length, models.waiting("lab/phi"), underWay()], [0, 0, 0]);
    });

    it(`is not ${what} while a stream waited: its last event says so`, async () => {
      const models = standInModels(aModel("lab/phi"));
      models.set("lab/phi", LOADS);
      const ring = standInKeys();
      const { url } = await gateway(models, { keys: ring.keys, commentAfterMs: 0 });
      const answer = await fetch(url("/v1/chat/completions"), chat({ model: "phi", stream: true }, good));
      assert.equal(answer.status, 200);
      Object.assign(ring.file, change);
      // Still loading: a request that may not go on gives its place in the queue away at once.
      models.set("lab/phi", LOADS);
      assert.match(await answer.text(), new RegExp(`data: \\{"error":.*"${code}"`));
      assert.equal(models.waiting("lab/phi"), 0);
    });
  }

  it("is nobody beyond loopback where there are no keys", async () => {
    const opened = await openGateway({
      listen: { host: "0.0.0.0", port: 0 },
      models: standInModels(),
      keys: undefined,
      observer: { ended: () => {} },
      limits: GATEWAY_LIMITS,
      clock: systemClock,
      background: () => {},
    });
    assert(!opened.ok);
    assert.match(opened.error, /may not listen on 0\.0\.0\.0 without keys/);
  });

  it("is a form too, and a client that waits for 100 Continue", async () => {
    const models = standInModels(aModel("lab/phi"));
    let body = "";
    const backend = await server((request, response) => {
      bodyOf(request).then((bytes) => {
        body = bytes.toString();
        response.end("{}");
      }, assert.ifError);
    });
    models.set("lab/phi", backend.ready);
    const { url, port } = await gateway(models);
    const form = new FormData();
    form.set("file", new Blob([Buffer.alloc(100_000, 97)]), "a.wav");
    form.set("model", "phi");
    const answer = await fetch(url("/v1/audio/transcriptions"), { method: "POST", body: form });
    assert.equal(answer.status, 200);
    assert.match(body, /name="model"\r\n\r\nphi\r\n/);
    const head = "host: localhost\r\ncontent-type: application/json\r\nexpect: 100-continue\r\nconnection: close\r\n";
    const text = '{"model":"phi"}';
    const continued = await raw(port, `POST /v1/completions HTTP/1.1\r\n${head}content-length: 15\r\n\r\n`, text);
    assert.match(continued, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    const refused = await raw(port, `POST /v1/nothing HTTP/1.1\r\n${head}content-length: 15\r\n\r\n`);
    assert.match(refused, /^HTTP\/1\.1 404 /);
  });
});
