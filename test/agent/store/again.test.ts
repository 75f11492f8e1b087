import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FailureKind } from "../../../api/result.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload } from "../samples.ts";
import { HOUR, model, requestsWithin, settled, sha256, storeGround } from "./store-ground.ts";

describe("the model store, asked again", () => {
  const ground = storeGround();

  const final: readonly (readonly [name: string, answer: RequestListener, kind: FailureKind])[] = [
    ["answers 401", (_, response) => response.writeHead(401).end(), "unauthorised"],
    ["answers 404", (_, response) => response.writeHead(404).end(), "not-found"],
    ["sends another file", (_, response) => response.end(Buffer.concat([model, model])), "invalid"],
    ["sends no GGUF", (_, response) => response.end("<html>".repeat(20)), "invalid"],
  ];
  for (const [name, fault, kind] of final) {
    it(`asks a server that ${name} once, and again when the Model changes`, async () => {
      ground.answer = fault;
      const store = ground.openStore();
      const look = (revision: string) => () => store(aWorkload({ source: ground.url(), sha256 }), "fetch", revision);
      const stored = await settled(look("1"));
      assert(stored.state === "failed");
      assert.equal(stored.failure.kind, kind);
      assert.equal(await requestsWithin(ground, 10, look("1")), 0);
      assert.equal(await requestsWithin(ground, 10, look("2")), 1);
      const other = createHash("sha256")
        .update(Buffer.concat([model, model]))
        .digest("hex");
      assert.equal(
        await requestsWithin(ground, 1, () => store(aWorkload({ source: ground.url(), sha256: other }), "fetch", "3")),
        1,
      );
    });
  }

  it("asks a server that says to wait for an hour once in that hour", async () => {
    ground.answer = (_, response) => response.writeHead(429, { "retry-after": "3600" }).end();
    const store = ground.openStore();
    const look = () => store(aWorkload({ source: ground.url(), sha256 }), "fetch");
    const stored = await settled(look);
    assert(stored.state === "failed");
    assert.deepEqual([stored.failure.kind, stored.failure.retryAfterMs], ["throttled", HOUR]);
    assert.match(stored.failure.error, /answers 429 and asks to wait 3600 s$/);
    assert.equal(await requestsWithin(ground, 1, look), 0);
    assert.equal(await requestsWithin(ground, 0.22, look), 1);
  });

  it("tries a broken download again after its back-off, whatever the wall clock says", async () => {
    ground.answer = (request) => request.socket.destroy();
    const store = ground.openStore();
    const look = () => store(aWorkload({ source: ground.url(), sha256 }), "fetch");
    const wall = Date.now;
    try {
      assert.equal((await settled(look)).state, "failed");
      Date.now = () => wall() - HOUR;
      ground.answer = (_, response) => response.end(model);
      ground.now += 9000;
      assert.equal(look().state, "failed");
      ground.now += 4000;
      assert.equal(look().state, "working");
      assert.equal((await settled(look)).state, "ready");
    } finally {
      Date.now = wall;
    }
  });

  it("asks the hub anew when the token changes", async () => {
    ground.answer = ({ headers }, response) => {
      if (headers.authorization === "Bearer hf_good") response.end(model);
      else response.writeHead(401).end();
    };
    const machine = process.env;
    const token = join(await temporaryDirectory(), "token");
    process.env = { ...machine, HF_ENDPOINT: new URL(ground.url()).origin, HF_TOKEN: "", HF_TOKEN_PATH: token };
    try {
      const store = ground.openStore();
      const look = () => store(aWorkload({ source: "hf://o/r/m.gguf", sha256 }), "fetch");
      assert.equal((await settled(look)).state, "failed");
      assert.equal(await requestsWithin(ground, 1, look), 0);
      await writeFile(token, "hf_good");
      while (look().state === "failed") {
        ground.now += 1000;
        await sleep(1);
      }
      assert.equal((await settled(look)).state, "ready");
    } finally {
      process.env = machine;
    }
  });

  it("fetches again what was removed", async () => {
    const store = ground.openStore();
    const wanted = aWorkload({ source: ground.url(), sha256 });
    const stored = await settled(() => store(wanted, "fetch"));
    assert(stored.state === "ready");
    await rm(stored.path);
    ground.now += 1000;
    const seen = async () => {
      while (store(wanted, "fetch").state === "ready") await sleep(1);
      return store(wanted, "fetch").state;
    };
    assert.equal(await seen(), "working");
    assert.deepEqual(await settled(() => store(wanted, "fetch")), stored);
    assert.equal(ground.requests, 2);
  });
});
