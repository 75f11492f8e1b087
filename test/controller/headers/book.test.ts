import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { fail, ok, type Result } from "../../../api/result.ts";
import { headerBook } from "../../../controller/headers/book.ts";
import type { HeaderFile } from "../../../controller/headers/source.ts";
import type { GgufHeader } from "../../../gguf/header.ts";

const HEADER: GgufHeader = { version: 3, fileBytes: 9, dataOffset: 8, metadata: new Map(), tensors: [] };

function openBook(answers: readonly Result<GgufHeader>[] = [ok(HEADER)]) {
  let now = 0;
  const woken: string[] = [];
  const begun: { readonly file: HeaderFile; readonly end: (header: Result<GgufHeader>) => void }[] = [];
  const read = (file: HeaderFile) => new Promise<Result<GgufHeader>>((end) => begun.push({ file, end }));
  const clock = { now: () => now, monotonic: () => now, timer: () => () => {} };
  const end = new AbortController();
  const book = headerBook({
    read,
    wake: (key) => woken.push(key),
    clock,
    signal: end.signal,
    atOnce: 2,
    random: () => 0,
  });
  let answered = 0;
  const answer = async () => {
    await turn();
    begun[answered]?.end(answers[Math.min(answered, answers.length - 1)] ?? ok(HEADER));
    answered += 1;
    await turn();
  };
  const look = (source = "https://models.example/a.gguf", waiter = "x/a", revision = "1") =>
    book.look({ source }, waiter, revision);
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { book, look, answer, begun, woken, end, pass };
}

describe("the book of headers", () => {
  it("reads a header once for all who ask, and wakes each of them once", async () => {
    const { look, answer, begun, woken } = openBook();
    assert.equal(look().state, "reading");
    look(undefined, "x/b");
    look(undefined, "x/b");
    await answer();
    assert.deepEqual(woken, ["x/a", "x/b"]);
    assert.deepEqual(look(), { state: "read", header: HEADER });
    assert.equal(begun.length, 1);
  });

  it("reads a few at a time", async () => {
    const { look, answer, begun } = openBook();
    for (const name of ["a", "b", "c", "d"]) look(`https://models.example/${name}.gguf`);
    await turn();
    assert.equal(begun.length, 2);
    await answer();
    assert.equal(begun.length, 3);
  });

  it("keeps what a failure said until the next try has ended", async () => {
    const { look, answer, begun, pass } = openBook([fail("away", "unreachable"), ok(HEADER)]);
    look();
    await answer();
    const failed = look();
    assert.ok(failed.state === "failed" && failed.failure.error === "away");
    assert.equal(failed.againInMs, 10_000);
    pass(10_001);
    const again = look();
    assert.ok(again.state === "failed" && again.againInMs === undefined);
    await turn();
    assert.equal(begun.length, 2);
    await answer();
    assert.equal(look().state, "read");
  });

  it("waits longer after each failure, and as long as the server asks for", async () => {
    const { look, answer, pass } = openBook([fail("away", "unreachable"), fail("busy", "throttled", 60_000)]);
    look();
    await answer();
    pass(10_001);
    look();
    await answer();
    const view = look();
    assert.ok(view.state === "failed" && view.againInMs === 60_000);
  });

  it("tries what failed for good once for each revision of a manifest, and after ten minutes", async () => {
    const { look, answer, begun, pass } = openBook([fail("no such file", "not-found")]);
    look();
    await answer();
    look();
    look(undefined, "x/b", "2");
    await answer();
    for (const revision of ["1", "2", "1", "2"]) look(undefined, "x/b", revision);
    await turn();
    assert.equal(begun.length, 2);
    pass(10 * 60_000 + 1);
    look();
    await turn();
    assert.equal(begun.length, 3);
  });

  for (const source of ["/models/a.gguf", "file:///models/a.gguf"]) {
    it(`does not read ${source}, which is on a Mac`, async () => {
      const { look, begun } = openBook();
      const view = look(source);
      assert.ok(view.state === "failed" && view.againInMs === undefined);
      assert.match(view.failure.error, /is a path on a Mac, which the controller cannot read: name an https/);
      await turn();
      assert.equal(begun.length, 0);
    });
  }

  it("keeps files apart that are read with different tokens", async () => {
    const { book, begun } = openBook();
    for (const token of [undefined, "one", "two"]) book.look({ source: "hf://o/r/a.gguf", token }, "x/a", "1");
    await turn();
    assert.equal(begun.length, 2);
    assert.equal(book.reads(), 2);
  });

  it("wakes nobody after its end", async () => {
    const { look, answer, woken, end } = openBook();
    look();
    end.abort();
    await answer();
    assert.deepEqual(woken, []);
  });
});
