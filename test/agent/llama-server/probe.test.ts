import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { askLocal } from "../../../agent/llama-server/local-request.ts";
import {
  checkAnswers,
  checkHealth,
  checkStillAnswers,
  type Expected,
  slotsOf,
} from "../../../agent/llama-server/probe.ts";

const KEY = "the-key";
const MODEL = "/models/chat.gguf";

async function listening(server: Server | TcpServer): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("a probe", () => {
  let server: Server;
  let asked: string[];
  /** How it answers the test request. */
  let completion: readonly [status: number, body: string];
  let health: number;
  let slots: string;
  let expected: Expected;

  /** Answers as llama-server does: /health to everybody, the rest to whoever has the key. */
  const llama: RequestListener = ({ url, headers }, response) => {
    asked.push(url ?? "");
    const allowed = url === "/health" || headers.authorization === `Bearer ${KEY}`;
    const props = JSON.stringify({ model_path: MODEL, model_alias: "default/chat" });
    const other = url === "/slots" ? slots : props;
    const [status, body] = url === "/v1/completions" ? completion : [url === "/health" ? health : 200, other];
    response.statusCode = allowed ? status : 401;
    response.end(allowed ? body : JSON.stringify({ error: "Invalid API Key" }));
  };

  beforeEach(async () => {
    asked = [];
    completion = [200, "{}"];
    health = 200;
    slots = "[]";
    server = createServer(llama);
    expected = {
      host: "127.0.0.1",
      port: await listening(server),
      mode: "chat",
      name: "default/chat",
      modelPath: MODEL,
      apiKey: KEY,
    };
  });
  afterEach(() => server.close());

  const both = async (part: Partial<Expected> = {}) => {
    const whom = { ...expected, ...part };
    return [(await checkHealth(whom)).kind, (await checkAnswers(whom)).kind];
  };

  it("finds a server well with its key", async () => {
    assert.deepEqual(await both(), ["well", "well"]);
  });

  for (const apiKey of ["another-key", undefined]) {
    it(`finds it alive, with other keys, if it refuses ${apiKey ?? "a request without a key"}`, async () => {
      assert.deepEqual(await both({ apiKey }), ["refused", "refused"]);
    });
  }

  it("takes another model on its port for nobody", async () => {
    assert.deepEqual(await both({ modelPath: "/models/other.gguf" }), ["silent", "silent"]);
  });

  it("says what a healthy server that fails says itself", async () => {
    completion = [500, JSON.stringify({ error: { code: 500, message: "Compute\nerror." } })];
    assert.deepEqual(await checkAnswers(expected), { kind: "failing", detail: "HTTP 500: Compute error." });
    completion = [500, "no JSON"];
    assert.deepEqual(await checkAnswers(expected), { kind: "failing", detail: "HTTP 500" });
  });

  for (const [status, message, found] of [
    [400, "Pooling type 'none' is not OAI compatible. Please use a different pooling type", "lasting"],
    [404, "File Not Found", "lasting"],
    [422, "no such field", "lasting"],
    [501, "This server does not support embeddings. Start it with `--embeddings`", "lasting"],
    [500, "Compute error.", "failing"],
    [401, "Invalid API Key", "refused"],
    [408, "too slow", "silent"],
    [429, "too many requests", "silent"],
    [503, "Loading model", "silent"],
  ] as const) {
    it(`finds a server that starts and answers ${status}: ${found}`, async () => {
      completion = [status, JSON.stringify({ error: { code: status, message } })];
      const answer = await checkAnswers(expected);
      assert.equal(answer.kind === "failing" && answer.lasting ? "lasting" : answer.kind, found);
      if (answer.kind === "failing") assert(answer.detail.startsWith(`HTTP ${status}: ${message}`), answer.detail);
    });
  }

  it("says how to pool where nothing does", async () => {
    completion = [400, JSON.stringify({ error: { message: "Pooling type 'none' is not OAI compatible." } })];
    const answer = await checkAnswers(expected);
    assert(answer.kind === "failing" && answer.detail.includes('set spec.extraArgs to ["--pooling", "last"]'));
  });

  it("sends no test request to a server that loads", async () => {
    health = 503;
    assert.deepEqual(await checkAnswers(expected), { kind: "silent" });
    assert.deepEqual(asked, ["/health"]);
  });

  const answers: readonly (readonly [status: number, message: string, kind: string])[] = [
    [200, "", "well"],
    [500, "Compute error.", "failing"],
    [500, "", "failing"],
    [500, "Context size has been exceeded.", "silent"],
    [400, "the request exceeds the available context size", "silent"],
    [401, "Invalid API Key", "refused"],
    [403, "no", "refused"],
    [404, "File Not Found", "silent"],
    [429, "too many requests", "silent"],
    [501, "not supported", "silent"],
    [503, "Loading model", "silent"],
  ];
  for (const [status, message, kind] of answers) {
    it(`finds a Ready server that answers ${status} ${message}: ${kind}`, async () => {
      completion = [status, JSON.stringify({ error: { code: status, message } })];
      assert.equal((await checkStillAnswers(expected, 0)).kind, kind);
    });
  }

  it("finds a Ready server that is gone silent", async () => {
    server.close();
    assert.deepEqual(await checkStillAnswers(expected, undefined), { kind: "silent" });
  });

  it("reads the slots as servers of several ages show them, and nothing else", async () => {
    slots = JSON.stringify([
      { id: 0, n_ctx: 2048, speculative: false, is_processing: false },
      { id: 1, is_processing: true, id_task: 3, n_prompt_tokens: 10, params: { n_predict: 1 } },
      { id: 2, is_processing: false, id_task: -1, prompt: "" },
    ]);
    assert.deepEqual(await slotsOf(expected), [
      { id: 0, processing: false, task: undefined, cachedTokens: undefined },
      { id: 1, processing: true, task: 3, cachedTokens: 10 },
      { id: 2, processing: false, task: undefined, cachedTokens: undefined },
    ]);
    slots = JSON.stringify([{ id: 0, state: 1 }]);
    assert.equal(await slotsOf(expected), undefined);
    assert.equal(await slotsOf({ ...expected, apiKey: "another" }), undefined);
    server.close();
    assert.equal(await slotsOf(expected), "silent");
  });

  it("finds nobody on a port where nobody listens", async () => {
    server.close();
    assert.deepEqual(await both(), ["silent", "silent"]);
  });
});

describe("a request on loopback", () => {
  it("leaves no connection behind", async () => {
    const server = createServer((_, response) => response.end("x"));
    const port = await listening(server);
    for (let times = 0; times < 20; times += 1) await askLocal({ host: "127.0.0.1", port, path: "/", timeoutMs: 1000 });
    const open = () => promisify(server.getConnections.bind(server))();
    // Less than the five seconds for which a server keeps an idle connection.
    for (let tries = 0; tries < 100 && (await open()) > 0; tries += 1) await sleep(10);
    assert.equal(await open(), 0);
    server.close();
  });

  it("ends at its deadline, before and within the answer", async () => {
    const server = createServer(({ url }, response) => {
      if (url === "/slow") response.write("the beginning");
    });
    const port = await listening(server);
    for (const path of ["/never", "/slow"]) {
      await assert.rejects(askLocal({ host: "127.0.0.1", port, path, timeoutMs: 50 }), path);
    }
    const closed = once(server, "close");
    server.close();
    // Both connections are gone, or the server would wait for them.
    await closed;
  });

  it("reads 16 MiB at most", async () => {
    const server = createServer((_, response) => {
      const more = () => response.write(Buffer.alloc(2 ** 20), (error) => error ?? more());
      more();
    });
    const port = await listening(server);
    await assert.rejects(
      askLocal({ host: "127.0.0.1", port, path: "/", timeoutMs: 20_000 }),
      /more than 16777216 bytes/,
    );
    server.close();
  });

  it("survives whatever stands on the port", async () => {
    const answers = ["", "no HTTP at all\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"];
    for (const answer of answers) {
      const server = createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.end(answer);
      });
      const port = await listening(server);
      await assert.rejects(askLocal({ host: "127.0.0.1", port, path: "/", timeoutMs: 1000 }), answer);
      server.close();
    }
  });
});
