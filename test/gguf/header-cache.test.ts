import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { writeGguf } from "../support/gguf-writer.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { accepted, GB, large, refusal, serving, small, smallModel } from "./http-harness.ts";
import { type Handler, type ServedFile, sendRange, validators } from "./range-server.ts";

/** As a good server does: 304 where the version is the one that is asked about, else the range. */
function conditionally(file: ServedFile): Handler {
  return (request, response) => {
    if (request.headers["if-none-match"] !== file.etag) return sendRange(request, response, file);
    response.writeHead(304, validators(file)).end();
  };
}

const other: ServedFile = {
  head: writeGguf({ ...smallModel, metadata: { "general.architecture": "gemma3" } }),
  fileBytes: 10 * GB,
  etag: '"two"',
};

describe("the cache of headers", () => {
  const { serve } = serving();
  let cacheFolder = "";

  beforeEach(async () => {
    cacheFolder = join(await temporaryDirectory(), "headers");
  });

  it("makes a second read one conditional request without a body, and gives the same header", async () => {
    const server = await serve(conditionally(large));
    const source = `${server.origin}/large.gguf`;
    const first = await accepted(source, { cacheFolder });
    const before = server.requests.length;
    const second = await accepted(source, { cacheFolder });
    assert.equal(server.requests.length, before + 1);
    assert.equal(server.requests.at(-1)?.headers["if-none-match"], '"one"');
    assert.deepEqual(second, first);
  });

  it("takes the same version from a server that does not know conditions, and cuts its answer off", async () => {
    const server = await serve((request, response) => sendRange(request, response, large));
    const source = `${server.origin}/large.gguf`;
    const first = await accepted(source, { cacheFolder });
    const before = server.requests.length;
    assert.deepEqual(await accepted(source, { cacheFolder }), first);
    assert.equal(server.requests.length, before + 1);
  });

  it("reads a file that has changed, from the answer to the conditional request", async () => {
    let file = small;
    const server = await serve((request, response, index) => conditionally(file)(request, response, index));
    const source = `${server.origin}/model.gguf`;
    await accepted(source, { cacheFolder });
    file = other;
    const changed = await accepted(source, { cacheFolder });
    assert.equal(changed.metadata.get("general.architecture"), "gemma3");
    assert.equal(server.requests.length, 2);
    await accepted(source, { cacheFolder });
    assert.equal(server.requests.at(-1)?.headers["if-none-match"], '"two"');
  });

  for (const [what, etag] of [
    ["no ETag", undefined],
    ["a weak ETag", 'W/"one"'],
    ["an endless ETag", `"${"x".repeat(5000)}"`],
  ] as const) {
    it(`keeps nothing that has ${what}`, async () => {
      const { head, fileBytes } = small;
      const file = { head, fileBytes, ...(etag === undefined ? {} : { etag }) };
      const server = await serve((request, response) => sendRange(request, response, file));
      await accepted(`${server.origin}/model.gguf`, { cacheFolder });
      await accepted(`${server.origin}/model.gguf`, { cacheFolder });
      assert.equal(server.requests.at(-1)?.headers["if-none-match"], undefined);
    });
  }

  it("asks again with the credentials of this run, and believes a refusal", async () => {
    const server = await serve((request, response, index) => {
      if (request.headers.authorization === "Bearer secret-token")
        return conditionally(small)(request, response, index);
      response.writeHead(401).end();
    });
    const source = `${server.origin}/private.gguf?signature=secret-query`;
    await accepted(source, { cacheFolder, token: "secret-token" });
    await accepted(source, { cacheFolder, token: "secret-token" });
    assert.match(await refusal(source, { cacheFolder }), /401/);
    const [name = ""] = readdirSync(cacheFolder);
    const kept = `${name} ${readFileSync(join(cacheFolder, name), "utf8")}`;
    assert.doesNotMatch(kept, /secret|127\.0\.0\.1|private/);
    assert.equal(statSync(join(cacheFolder, name)).mode & 0o777, 0o600);
  });

  it("refuses a 304 that nobody asked for, or for another version", async () => {
    const server = await serve((request, response, index) => {
      if (index === 0) return sendRange(request, response, small);
      response.writeHead(304, index === 1 ? { etag: '"three"' } : {}).end();
    });
    const source = `${server.origin}/model.gguf`;
    await accepted(source, { cacheFolder });
    assert.match(await refusal(source, { cacheFolder }), /answers 304/);
    assert.match(await refusal(source), /answers 304/);
  });

  for (const [what, damage] of [
    ["empty", () => ""],
    ["cut", (text: string) => text.slice(0, text.length / 2)],
    ["no entry", () => '[{"header":1},"other"]'],
    ["of another shape", (text: string) => text.replace('"tensors"', '"tensor"')],
  ] as const) {
    it(`reads afresh where an entry is ${what}, and mends it`, async () => {
      const server = await serve(conditionally(small));
      const source = `${server.origin}/model.gguf`;
      const first = await accepted(source, { cacheFolder });
      const path = join(cacheFolder, readdirSync(cacheFolder)[0] ?? "");
      const text = readFileSync(path, "utf8");
      writeFileSync(path, damage(text));
      assert.deepEqual(await accepted(source, { cacheFolder }), first);
      assert.equal(server.requests.at(-1)?.headers["if-none-match"], undefined);
      assert.equal(readFileSync(path, "utf8"), text);
    });
  }

  it("is safe for many readers at once", async () => {
    const server = await serve(conditionally(small));
    const source = `${server.origin}/model.gguf`;
    const headers = await Promise.all(Array.from({ length: 30 }, () => accepted(source, { cacheFolder })));
    for (const header of headers) assert.deepEqual(header, headers[0]);
    assert.equal(readdirSync(cacheFolder).length, 1);
  });

  it("stays below its bound: what was used longest ago goes first", async () => {
    mkdirSync(cacheFolder, { recursive: true });
    const old = Array.from({ length: 600 }, (_, index) => `${index.toString(16).padStart(64, "0")}.header`);
    for (const [index, name] of old.entries()) {
      writeFileSync(join(cacheFolder, name), "");
      utimesSync(join(cacheFolder, name), index, index);
    }
    writeFileSync(join(cacheFolder, "somebody-elses.txt"), "");
    const server = await serve(conditionally(small));
    await accepted(`${server.origin}/model.gguf`, { cacheFolder });
    const left = readdirSync(cacheFolder);
    assert.equal(left.length, 512 + 1);
    assert.ok(left.includes("somebody-elses.txt") && left.includes(old[599] ?? "") && !left.includes(old[0] ?? ""));
    await accepted(`${server.origin}/model.gguf`, { cacheFolder });
    assert.equal(server.requests.at(-1)?.headers["if-none-match"], '"one"');
  });

  it("drops what is too large for it", async () => {
    mkdirSync(cacheFolder, { recursive: true });
    for (const name of ["a", "b"]) {
      const path = join(cacheFolder, `${name.repeat(64)}.header`);
      writeFileSync(path, "");
      truncateSync(path, 60 * 2 ** 20);
      utimesSync(path, 1, 1);
    }
    const server = await serve(conditionally(small));
    await accepted(`${server.origin}/model.gguf`, { cacheFolder });
    assert.equal(readdirSync(cacheFolder).length, 2);
  });

  it("reads all the same where it cannot write", async () => {
    const server = await serve(conditionally(small));
    const file = join(await temporaryDirectory(), "a-file");
    writeFileSync(file, "");
    await accepted(`${server.origin}/model.gguf`, { cacheFolder: join(file, "headers") });
  });

  describe("of a file on this machine", () => {
    let path = "";
    const architecture = async () => (await accepted(path, { cacheFolder })).metadata.get("general.architecture");
    const write = (name: string) => {
      writeFileSync(path, writeGguf({ ...smallModel, metadata: { "general.architecture": name } }));
      truncateSync(path, 4096);
    };

    beforeEach(async () => {
      path = join(await temporaryDirectory(), "model.gguf");
      write("llama");
    });

    it("knows it again by its size and times, and another one of the same size", async function () {
      this.timeout(30_000);
      await sleep(2100);
      assert.equal(await architecture(), "llama");
      const entry = join(cacheFolder, readdirSync(cacheFolder)[0] ?? "");
      writeFileSync(entry, readFileSync(entry, "utf8").replace('"llama"', '"known"'));
      assert.equal(await architecture(), "known");
      write("gemma");
      utimesSync(path, 1000, 1000);
      assert.equal(await architecture(), "gemma");
    });

    it("does not trust the times of one that was written just now", async () => {
      assert.equal(await architecture(), "llama");
      assert.ok(!existsSync(cacheFolder));
    });
  });

  it("is in the user's cache folder, elsewhere or off as the environment says", () => {
    assert.ok(headerCacheFolder("")?.startsWith(homedir()));
    assert.equal(headerCacheFolder("/somewhere"), "/somewhere");
    assert.equal(headerCacheFolder("off"), undefined);
    assert.equal(headerCacheFolder("relative"), undefined);
  });
});
