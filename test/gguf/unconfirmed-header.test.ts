import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileGate } from "../../agent/files/gate.ts";
import { fileLooks } from "../../agent/files/looks.ts";
import { modelAccess } from "../../agent/workload/model-access.ts";
import { estimateSpecs } from "../../components/estimate/estimate-specs.ts";
import { readHeader } from "../../gguf/read.ts";
import { estimateServed } from "../../memory/served.ts";
import { createHeaders } from "../../policies/headers.ts";
import { DEFAULT_SETTINGS } from "../../serving/default-settings.ts";
import { writeGguf } from "../support/gguf-writer.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { accepted, GB, large, refusal, serving, small } from "./http-harness.ts";
import { bytesOf, type Handler, rangeOf, type ServedFile, sendRange, validators } from "./range-server.ts";

describe("a header that is known, of a file whose source cannot be asked", () => {
  const { serve } = serving();
  let cacheFolder = "";
  beforeEach(async () => {
    cacheFolder = join(await temporaryDirectory(), "headers");
  });

  /** Puts back when the source last confirmed it. */
  const age = (date: string) => {
    for (const name of readdirSync(cacheFolder)) utimesSync(join(cacheFolder, name), new Date(date), new Date(date));
  };
  /** A source of which the header of `file` is known since 2026-03-05, and that answers `then` from now on. */
  const knownSource = async (then: Handler, file: ServedFile = small) => {
    let isDown = false;
    const server = await serve((request, response, index) =>
      isDown ? then(request, response, index) : sendRange(request, response, file),
    );
    const source = `${server.origin}/model.gguf`;
    await accepted(source, { cacheFolder });
    age("2026-03-05T23:30:00Z");
    isDown = true;
    return { source, server };
  };

  /** Without a time, after which nobody asks again within the same read. */
  const busy: Handler = (_, response) => response.writeHead(429).end();

  const away: ReadonlyArray<readonly [what: string, then: Handler, why: RegExp]> = [
    ["drops connections", (request) => request.socket.destroy(), /the connection to 127\.0\.0\.1:\d+ failed \(\w+\)/],
    ["is out of order", (_, response) => response.writeHead(503).end(), /127\.0\.0\.1:\d+ answers 503/],
    ["has had enough", busy, /127\.0\.0\.1:\d+ answers 429/],
    [
      "asks to wait for an hour",
      (_, response) => response.writeHead(429, { "retry-after": "3600" }).end(),
      /answers 429 and asks to wait 3600 s/,
    ],
    ["does not answer", () => {}, /127\.0\.0\.1:\d+ did not answer within \d+ s/],
  ];
  for (const [what, then, why] of away) {
    it(`is used, and says of when it is, where the source ${what}`, async () => {
      const { source } = await knownSource(then);
      const { unconfirmed, metadata } = await accepted(source, { cacheFolder, timeoutMs: 5000 });
      assert.equal(metadata.get("general.architecture"), "llama");
      assert.equal(unconfirmed?.since, "2026-03-05");
      assert.match(unconfirmed.sentence, why);
      const says = "/model.gguf is taken as it was on 2026-03-05: whether it has changed since could not be asked (";
      assert(unconfirmed.sentence.includes(says), unconfirmed.sentence);
    });
  }

  it("is used where nobody listens any more", async () => {
    const { source, server } = await knownSource(() => {});
    await server.stop();
    assert.match((await accepted(source, { cacheFolder })).unconfirmed?.sentence ?? "", /\(ECONNREFUSED\)/);
  });

  it("stays of that day until its source confirms it, and then says nothing", async () => {
    const { source, server } = await knownSource((request, response, index) =>
      index < 3 ? busy(request, response, index) : sendRange(request, response, small),
    );
    for (const _ of [1, 2]) {
      assert.equal((await accepted(source, { cacheFolder })).unconfirmed?.since, "2026-03-05");
    }
    assert.equal(server.requests.length, 3);
    assert.equal((await accepted(source, { cacheFolder })).unconfirmed, undefined);
    await server.stop();
    const today = new Date().toISOString().slice(0, 10);
    const { unconfirmed } = await accepted(source, { cacheFolder });
    assert(unconfirmed !== undefined && unconfirmed.since >= today);
  });

  const answered: ReadonlyArray<readonly [what: string, then: Handler, says: RegExp]> = [
    ["a refusal", (_, response) => response.writeHead(403).end(), /answers 403/],
    ["that it is gone", (_, response) => response.writeHead(404).end(), /answers 404/],
    ["a page", (_, response) => response.end("<!doctype html><title>Sign in</title>"), /not a GGUF file/],
    [
      "another version that breaks off",
      (request, response) => {
        const { begin, end } = rangeOf(request, large);
        const headers = {
          "content-range": `bytes ${begin}-${end - 1}/${large.fileBytes}`,
          "content-length": end - begin,
        };
        response.writeHead(206, { ...headers, ...validators({ ...large, etag: '"two"' }) });
        response.write(bytesOf(large, begin, begin + 100), () => response.destroy());
      },
      /no complete header was received within 3 s$/,
    ],
  ];
  for (const [what, then, says] of answered) {
    it(`is not used where the source answers ${what}`, async () => {
      const { source } = await knownSource(then);
      assert.match(await refusal(source, { cacheFolder, timeoutMs: 3000 }), says);
    });
  }

  it("is not used where the read is cancelled", async () => {
    const stop = new AbortController();
    const { source } = await knownSource(() => stop.abort());
    assert.match(await refusal(source, { cacheFolder, signal: stop.signal }), /was cancelled$/);
  });

  it("of a split model is of the day of its oldest shard", async () => {
    const shard = (index: number) =>
      writeGguf({
        metadata: {
          ...(index === 0 && { "general.architecture": "llama" }),
          ...{ "split.no": index, "split.count": 2, "split.tensors.count": { type: "i32" as const, value: 2 } },
        },
        tensors: [{ name: `blk.${index}.w`, shape: [256] }],
      });
    const files = [0, 1].map((index) => ({ head: shard(index), fileBytes: GB, etag: `"${index}"` }));
    const server = await serve((request, response, index) => {
      const file = files[request.url?.includes("00001-of") ? 0 : 1];
      if (index > 1) busy(request, response, index);
      else if (file !== undefined) sendRange(request, response, file);
    });
    const source = `${server.origin}/m-00001-of-00002.gguf`;
    await accepted(source, { cacheFolder });
    age("2026-03-05");
    const [one = ""] = readdirSync(cacheFolder);
    utimesSync(join(cacheFolder, one), new Date("2026-02-01"), new Date("2026-02-01"));
    const header = await accepted(source, { cacheFolder });
    assert.equal(header.unconfirmed?.since, "2026-02-01");
    assert.equal(header.tensors.length, 2);
  });

  it("is noted by the estimate, and by that of a component", async () => {
    const head = readFileSync(join(import.meta.dirname, "../fixtures/truth/llama3.2-1b.gguf.header"));
    const { source } = await knownSource(busy, { head, fileBytes: GB, etag: '"llama"' });
    const header = await accepted(source, { cacheFolder });
    const estimated = estimateServed({ header, draft: header }, { ...DEFAULT_SETTINGS, backend: "metal" });
    assert(estimated.ok, estimated.ok ? "" : estimated.error);
    const sentence = header.unconfirmed?.sentence ?? "";
    assert.deepEqual(estimated.value.notes.slice(-2), [sentence, sentence]);
    process.env["PULUMI_LLMKUBE_HEADER_CACHE"] = cacheFolder;
    const hardware = { accelerator: "metal", memoryBudget: "8Gi" };
    const found = await estimateSpecs({ model: { source, hardware }, service: undefined, hostMemory: undefined });
    assert(found.ok, found.ok ? "" : found.error);
    assert.deepEqual(found.value.unconfirmed, [sentence]);
    assert.equal(found.value.fits, true);
    assert(found.value.estimatedMemory.notes.includes(sentence));
  });

  it("is what a policy gets, once", async () => {
    const { source } = await knownSource(busy);
    const headerOf = createHeaders((one, timeoutMs) => readHeader(one, { timeoutMs, cacheFolder }));
    const [one, other] = await Promise.all([headerOf(source), headerOf(source)]);
    assert.equal(one, other);
    assert(one.ok && one.value.unconfirmed?.since === "2026-03-05");
  });

  it("is what an agent goes on with, and says", async () => {
    const { source } = await knownSource(busy);
    process.env["PULUMI_LLMKUBE_HEADER_CACHE"] = cacheFolder;
    const clock = () => performance.now();
    const gate = fileGate(clock);
    const said = Promise.withResolvers<string>();
    const { promise: read, resolve: changed } = Promise.withResolvers<void>();
    const folder = join(cacheFolder, "..", "models");
    const access = modelAccess({
      ...{ folder, gate, looks: fileLooks(gate, () => {}, clock), changed, clock },
      ...{ signal: new AbortController().signal, say: said.resolve },
    });
    for (let view = access.header(source); view.state !== "read"; view = access.header(source)) {
      await Promise.race([read, new Promise((soon) => setTimeout(soon, 10))]);
    }
    assert.match(await said.promise, /is taken as it was on 2026-03-05/);
    const view = access.header(source);
    assert(view.state === "read" && view.header.ok);
    assert(!existsSync(folder));
  });
});
