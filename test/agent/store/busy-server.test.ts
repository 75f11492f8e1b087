import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../../../agent/store/download.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../../agent/store/limits.ts";
import { sendRange, startServer } from "../../gguf/range-server.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { KIB, type ModelServer, modelBytes, startModelServer } from "./model-server.ts";

const MIB = 1024 * KIB;
const limits: StoreLimits = { ...DEFAULT_LIMITS, floorBytes: 0, chunkBytes: MIB, retries: 3, backOffMs: 10 };

describe("a download from a server that is busy or breaks off", function () {
  this.timeout(60_000);
  let server: ModelServer;
  let path: string;

  beforeEach(async () => {
    server = await startModelServer(modelBytes(5 * MIB + 123));
    path = join(await temporaryDirectory(), "models", "m.gguf");
  });

  afterEach(() => server.stop());

  const run = async (url: string, messages: string[] = [], chosen: StoreLimits = limits) => {
    const failure = await download({
      location: { kind: "http", name: "m.gguf", url: new URL(url) },
      path,
      sha256: undefined,
      limits: chosen,
      signal: new AbortController().signal,
      progress: (message) => messages.push(message),
    });
    return failure?.error;
  };

  it("waits as long as a busy server asks for (429)", async () => {
    const model = modelBytes(100 * KIB);
    const times: number[] = [];
    const busy = await startServer((_, response, index) => {
      times.push(performance.now());
      if (index === 0) response.writeHead(429, { "retry-after": "1" }).end();
      else response.end(model);
    });
    try {
      const messages: string[] = [];
      assert.equal(await run(busy.origin, messages), undefined);
      const [first = 0, second = 0] = times;
      assert(second - first >= 990, `asked again after ${second - first} ms`);
      assert.match(messages[0] ?? "", /answers 429: trying again in 1 s$/);
    } finally {
      await busy.stop();
    }
  });

  it("does not slow down while each connection brings something before it is cut", async () => {
    server.serving.breakAfter = 512 * KIB;
    const oneChunk = { ...limits, chunkBytes: 16 * MIB, retries: 10, backOffMs: 100 };
    const began = performance.now();
    assert.equal(await run(server.url, [], oneChunk), undefined);
    assert(server.requests.length >= 10, `${server.requests.length} requests`);
    const elapsed = performance.now() - began;
    assert(elapsed < 5000, `${elapsed} ms; waits that double would be 51 s`);
  });

  it("keeps what came where a server has no bytes for once, of a file whose size it knows (416)", async () => {
    const model = server.serving.model;
    const forgetful = await startServer((request, response, index) => {
      if (index === 2) response.writeHead(416, { "content-range": `bytes */${model.length}` }).end();
      else sendRange(request, response, { head: model, fileBytes: model.length, etag: '"one"' });
    });
    try {
      const messages: string[] = [];
      assert.equal(await run(forgetful.origin, messages), undefined);
      assert.deepEqual(await readFile(path), model);
      assert(!messages.some((message) => message.includes("started over")), messages.join("\n"));
      assert.equal(forgetful.requests.length, 7);
    } finally {
      await forgetful.stop();
    }
  });

  it("fails where a server asks to wait for an hour", async () => {
    const busy = await startServer((_, response) => response.writeHead(503, { "retry-after": "3600" }).end());
    try {
      assert.match((await run(busy.origin)) ?? "", /answers 503 and asks to wait 3600 s$/);
    } finally {
      await busy.stop();
    }
  });
});
