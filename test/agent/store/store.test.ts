import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileGate } from "../../../agent/files/gate.ts";
import { fileLooks } from "../../../agent/files/looks.ts";
import { DEFAULT_LIMITS } from "../../../agent/store/limits.ts";
import { modelStore } from "../../../agent/store/store.ts";
import type { StoredModel } from "../../../agent/store/stored.ts";
import type { FailureKind } from "../../../api/result.ts";
import { writeGguf } from "../../support/gguf-writer.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload } from "../samples.ts";

const model = writeGguf({ metadata: { "general.architecture": "llama" } });
/** Small, so that a file that never comes is given up soon. */
const limits = { ...DEFAULT_LIMITS, floorBytes: 0, retries: 2, backOffMs: 10 };
const sha256 = createHash("sha256").update(model).digest("hex");

describe("the model store", () => {
  let folder: string;
  let server: Server;
  let requests: number;
  let answer: RequestListener;
  /** Of the injected clock, in milliseconds. */
  let now: number;

  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "models");
    requests = 0;
    now = 0;
    answer = (_, response) => response.setHeader("content-length", model.length).end(model);
    server = createServer((request, response) => {
      requests += 1;
      answer(request, response);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const clock = () => now;
  const openStore = (at: string = folder) =>
    modelStore({
      folder: at,
      looks: fileLooks(fileGate(clock), () => {}, clock),
      changed: () => {},
      signal: new AbortController().signal,
      limits,
      clock,
    });
  const url = (name = "m.gguf") => {
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    return `http://127.0.0.1:${address.port}/${name}`;
  };
  /** Once somebody has looked at the files. */
  const looked = async (look: () => StoredModel): Promise<StoredModel> => {
    for (let view = look(); ; view = look()) {
      if (view.state !== "looking") return view;
      await sleep(1);
    }
  };
  const settled = async (look: () => StoredModel): Promise<StoredModel> => {
    for (let view = look(); ; view = look()) {
      if (view.state === "ready" || view.state === "failed") return view;
      await sleep(10);
    }
  };

  it("makes no folder in place of one that went with its disk, and goes on when it is back", async () => {
    const store = openStore();
    const look = () => store({ source: url(), sha256: undefined }, "fetch");
    assert.equal((await settled(look)).state, "ready");
    now += 1000;
    await looked(look);
    await rename(folder, `${folder}.away`);
    let view = look();
    for (let tries = 0; tries < 100 && view.state !== "failed"; tries += 1) {
      now += 1000;
      view = look();
      await sleep(5);
    }
    assert.match(JSON.stringify(view), /is not there any more: connect its disk/);
    assert.deepEqual([existsSync(folder), requests], [false, 1]);
    await rename(`${folder}.away`, folder);
    for (let tries = 0; tries < 100 && view.state !== "ready"; tries += 1) {
      now += 1000;
      view = look();
      await sleep(5);
    }
    assert.deepEqual([view.state, requests], ["ready", 1]);
  });

  it("downloads once for two who ask, and finds it again", async () => {
    const store = openStore();
    const [a, b] = [aWorkload({ source: url(), sha256 }), aWorkload({ name: "default/b", source: url(), sha256 })];
    assert.equal((await looked(() => store(a, "look"))).state, "absent");
    assert.equal((await looked(() => store(a, "fetch"))).state, "working");
    store(b, "fetch");
    const stored = await settled(() => store(a, "fetch"));
    assert(stored.state === "ready");
    assert.deepEqual(await readFile(stored.path), model);
    const again = openStore();
    assert.deepEqual(await looked(() => again(b, "look")), stored);
    assert.equal(requests, 1);
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
      answer = fault;
      const store = openStore();
      const stored = await settled(() => store(aWorkload({ source: url(), sha256 }), "fetch"));
      assert(stored.state === "failed");
      assert.match(stored.failure.error, says);
      assert.deepEqual(
        (await readdir(folder)).filter((file) => !/\.part(\.json)?$/.test(file)),
        [],
      );
    });
  }

  const HOUR = 3_600_000;
  /** Looks each minute of the injected clock for `hours`; how many requests that made. */
  const requestsWithin = async (hours: number, look: () => StoredModel) => {
    const before = requests;
    for (const end = now + hours * HOUR; now < end; now += 60_000) {
      await looked(look);
    }
    await settled(look);
    return requests - before;
  };

  const final: readonly (readonly [name: string, answer: RequestListener, kind: FailureKind])[] = [
    ["answers 401", (_, response) => response.writeHead(401).end(), "unauthorised"],
    ["answers 404", (_, response) => response.writeHead(404).end(), "not-found"],
    ["sends another file", (_, response) => response.end(Buffer.concat([model, model])), "invalid"],
    ["sends no GGUF", (_, response) => response.end("<html>".repeat(20)), "invalid"],
  ];
  for (const [name, fault, kind] of final) {
    it(`asks a server that ${name} once, and again when the Model changes`, async () => {
      answer = fault;
      const store = openStore();
      const look = (revision: string) => () => store(aWorkload({ source: url(), sha256 }), "fetch", revision);
      const stored = await settled(look("1"));
      assert(stored.state === "failed");
      assert.equal(stored.failure.kind, kind);
      assert.equal(await requestsWithin(10, look("1")), 0);
      assert.equal(await requestsWithin(10, look("2")), 1);
      const other = createHash("sha256")
        .update(Buffer.concat([model, model]))
        .digest("hex");
      assert.equal(await requestsWithin(1, () => store(aWorkload({ source: url(), sha256: other }), "fetch", "3")), 1);
    });
  }

  it("asks a server that says to wait for an hour once in that hour", async () => {
    answer = (_, response) => response.writeHead(429, { "retry-after": "3600" }).end();
    const store = openStore();
    const look = () => store(aWorkload({ source: url(), sha256 }), "fetch");
    const stored = await settled(look);
    assert(stored.state === "failed");
    assert.deepEqual([stored.failure.kind, stored.failure.retryAfterMs], ["throttled", HOUR]);
    assert.match(stored.failure.error, /answers 429 and asks to wait 3600 s$/);
    assert.equal(await requestsWithin(1, look), 0);
    assert.equal(await requestsWithin(0.22, look), 1);
  });

  it("tries a broken download again after its back-off, whatever the wall clock says", async () => {
    answer = (request) => request.socket.destroy();
    const store = openStore();
    const look = () => store(aWorkload({ source: url(), sha256 }), "fetch");
    const wall = Date.now;
    try {
      assert.equal((await settled(look)).state, "failed");
      Date.now = () => wall() - HOUR;
      answer = (_, response) => response.end(model);
      now += 9000;
      assert.equal(look().state, "failed");
      now += 4000;
      assert.equal(look().state, "working");
      assert.equal((await settled(look)).state, "ready");
    } finally {
      Date.now = wall;
    }
  });

  it("asks the hub anew when the token changes", async () => {
    answer = ({ headers }, response) => {
      if (headers.authorization === "Bearer hf_good") response.end(model);
      else response.writeHead(401).end();
    };
    const machine = process.env;
    const token = join(await temporaryDirectory(), "token");
    process.env = { ...machine, HF_ENDPOINT: new URL(url()).origin, HF_TOKEN: "", HF_TOKEN_PATH: token };
    try {
      const store = openStore();
      const look = () => store(aWorkload({ source: "hf://o/r/m.gguf", sha256 }), "fetch");
      assert.equal((await settled(look)).state, "failed");
      assert.equal(await requestsWithin(1, look), 0);
      await writeFile(token, "hf_good");
      while (look().state === "failed") {
        now += 1000;
        await sleep(1);
      }
      assert.equal((await settled(look)).state, "ready");
    } finally {
      process.env = machine;
    }
  });

  it("downloads all shards of a split model, and serves the first", async () => {
    const asked: (string | undefined)[] = [];
    let broken = true;
    answer = (request, response) => {
      asked.push(request.url);
      if (broken && request.url?.includes("-00003-")) response.writeHead(404).end();
      else response.setHeader("content-length", model.length).end(model);
    };
    const wanted = aWorkload({ source: `${url("big-00001-of-00003.gguf")}?download=true`, sha256 });
    const store = openStore();
    const partly = await settled(() => store(wanted, "fetch"));
    assert(partly.state === "failed");
    assert.match(partly.failure.error, /big-00003-of-00003\.gguf: .* answers 404/);
    const again = openStore();
    assert.equal((await looked(() => again(wanted, "look"))).state, "absent");
    broken = false;
    const stored = await settled(() => again(wanted, "fetch"));
    assert(stored.state === "ready", JSON.stringify(stored));
    assert.match(stored.path, /\/[0-9a-f]{16}-big-00001-of-00003\.gguf$/);
    const first = basename(stored.path);
    const names = [1, 2, 3].map((number) => first.replace("-00001-", `-0000${number}-`));
    assert.deepEqual((await readdir(folder)).sort(), names);
    assert.equal(asked.length, 4, "what was there was not fetched again");
  });

  it("fetches again what was removed", async () => {
    const store = openStore();
    const wanted = aWorkload({ source: url(), sha256 });
    const stored = await settled(() => store(wanted, "fetch"));
    assert(stored.state === "ready");
    await rm(stored.path);
    now += 1000;
    const seen = async () => {
      while (store(wanted, "fetch").state === "ready") await sleep(1);
      return store(wanted, "fetch").state;
    };
    assert.equal(await seen(), "working");
    assert.deepEqual(await settled(() => store(wanted, "fetch")), stored);
    assert.equal(requests, 2);
  });

  it("downloads once where two agents share a folder, and neither ever finds a part of it", async () => {
    const big = Buffer.concat([model, Buffer.alloc(2 ** 20, 1)]);
    let finish = () => {};
    answer = (_, response) => {
      response.setHeader("content-length", big.length);
      response.write(big.subarray(0, 2 ** 19));
      finish = () => response.end(big.subarray(2 ** 19));
    };
    const [one, other] = [openStore(), openStore()];
    const wanted = aWorkload({ source: url(), sha256: createHash("sha256").update(big).digest("hex") });
    await looked(() => one(wanted, "fetch"));
    while (requests === 0) await sleep(10);
    await looked(() => other(wanted, "fetch"));
    await sleep(300);
    assert.deepEqual(other(wanted, "fetch"), { state: "working", message: "another agent is downloading it" });
    finish();
    for (const store of [one, other]) {
      const stored = await settled(() => store(wanted, "fetch"));
      assert(stored.state === "ready", JSON.stringify(stored));
      assert.deepEqual(await readFile(stored.path), big);
    }
    assert.equal(requests, 1);
    while ((await readdir(folder)).length > 1) await sleep(50);
  });

  describe("of one source with a sha256 and without", () => {
    const weights = async () => (await readdir(folder)).filter((name) => name.endsWith(".gguf"));
    const plain = () => aWorkload({ source: url() });
    const naming = (sha: string = sha256) => aWorkload({ name: "default/b", source: url(), sha256: sha });
    beforeEach(() => {
      answer = (_, response) => response.writeHead(200, { etag: '"one"', "content-length": model.length }).end(model);
    });

    it("keeps one file, checked once, for the next agent too, whoever came first", async () => {
      for (const order of [
        [plain, naming],
        [naming, plain],
      ]) {
        await rm(folder, { recursive: true, force: true });
        requests = 0;
        const store = openStore();
        for (const each of order) assert.equal((await settled(() => store(each(), "fetch"))).state, "ready");
        for (let looks = 0; looks < 20; looks += 1) {
          now += 1000;
          for (const each of order) assert.notEqual((await settled(() => store(each(), "fetch"))).state, "failed");
        }
        assert.equal((await weights()).length, 1);
        const again = openStore();
        for (const each of order) assert.equal((await settled(() => again(each(), "fetch"))).state, "ready");
        const alone = openStore();
        assert.equal((await settled(() => alone(plain(), "fetch"))).state, "ready");
        assert.equal(requests, 1);
      }
    });

    it("keeps one file where both ask at once", async () => {
      const store = openStore();
      const both = await Promise.all([plain(), naming()].map((each) => settled(() => store(each, "fetch"))));
      assert.deepEqual(
        both.map(({ state }) => state),
        ["ready", "ready"],
      );
      assert.deepEqual([requests, (await weights()).length], [1, 1]);
    });

    it("fails for the one who names another sha256, without a second download, and leaves the file to the other", async () => {
      const store = openStore();
      const good = await settled(() => store(plain(), "fetch"));
      assert(good.state === "ready");
      const wrong = "0".repeat(64);
      answer = (_, response) =>
        response.writeHead(200, { etag: '"one"', "content-length": model.length }).write(model.subarray(0, 64));
      const bad = await settled(() => store(naming(wrong), "fetch"));
      assert(bad.state === "failed");
      assert.equal(bad.failure.kind, "invalid");
      assert.match(bad.failure.error, /its sha256 is [0-9a-f]{64}, the Model asks for 0000/);
      assert.deepEqual(await readFile(good.path), model);
      assert.equal(await requestsWithin(10, () => store(naming(wrong), "fetch")), 0);
      assert.deepEqual([requests, (await weights()).length], [2, 1], "the second request asked for the ETag");
    });

    it("fetches the version that is asked for once the source has it", async () => {
      const store = openStore();
      await settled(() => store(plain(), "fetch"));
      const other = writeGguf({ metadata: { "general.architecture": "other" } });
      answer = (_, response) => response.writeHead(200, { etag: '"two"', "content-length": other.length }).end(other);
      const wanted = naming(createHash("sha256").update(other).digest("hex"));
      const stored = await settled(() => store(wanted, "fetch"));
      assert(stored.state === "ready", JSON.stringify(stored));
      assert.deepEqual(await readFile(stored.path), other);
    });

    it("does not fetch a wrong file again after a restart of the agent while its ETag is the same", async () => {
      const wrong = naming("0".repeat(64));
      const big = Buffer.concat([model, Buffer.alloc(2 ** 20)]);
      let sent = 0;
      answer = (_, response) => {
        response.writeHead(200, { etag: '"one"', "content-length": big.length });
        sent += 1;
        // The second is not sent whole: who waits for it waits for ever.
        if (sent === 1) response.end(big);
        else response.write(big.subarray(0, 64));
      };
      for (let agents = 0; agents < 3; agents += 1) {
        const store = openStore();
        const bad = await settled(() => store(wrong, "fetch"));
        assert(bad.state === "failed");
        assert.match(bad.failure.error, /its sha256 is/);
        assert.deepEqual(await weights(), []);
      }
      assert.equal(sent, 3, "each asks for the ETag once");
    });
  });

  it("refuses before the first byte what the disk cannot hold", async () => {
    answer = (_, response) => response.setHeader("content-length", 2 ** 52).write(model);
    const store = openStore();
    const stored = await settled(() => store(aWorkload({ source: url() }), "fetch"));
    assert(stored.state === "failed");
    assert.match(
      stored.failure.error,
      /it needs 4\.0 PiB more, but the disk of .* has .* free: free up space or name .* --models$/,
    );
    assert.deepEqual(await readdir(folder), []);
  });

  it("says in one sentence that its folder cannot be written", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    const store = openStore(join(file, "models"));
    const stored = await settled(() => store(aWorkload({ source: url() }), "fetch"));
    assert(stored.state === "failed");
    assert.match(
      stored.failure.error,
      /^the models folder .* cannot be written \(ENOTDIR\): name another one with --models$/,
    );
  });

  it("uses local files in place, after their sha256 was checked", async () => {
    const path = join(await temporaryDirectory(), "local.gguf");
    await writeFile(path, model);
    const store = openStore();
    assert.deepEqual(store(aWorkload({ source: `file://${path}` }), "fetch"), { state: "ready", path });
    const good = await settled(() => store(aWorkload({ source: path, sha256 }), "fetch"));
    assert.deepEqual(good, { state: "ready", path });
    const bad = await settled(() => store(aWorkload({ source: path, sha256: "0".repeat(64) }), "fetch"));
    assert(bad.state === "failed");
    assert.match(bad.failure.error, /has sha256 .*, the Model asks for 0000/);
    assert.equal(existsSync(folder), false);
  });

  it("refuses what only a cluster can mount", () => {
    const stored = openStore()(aWorkload({ source: "pvc://claim/m.gguf" }), "fetch");
    assert(stored.state === "failed");
    assert.match(stored.failure.error, /cluster volume/);
  });
});
