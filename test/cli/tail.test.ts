import assert from "node:assert/strict";
import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { offsetOfLast, type Place, readOn } from "../../cli/tail.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("the end of a log", () => {
  let path: string;
  beforeEach(async () => {
    path = join(await temporaryDirectory(), "log");
  });

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
