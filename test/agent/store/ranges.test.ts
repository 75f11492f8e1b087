import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesIn, frontier, missingChunks, type Ranges, withRange } from "../../../agent/store/ranges.ts";

const FILE = 40;
const range = fc
  .tuple(fc.nat(FILE), fc.nat(FILE))
  .map(([one, other]) => ({ begin: Math.min(one, other), end: Math.max(one, other) }));

function bytesOf(ranges: Ranges): readonly number[] {
  return ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin }, (_, index) => begin + index));
}

describe("ranges of a file", () => {
  it("hold each byte that was added once, in order, and merge what touches", () => {
    fc.assert(
      fc.property(fc.array(range), (added) => {
        const ranges = added.reduce<Ranges>(withRange, []);
        assert.deepEqual(
          bytesOf(ranges),
          [...new Set(bytesOf(added))].sort((a, b) => a - b),
        );
        for (const [index, { begin }] of ranges.entries()) assert(index === 0 || begin > (ranges[index - 1]?.end ?? 0));
        assert.equal(bytesIn(ranges), bytesOf(ranges).length);
      }),
    );
  });

  it("and the chunks that are missing make up the whole file", () => {
    fc.assert(
      fc.property(fc.array(range), fc.integer({ min: 1, max: FILE }), (added, chunkBytes) => {
        const ranges = added.reduce<Ranges>(withRange, []);
        const missing = missingChunks(ranges, FILE, chunkBytes);
        const all = Array.from({ length: FILE }, (_, index) => index);
        assert.deepEqual(
          bytesOf(missing),
          all.filter((byte) => !bytesOf(ranges).includes(byte)),
        );
        assert(missing.every(({ begin, end }) => end - begin <= chunkBytes));
        const [first] = missing;
        assert.equal(frontier(ranges), first?.begin ?? FILE);
      }),
    );
  });
});
