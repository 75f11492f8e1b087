import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { fail, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { createHeaders, type HeaderOf } from "../../policies/headers.ts";

/** Reads that end when the test says so, on a clock that the test moves. */
function played() {
  const asked: Array<{ source: string; timeoutMs: number; end: () => void }> = [];
  let now = 0;
  const read = (source: string, timeoutMs: number) =>
    new Promise<Result<GgufHeader>>((resolve) => {
      asked.push({ source, timeoutMs, end: () => resolve(fail(`${source} was read`)) });
    });
  const headerOf = createHeaders(read, () => now);
  return {
    asked,
    headerOf,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const LIMITS = { timeoutMs: 20_000, allMs: 60_000 };

function start(headerOf: HeaderOf, sources: readonly string[]): ReadonlyArray<Promise<Result<GgufHeader>>> {
  return sources.map((source) => headerOf(source, LIMITS));
}

describe("the headers of a preview", () => {
  it("are read once for each file, however many models name it, and side by side", async () => {
    const { asked, headerOf } = played();
    const models = Array.from({ length: 100 }, (_, index) => `/m${index % 10}.gguf`);
    const headers = start(headerOf, models);
    await setImmediate();
    assert.deepEqual(
      asked.map(({ source }) => source),
      Array.from({ length: 10 }, (_, index) => `/m${index}.gguf`),
    );
    for (const { end } of asked) end();
    assert.equal((await Promise.all(headers)).length, 100);
    assert.equal(asked.length, 10);
  });

  it("are not all asked for at one moment", async () => {
    const { asked, headerOf } = played();
    start(
      headerOf,
      Array.from({ length: 40 }, (_, index) => `/m${index}.gguf`),
    );
    await setImmediate();
    assert.equal(asked.length, 16);
    for (const { end } of asked) end();
    await setImmediate();
    assert.equal(asked.length, 32);
  });

  it("have one deadline together, which runs only while one of them is read", async () => {
    const { asked, headerOf, pass } = played();
    const [first] = start(headerOf, ["/a.gguf"]);
    await setImmediate();
    assert.equal(asked[0]?.timeoutMs, 20_000);
    pass(50_000);
    asked[0]?.end();
    await first;
    // A long update between two Models is no time spent on headers.
    pass(3_600_000);
    const [second] = start(headerOf, ["/b.gguf"]);
    await setImmediate();
    assert.equal(asked[1]?.timeoutMs, 10_000);
    pass(10_000);
    const [third] = start(headerOf, ["hf://o/r/c.gguf"]);
    const late = await third;
    assert.ok(late && !late.ok);
    assert.equal(late.kind, "unreachable");
    assert.match(
      late.error,
      /^hf:\/\/o\/r\/c\.gguf: it was not read, because reading the headers of all models took 60 s, and no more is allowed \(allHeadersTimeoutSeconds\)$/,
    );
    asked[1]?.end();
    await second;
    assert.equal(asked.length, 2);
  });
});
