import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoredModel } from "../../../agent/store/stored.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload } from "../samples.ts";
import { looked, model, settled, sha256, storeGround } from "./store-ground.ts";

describe("the model store", () => {
  const ground = storeGround();

  it("makes no folder in place of one that went with its disk, and goes on when it is back", async () => {
    const store = ground.openStore();
    const look = () => store({ source: ground.url(), sha256: undefined }, "fetch");
    assert.equal((await settled(look)).state, "ready");
    ground.now += 1000;
    await looked(look);
    await rename(ground.folder, `${ground.folder}.away`);
    const view = async (state: StoredModel["state"]) => {
      for (let tries = 0; tries < 100 && look().state !== state; tries += 1) {
        ground.now += 1000;
        await sleep(5);
      }
      return look();
    };
    assert.match(JSON.stringify(await view("failed")), /is not there any more: connect its disk/);
    assert.deepEqual([existsSync(ground.folder), ground.requests], [false, 1]);
    await rename(`${ground.folder}.away`, ground.folder);
    assert.deepEqual([(await view("ready")).state, ground.requests], ["ready", 1]);
  });

  it("downloads once for two who ask, and finds it again", async () => {
    const store = ground.openStore();
    const [a, b] = [
      aWorkload({ source: ground.url(), sha256 }),
      aWorkload({ name: "default/b", source: ground.url(), sha256 }),
    ];
    assert.equal((await looked(() => store(a, "look"))).state, "absent");
    assert.equal((await looked(() => store(a, "fetch"))).state, "working");
    store(b, "fetch");
    const stored = await settled(() => store(a, "fetch"));
    assert(stored.state === "ready");
    assert.deepEqual(await readFile(stored.path), model);
    const again = ground.openStore();
    assert.deepEqual(await looked(() => again(b, "look")), stored);
    assert.equal(ground.requests, 1);
  });

  const faults: readonly (readonly [name: string, answer: RequestListener, says: RegExp])[] = [
    ["is not there", (_, response) => response.writeHead(404).end(), /answers 404/],
    ["is no GGUF", (_, response) => response.end("<html>".repeat(20)), /it is not a GGUF file/],
    ["is another file", (_, response) => response.end(Buffer.concat([model, model])), /its sha256 is/],
    ["is shorter than a header", (_, response) => response.end("GGUF"), /ended after 4 bytes/],
    ["is empty (LLMKube#642)", (_, response) => response.end(), /ended after 0 bytes/],
    [
      "breaks off",
      (_, response) => {
        response.writeHead(200, { "content-length": String(model.length + 10) });
        response.write(model, () => response.destroy());
      },
      /failed \(UND_ERR/,
    ],
  ];
  for (const [name, fault, says] of faults) {
    it(`does not serve a download that ${name}`, async () => {
      ground.answer = fault;
      const store = ground.openStore();
      const stored = await settled(() => store(aWorkload({ source: ground.url(), sha256 }), "fetch"));
      assert(stored.state === "failed");
      assert.match(stored.failure.error, says);
      assert.deepEqual(
        (await readdir(ground.folder)).filter((file) => !/\.part(\.json)?$/.test(file)),
        [],
      );
    });
  }

  it("downloads all shards of a split model, and serves the first", async () => {
    const asked: (string | undefined)[] = [];
    let broken = true;
    ground.answer = (request, response) => {
      asked.push(request.url);
      if (broken && request.url?.includes("-00003-")) response.writeHead(404).end();
      else response.setHeader("content-length", model.length).end(model);
    };
    const wanted = aWorkload({ source: `${ground.url("big-00001-of-00003.gguf")}?download=true`, sha256 });
    const store = ground.openStore();
    const partly = await settled(() => store(wanted, "fetch"));
    assert(partly.state === "failed");
    assert.match(partly.failure.error, /big-00003-of-00003\.gguf: .* answers 404/);
    const again = ground.openStore();
    assert.equal((await looked(() => again(wanted, "look"))).state, "absent");
    broken = false;
    const stored = await settled(() => again(wanted, "fetch"));
    assert(stored.state === "ready", JSON.stringify(stored));
    assert.match(stored.path, /\/[0-9a-f]{16}-big-00001-of-00003\.gguf$/);
    const first = basename(stored.path);
    const names = [1, 2, 3].map((number) => first.replace("-00001-", `-0000${number}-`));
    assert.deepEqual((await readdir(ground.folder)).sort(), names);
    assert.equal(asked.length, 4, "what was there was not fetched again");
  });

  it("downloads once where two agents share a folder, and neither ever finds a part of it", async () => {
    const big = Buffer.concat([model, Buffer.alloc(2 ** 20, 1)]);
    let finish = () => {};
    ground.answer = (_, response) => {
      response.setHeader("content-length", big.length);
      response.write(big.subarray(0, 2 ** 19));
      finish = () => response.end(big.subarray(2 ** 19));
    };
    const [one, other] = [ground.openStore(), ground.openStore()];
    const wanted = aWorkload({ source: ground.url(), sha256: createHash("sha256").update(big).digest("hex") });
    await looked(() => one(wanted, "fetch"));
    while (ground.requests === 0) await sleep(10);
    await looked(() => other(wanted, "fetch"));
    await sleep(300);
    assert.deepEqual(other(wanted, "fetch"), { state: "working", message: "another agent is downloading it" });
    finish();
    for (const store of [one, other]) {
      const stored = await settled(() => store(wanted, "fetch"));
      assert(stored.state === "ready", JSON.stringify(stored));
      assert.deepEqual(await readFile(stored.path), big);
    }
    assert.equal(ground.requests, 1);
    while ((await readdir(ground.folder)).length > 1) await sleep(50);
  });

  it("refuses before the first byte what the disk cannot hold", async () => {
    ground.answer = (_, response) => response.setHeader("content-length", 2 ** 52).write(model);
    const store = ground.openStore();
    const stored = await settled(() => store(aWorkload({ source: ground.url() }), "fetch"));
    assert(stored.state === "failed");
    assert.match(
      stored.failure.error,
      /it needs 4\.0 PiB more, but the disk of .* has .* free: free up space or name .* --models$/,
    );
    assert.deepEqual(await readdir(ground.folder), []);
  });

  it("says in one sentence that its folder cannot be written", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    const store = ground.openStore(join(file, "models"));
    const stored = await settled(() => store(aWorkload({ source: ground.url() }), "fetch"));
    assert(stored.state === "failed");
    assert.match(
      stored.failure.error,
      /^the models folder .* cannot be written \(ENOTDIR\): name another one with --models$/,
    );
  });

  it("uses local files in place, after their sha256 was checked", async () => {
    const path = join(await temporaryDirectory(), "local.gguf");
    await writeFile(path, model);
    const store = ground.openStore();
    assert.deepEqual(store(aWorkload({ source: `file://${path}` }), "fetch"), { state: "ready", path });
    const good = await settled(() => store(aWorkload({ source: path, sha256 }), "fetch"));
    assert.deepEqual(good, { state: "ready", path });
    const bad = await settled(() => store(aWorkload({ source: path, sha256: "0".repeat(64) }), "fetch"));
    assert(bad.state === "failed");
    assert.match(bad.failure.error, /has sha256 .*, the Model asks for 0000/);
    assert.equal(existsSync(ground.folder), false);
  });

  it("refuses what only a cluster can mount", () => {
    const stored = ground.openStore()(aWorkload({ source: "pvc://claim/m.gguf" }), "fetch");
    assert(stored.state === "failed");
    assert.match(stored.failure.error, /cluster volume/);
  });
});
