import assert from "node:assert/strict";
import { chmod, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { fileGate } from "../../../agent/files/gate.ts";
import { fileLooks } from "../../../agent/files/looks.ts";
import { headerCache, type LookAtHeader } from "../../../agent/workload/headers.ts";
import { type Failure, fail, ok, type Result } from "../../../api/result.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { readHeader } from "../../../gguf/read.ts";
import { startServer } from "../../gguf/range-server.ts";
import { writeGguf } from "../../support/gguf-writer.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SOURCE = "https://hub.example/m.gguf";
const header: GgufHeader = { version: 3, fileBytes: 1, dataOffset: 1, metadata: new Map(), tensors: [] };

describe("headers of what is to be served", function () {
  this.timeout(120_000);
  let now: number;
  let reads: number;
  let answer: Result<GgufHeader>;
  let look: LookAtHeader;

  beforeEach(() => {
    now = 0;
    reads = 0;
    answer = ok(header);
    look = open(async () => answer);
  });

  const open = (read: (source: string) => Promise<Result<GgufHeader>>) =>
    headerCache(
      (source) => {
        reads += 1;
        return read(source);
      },
      fileLooks(
        fileGate(() => now),
        () => {},
        () => now,
      ),
      () => {},
      () => now,
    );

  /** Looks each second of the injected clock, as the reconcile loop does; how often it was read meanwhile. */
  const readsWithin = async (milliseconds: number, source = SOURCE, revision = "1") => {
    const before = reads;
    for (const end = now + milliseconds; now < end; now += 1000) {
      look(source, revision);
      // A look at a file takes real time.
      await (source === SOURCE ? turn() : sleep(1));
    }
    return reads - before;
  };

  const final: readonly Failure[] = [
    fail("it answers 401", "unauthorised"),
    fail("it answers 404", "not-found"),
    fail("not a GGUF file", "invalid"),
    fail("GGUF version 9 is not known here", "unsupported"),
  ];
  for (const failure of final) {
    it(`reads once where ${failure.error}`, async () => {
      answer = failure;
      assert.equal(await readsWithin(10 * HOUR), 1);
      assert.deepEqual(look(SOURCE, "1"), { state: "read", header: failure });
    });
  }

  it("reads once an hour where a server asks for that (429, Retry-After: 3600)", async () => {
    answer = fail("it answers 429", "throttled", HOUR);
    assert.equal(await readsWithin(HOUR), 1);
    assert.equal(await readsWithin(0.21 * HOUR), 1);
    assert((await readsWithin(10 * HOUR, SOURCE, "2")) <= 10, "another manifest changes nothing about that");
  });

  it("asks a real server that answers 429 with Retry-After: 3600 once in an hour, and one that answers 401 once", async () => {
    for (const [status, headers] of [
      [429, { "retry-after": "3600" }],
      [401, {}],
    ] as const) {
      const server = await startServer((_, response) => response.writeHead(status, headers).end());
      try {
        look = open((source) => readHeader(source));
        const source = `${server.origin}/m.gguf`;
        while (look(source, "1").state === "reading") await turn();
        await readsWithin(HOUR, source);
        assert.equal(server.requests.length, 1);
      } finally {
        await server.stop();
      }
    }
  });

  it("backs off while a server cannot be reached, and reads it soon after it can be", async () => {
    answer = fail("the connection failed", "unreachable");
    const anHour = await readsWithin(HOUR);
    // 10, 20, 40, 80, 160 s, then 300 s, each up to a fifth longer.
    assert(anHour >= 14 && anHour <= 17, `${anHour} reads`);
    answer = ok(header);
    assert.equal(await readsWithin(HOUR), 1);
    assert.deepEqual(look(SOURCE), { state: "read", header: answer });
    answer = fail("the connection failed", "unreachable");
    assert.equal(await readsWithin(HOUR), 0, "what was read is not read again");
  });

  it("does not depend on the wall clock", async () => {
    answer = fail("the connection failed", "unreachable");
    const wall = Date.now;
    try {
      const within = async (shiftMs: number) => {
        look = open(async () => answer);
        look(SOURCE);
        await turn();
        Date.now = () => wall() + shiftMs;
        return readsWithin(15_000);
      };
      for (const shift of [-HOUR, 0, HOUR]) assert.equal(await within(shift), 1, `shifted by ${shift} ms`);
    } finally {
      Date.now = wall;
    }
  });

  it("keeps what a failure said while it is looked into again", async () => {
    answer = fail("the connection failed", "unreachable");
    const said = { state: "read", header: answer };
    await readsWithin(MINUTE);
    look = open(async () => answer);
    assert.deepEqual(look(SOURCE), { state: "reading" });
    await turn();
    now += 15_000;
    const { promise, resolve } = Promise.withResolvers<Result<GgufHeader>>();
    answer = ok(header);
    assert.deepEqual(look(SOURCE), said);
    resolve(answer);
    await promise;
  });

  it("takes an exception for a fault of this program, and tries again", async () => {
    look = open(() => Promise.reject(new Error("out of luck")));
    await readsWithin(1000);
    assert.deepEqual(look(SOURCE), { state: "read", header: fail("out of luck", "internal") });
    assert.equal(await readsWithin(15_000), 1);
  });

  it("keeps what was read while the machine sleeps for a night", async () => {
    await readsWithin(MINUTE);
    now += 10 * HOUR;
    assert.deepEqual(look(SOURCE), { state: "read", header: answer });
    assert.equal(reads, 1);
  });

  describe("read anew after a failure for good", () => {
    it("once for each new version of the manifest, however many workloads name the source", async () => {
      answer = fail("it answers 401", "unauthorised");
      for (const revision of ["a", "b"]) look(SOURCE, revision);
      await turn();
      for (let tick = 0; tick < 10; tick += 1) {
        for (const revision of ["a", "b"]) look(SOURCE, revision);
        await turn();
      }
      assert.equal(reads, 1);
      for (let tick = 0; tick < 10; tick += 1) {
        for (const revision of ["a", "c"]) look(SOURCE, revision);
        await turn();
      }
      assert.equal(reads, 2);
    });

    it("when its manifest was away for more than a minute", async () => {
      answer = fail("it answers 404", "not-found");
      await readsWithin(MINUTE);
      now += 59_000;
      assert.equal(await readsWithin(MINUTE), 0);
      now += 62_000;
      assert.equal(await readsWithin(MINUTE), 1);
    });

    it("not before a server's time because its manifest was away", async () => {
      answer = fail("it answers 429", "throttled", HOUR);
      await readsWithin(1000);
      now += 10 * MINUTE;
      assert.equal(await readsWithin(MINUTE), 0);
    });

    it("when the token changes, for a source on the hub", async () => {
      const folder = await temporaryDirectory();
      const machine = process.env;
      process.env = { ...machine, HF_TOKEN: "", HF_TOKEN_PATH: join(folder, "token") };
      try {
        const read: string[] = [];
        look = open(async (source) => {
          read.push(source);
          return answer;
        });
        const hub = "hf://o/r/m.gguf";
        const readAnew = async () => {
          read.length = 0;
          for (const end = now + HOUR; now < end; now += 1000) {
            look(SOURCE);
            look(hub);
            await sleep(now % MINUTE === 0 ? 1 : 0);
          }
          return [...read];
        };
        answer = fail("it answers 401", "unauthorised");
        assert.deepEqual(await readAnew(), [SOURCE, hub]);
        await writeFile(join(folder, "token"), "hf_new");
        assert.deepEqual(await readAnew(), [hub]);
        await utimes(join(folder, "token"), 1, 1);
        answer = ok(header);
        assert.deepEqual(await readAnew(), [hub]);
        await rm(join(folder, "token"));
        assert.deepEqual(await readAnew(), [], "what was read needs no token");
      } finally {
        process.env = machine;
      }
    });

    it("not what was read because its mode changes", async () => {
      const path = join(await temporaryDirectory(), "m.gguf");
      await writeFile(path, writeGguf({}));
      look = open(async () => answer);
      assert.equal(await readsWithin(MINUTE, path), 1);
      await chmod(path, 0o640);
      assert.equal(await readsWithin(MINUTE, path), 0);
      await writeFile(path, writeGguf({ metadata: { "split.count": 1 } }));
      assert.equal(await readsWithin(MINUTE, path), 1);
    });

    it("when the file, its mode or a later shard changes", async () => {
      const folder = await temporaryDirectory();
      const path = join(folder, "m-00001-of-00002.gguf");
      const read = async (source: string) => {
        look = open(() => readHeader(path));
        while (look(source, "1").state === "reading") await turn();
        return readsWithin(MINUTE, source);
      };
      for (const source of [path, `file://${path}`]) {
        assert.equal(await read(source), 0);
        await writeFile(path, writeGguf({ metadata: { "split.count": 2, "split.no": 0 } }));
        assert.equal(await readsWithin(MINUTE, source), 1);
        await chmod(path, 0o640);
        assert.equal(await readsWithin(MINUTE, source), 1);
        await writeFile(join(folder, "m-00002-of-00002.gguf"), "");
        assert.equal(await readsWithin(MINUTE, source), 1);
        for (const shard of [1, 2]) await rm(join(folder, `m-0000${shard}-of-00002.gguf`));
      }
    });
  });
});
