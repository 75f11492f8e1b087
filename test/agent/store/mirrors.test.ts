import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../../../agent/store/download.ts";
import { DEFAULT_LIMITS } from "../../../agent/store/limits.ts";
import {
  bytesOf,
  type Handler,
  rangeOf,
  sendRange,
  sendWhole,
  startServer,
  type TestServer,
  validators,
} from "../../gguf/range-server.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { KIB, modelBytes, sha256Of } from "./model-server.ts";

const MIB = 1024 * KIB;
const limits = { ...DEFAULT_LIMITS, floorBytes: 0, chunkBytes: MIB, retries: 3, backOffMs: 10, checkpointMs: 20 };
const model = modelBytes(5 * MIB + 123);
const sha256 = sha256Of(model);
const file = { head: model, fileBytes: model.length };
const dateOf = (index: number) => new Date(1e12 + index * 1000).toUTCString();

describe("a download from several servers behind one address", function () {
  this.timeout(60_000);
  let server: TestServer;
  let path: string;
  let messages: string[];

  beforeEach(async () => {
    path = join(await temporaryDirectory(), "models", "m.gguf");
    messages = [];
  });
  afterEach(() => server.stop());

  const run = async (handle: Handler, asked?: string, signal = new AbortController().signal) => {
    server = await startServer(handle);
    const failure = await download({
      location: { kind: "http", name: "m.gguf", url: new URL(`${server.origin}/m.gguf`) },
      path,
      sha256: asked,
      limits,
      signal,
      progress: (message) => messages.push(message),
    });
    return failure?.error;
  };
  const isWhole = async () => assert((await readFile(path)).equals(model));

  const describedBy: ReadonlyArray<
    readonly [what: string, headers: (index: number) => { etag?: string; lastModified?: string }]
  > = [
    ["dates", (index) => ({ lastModified: dateOf(index) })],
    ["weak ETags", (index) => ({ etag: `W/"${index}"` })],
    ["weak ETags and dates", (index) => ({ etag: `W/"${index}"`, lastModified: dateOf(index) })],
    ["ETags without quotes", (index) => ({ etag: String(index % 2) })],
    ["strong ETags of their own", (index) => ({ etag: `"${index % 2}"` })],
    ["an ETag and none", (index) => (index % 2 === 0 ? { etag: '"one"' } : {})],
  ];
  for (const [what, headers] of describedBy) {
    it(`is whole where they have different ${what}`, async () => {
      assert.equal(
        await run((request, response, index) => sendRange(request, response, { ...file, ...headers(index) })),
        undefined,
      );
      await isWhole();
    });

    it(`needs no second try where a sha256 tells in the end: ${what}`, async () => {
      assert.equal(
        await run((request, response, index) => sendRange(request, response, { ...file, ...headers(index) }), sha256),
        undefined,
      );
      await isWhole();
      assert(!messages.some((message) => message.includes("started over")), messages.join("\n"));
    });
  }

  it("goes on over several connections where their weak ETags differ and their dates do not", async () => {
    const described = (index: number) => ({ ...file, etag: `W/"${index}"`, lastModified: dateOf(0) });
    assert.equal(await run((request, response, index) => sendRange(request, response, described(index))), undefined);
    await isWhole();
    assert.equal(server.requests.length, 6);
  });

  it("starts over where a sha256 tells that not all have the same, and takes it from the one that does", async () => {
    const stale = { ...file, head: modelBytes(model.length, 1) };
    const error = await run((request, response, index) => {
      const { "if-range": _ignored, ...headers } = request.headers;
      Object.assign(request, { headers });
      const isStale = index % 2 === 1 && index < 7;
      sendRange(request, response, { ...(isStale ? stale : file), etag: isStale ? '"old"' : '"new"' });
    }, sha256);
    assert.equal(error, undefined);
    await isWhole();
    assert(messages.some((message) => message.startsWith("its servers describe the file differently, and do not all")));
  });

  it("says what would tell where the file never comes in one answer", async () => {
    const error = await run((request, response, index) => {
      const described = { ...file, etag: `W/"${index}"` };
      const { begin, end } = rangeOf(request, described);
      response.writeHead(206, {
        "content-range": `bytes ${begin}-${end - 1}/${model.length}`,
        ...validators(described),
      });
      response.write(bytesOf(described, begin, Math.min(end, begin + 100 * KIB)), () => response.destroy());
    });
    assert.match(error ?? "", /or its servers describe it differently: a sha256 in the Model would tell$/);
  });

  it("comes in one stream from then on where one of them does not know ranges", async () => {
    const sent: number[] = [];
    const error = await run((request, response, index) => {
      const described = { ...file, etag: '"one"' };
      if (index < 2) return sendRange(request, response, described);
      sendWhole(response, described, (written) => sent.push(written));
    });
    assert.equal(error, undefined);
    await isWhole();
    assert(server.requests.length <= 6, `${server.requests.length} requests`);
  });

  it("keeps what came where a server does not know ranges any more", async () => {
    const stop = new AbortController();
    const described = { ...file, etag: '"one"' };
    const stopped = run(
      (request, response) => {
        const { begin, end } = rangeOf(request, described);
        response.writeHead(206, {
          "content-range": `bytes ${begin}-${end - 1}/${model.length}`,
          ...validators(described),
        });
        response.write(bytesOf(described, begin, begin + 700 * KIB));
        setTimeout(() => stop.abort(), 300);
      },
      undefined,
      stop.signal,
    );
    assert.match((await stopped) ?? "", /was cancelled/);
    await server.stop();
    messages = [];
    assert.equal(await run((_, response) => sendWhole(response, described)), undefined);
    await isWhole();
    assert.equal(server.requests.length, 1);
    assert.match(messages[0] ?? "", /^[1-9]\d*%/);
  });

  it("keeps what came where one of them has no bytes for once and does not say how many there are (416)", async () => {
    const error = await run((request, response, index) => {
      if (index === 3) response.writeHead(416).end();
      else sendRange(request, response, { ...file, etag: '"one"' });
    });
    assert.equal(error, undefined);
    await isWhole();
    assert.equal(server.requests.length, 7);
    assert(!messages.some((message) => message.includes("started over")), messages.join("\n"));
  });
});
