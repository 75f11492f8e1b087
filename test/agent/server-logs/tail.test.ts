import assert from "node:assert/strict";
import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { lastOf, type Place, readOn } from "../../../agent/server-logs/tail.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("the end of a log", () => {
  let path: string;
  beforeEach(async () => {
    path = join(await temporaryDirectory(), "log");
  });

  const offsetOfLast = async (file: string, lines: number) => (await lastOf([file], lines))[0]?.place.offset;

  it("begins where so many lines are left, whatever the file and however it ends", async () => {
    const line = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => text.replaceAll("\n", " "));
    const cases = fc.asyncProperty(fc.array(line), fc.boolean(), fc.nat(40), async (lines, ended, count) => {
      const text = lines.map((each) => `${each}\n`).join("") + (ended ? "" : "unfinished");
      await writeFile(path, text);
      const all = ended ? lines : [...lines, "unfinished"];
      const left = Buffer.from(text)
        .subarray(await offsetOfLast(path, count))
        .toString();
      const expected = count === 0 ? [] : all.slice(-count);
      assert.equal(
        left,
        expected
          .map((each) => `${each}\n`)
          .join("")
          .slice(0, ended || count === 0 ? undefined : -1),
      );
    });
    await fc.assert(cases, { numRuns: 60 });
  });

  it("looks back over as many chunks as it takes", async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `line ${index} ${"x".repeat(100)}\n`);
    await writeFile(path, lines.join(""));
    for (const count of [1, 700, 4999, 5000, 6000]) {
      const expected = lines.slice(0, Math.max(0, lines.length - count)).join("").length;
      assert.equal(await offsetOfLast(path, count), expected, String(count));
    }
  });

  it("goes on in the file before, and opens none before that", async () => {
    const earlier = `${path}.1`;
    await writeFile(earlier, "one\ntwo\n");
    await writeFile(path, "three\nfour\nunfin");
    const left = async (count: number, files = [`${path}.2`, earlier, path]) => {
      const parts = await lastOf(files, count);
      return parts.map(({ path: file, place: { offset } }) => [file.slice(path.length), offset]);
    };
    assert.deepEqual(await left(2), [["", 6]]);
    assert.deepEqual(await left(3), [["", 0]]);
    assert.deepEqual(await left(4), [
      [".1", 4],
      ["", 0],
    ]);
    await assert.rejects(left(6), /ENOENT/);
    await writeFile(path, "");
    assert.deepEqual(await left(1), [
      [".1", 4],
      ["", 0],
    ]);
  });

  it("reads no further than its reader has taken", async () => {
    await writeFile(path, Buffer.alloc(300 * 1024));
    let taken = 0;
    let under = 0;
    await readOn(path, { inode: 0, offset: 0 }, async (bytes) => {
      under += 1;
      assert.equal(under, 1);
      await new Promise(setImmediate);
      taken += bytes.length;
      under -= 1;
    });
    assert.equal(taken, 300 * 1024);
    const stop = new Error("gone");
    await assert.rejects(
      readOn(path, { inode: 0, offset: 0 }, () => Promise.reject(stop)),
      stop,
    );
  });

  it("reads on where it was, and from the start of a file that was begun anew", async () => {
    let place: Place = { inode: 0, offset: 0 };
    const news = async () => {
      let seen = "";
      place = await readOn(path, place, (bytes) => (seen += bytes));
      return seen;
    };
    assert.equal(await news(), "");
    await writeFile(path, "one\n");
    assert.equal(await news(), "one\n");
    await appendFile(path, "two\n");
    assert.equal(await news(), "two\n");
    assert.equal(await news(), "");
    await writeFile(path, "new\n");
    assert.equal(await news(), "new\n");
    await rename(path, `${path}.1`);
    assert.equal(await news(), "");
    await writeFile(path, "rotated, and longer than before\n");
    assert.equal(await news(), "rotated, and longer than before\n");
  });
});
