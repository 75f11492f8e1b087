import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { EARLIER, earlierLog } from "../../../agent/server-logs/files.ts";
import { logKeeper, pauseMs } from "../../../agent/server-logs/keeper.ts";
import { logPathFor, logPathOf } from "../../../agent/state/layout.ts";
import { fileNameOf, workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const MIB = 2 ** 20;

describe("the log keeper", function () {
  this.timeout(60_000);
  let stop = new AbortController();
  let kept: Promise<void> | undefined;
  beforeEach(() => {
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await kept;
  });
  const pathIn = (folder: string) => join(folder, "default_chat.log");

  it("holds a log of 60 MB a second, and those before it, from the first second on", async () => {
    const path = pathIn(await temporaryDirectory());
    const spew = `
      const { openSync, writeSync } = require("node:fs");
      const log = openSync(${JSON.stringify(path)}, "a");
      const chunk = Buffer.from("x".repeat(79) + "\\n").toString().repeat(12500);
      setInterval(() => { for (let n = 0; n < 3; n += 1) writeSync(log, chunk); }, 50);
    `;
    const server = spawn(process.execPath, ["-e", spew], { stdio: "ignore" });
    try {
      kept = logKeeper({ logs: () => [path], say: assert.fail }).run(stop.signal);
      let largest = 0;
      let sum = 0;
      let written = 0;
      let before = 0;
      for (const end = performance.now() + 5000; performance.now() < end; await sleep(20)) {
        const names = await readdir(dirname(path));
        const sizes = await Promise.all(
          names.map(async (name) => (await stat(join(dirname(path), name)).catch(() => undefined))?.size ?? 0),
        );
        const size = (await stat(path).catch(() => undefined))?.size ?? 0;
        written += size >= before ? size - before : size;
        before = size;
        largest = Math.max(largest, size);
        sum = Math.max(
          sum,
          sizes.reduce((one, other) => one + other, 0),
        );
      }
      assert.ok(written > 150 * MIB, `${written} bytes were written`);
      assert.ok(largest < 96 * MIB, `${largest} bytes`);
      assert.ok(sum < 112 * MIB, `${sum} bytes together`);
    } finally {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  });

  const pauses = [
    [0, 1000, "nothing is printed"],
    [1, 1000, "a few lines"],
    [60_000, 280, "60 MB a second"],
    [1_000_000, 50, "1 GB a second"],
    [Number.POSITIVE_INFINITY, 50, "a new log"],
  ] as const;
  for (const [bytesPerMs, milliseconds, what] of pauses) {
    it(`looks again after ${milliseconds} ms: ${what}`, () => {
      assert.equal(Math.round(pauseMs(bytesPerMs, { maxBytes: 32 * MIB })), milliseconds);
    });
  }

  it("goes on with the others beside one that cannot be cut, and says so once", async () => {
    const folder = await temporaryDirectory();
    const [bad, good] = [join(folder, "bad.log"), join(folder, "good.log")];
    // A folder has a size, and cannot be opened for writing.
    await mkdir(bad);
    await writeFile(good, "x".repeat(1000));
    const said: string[] = [];
    const limits = { maxBytes: 10, keptBytes: 5 };
    const options = { logs: () => [bad, good, join(folder, "none.log")], limits };
    kept = logKeeper({ ...options, say: (message) => said.push(message) }).run(stop.signal);
    while ((await stat(good)).size > 0) await sleep(10);
    await writeFile(good, "x".repeat(1000));
    while ((await stat(good)).size > 0) await sleep(10);
    assert.deepEqual(said, [`the log ${bad} cannot be kept below its limit (EISDIR): check its disk`]);
  });

  it("ends at once when it is told to", async () => {
    kept = logKeeper({ logs: () => [], say: assert.fail }).run(stop.signal);
    await sleep(100);
    const began = performance.now();
    stop.abort();
    await kept;
    assert.ok(performance.now() - began < 200);
  });

  it("never finds the logs of two workloads under one name", () => {
    const part = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,12}[a-z0-9])?$/);
    const name = fc.oneof(
      part,
      fc.constantFrom("llama-3", "llama-3.1", "llama-3.log", "llama-3.log.1", "llama-3.part"),
    );
    const namesOf = (one: string) => {
      const id = workloadId(`default/${one}`);
      const logs = [logPathOf("/s", id), logPathFor("/s", `${fileNameOf(id)}_projection`)];
      const numbers = Array.from({ length: EARLIER }, (_, index) => index + 1);
      return logs.flatMap((log) => [log, `${log}.part`, ...numbers.map((number) => earlierLog(log, number))]);
    };
    fc.assert(
      fc.property(name, name, (one, other) => {
        fc.pre(one !== other);
        const taken = new Set(namesOf(one));
        assert.deepEqual(
          namesOf(other).filter((path) => taken.has(path)),
          [],
        );
      }),
    );
  });
});
