import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { writeGguf } from "../../support/gguf-writer.ts";
import { aWorkload } from "../samples.ts";
import { model, requestsWithin, settled, sha256, storeGround } from "./store-ground.ts";

describe("the model store, of one source with a sha256 and without", () => {
  const ground = storeGround();
  const weights = async () => (await readdir(ground.folder)).filter((name) => name.endsWith(".gguf"));
  const plain = () => aWorkload({ source: ground.url() });
  const naming = (sha: string = sha256) => aWorkload({ name: "default/b", source: ground.url(), sha256: sha });
  beforeEach(() => {
    ground.answer = (_, response) =>
      response.writeHead(200, { etag: '"one"', "content-length": model.length }).end(model);
  });

  it("keeps one file, checked once, for the next agent too, whoever came first", async () => {
    for (const order of [
      [plain, naming],
      [naming, plain],
    ]) {
      await rm(ground.folder, { recursive: true, force: true });
      ground.requests = 0;
      const store = ground.openStore();
      for (const each of order) assert.equal((await settled(() => store(each(), "fetch"))).state, "ready");
      for (let looks = 0; looks < 20; looks += 1) {
        ground.now += 1000;
        for (const each of order) assert.notEqual((await settled(() => store(each(), "fetch"))).state, "failed");
      }
      assert.equal((await weights()).length, 1);
      const again = ground.openStore();
      for (const each of order) assert.equal((await settled(() => again(each(), "fetch"))).state, "ready");
      const alone = ground.openStore();
      assert.equal((await settled(() => alone(plain(), "fetch"))).state, "ready");
      assert.equal(ground.requests, 1);
    }
  });

  it("keeps one file where both ask at once", async () => {
    const store = ground.openStore();
    const both = await Promise.all([plain(), naming()].map((each) => settled(() => store(each, "fetch"))));
    assert.deepEqual(
      both.map(({ state }) => state),
      ["ready", "ready"],
    );
    assert.deepEqual([ground.requests, (await weights()).length], [1, 1]);
  });

  it("fails for the one who names another sha256, without a second download, and leaves the file to the other", async () => {
    const store = ground.openStore();
    const good = await settled(() => store(plain(), "fetch"));
    assert(good.state === "ready");
    const wrong = "0".repeat(64);
    ground.answer = (_, response) =>
      response.writeHead(200, { etag: '"one"', "content-length": model.length }).write(model.subarray(0, 64));
    const bad = await settled(() => store(naming(wrong), "fetch"));
    assert(bad.state === "failed");
    assert.equal(bad.failure.kind, "invalid");
    assert.match(bad.failure.error, /its sha256 is [0-9a-f]{64}, the Model asks for 0000/);
    assert.deepEqual(await readFile(good.path), model);
    assert.equal(await requestsWithin(ground, 10, () => store(naming(wrong), "fetch")), 0);
    assert.deepEqual([ground.requests, (await weights()).length], [2, 1], "the second request asked for the ETag");
  });

  it("fetches the version that is asked for once the source has it", async () => {
    const store = ground.openStore();
    await settled(() => store(plain(), "fetch"));
    const other = writeGguf({ metadata: { "general.architecture": "other" } });
    ground.answer = (_, response) =>
      response.writeHead(200, { etag: '"two"', "content-length": other.length }).end(other);
    const wanted = naming(createHash("sha256").update(other).digest("hex"));
    const stored = await settled(() => store(wanted, "fetch"));
    assert(stored.state === "ready", JSON.stringify(stored));
    assert.deepEqual(await readFile(stored.path), other);
  });

  it("does not fetch a wrong file again after a restart of the agent while its ETag is the same", async () => {
    const wrong = naming("0".repeat(64));
    const big = Buffer.concat([model, Buffer.alloc(2 ** 20)]);
    let sent = 0;
    ground.answer = (_, response) => {
      response.writeHead(200, { etag: '"one"', "content-length": big.length });
      sent += 1;
      // The second is not sent whole: who waits for it waits for ever.
      if (sent === 1) response.end(big);
      else response.write(big.subarray(0, 64));
    };
    for (let agents = 0; agents < 3; agents += 1) {
      const store = ground.openStore();
      const bad = await settled(() => store(wrong, "fetch"));
      assert(bad.state === "failed");
      assert.match(bad.failure.error, /its sha256 is/);
      assert.deepEqual(await weights(), []);
    }
    assert.equal(sent, 3, "each asks for the ETag once");
  });
});
