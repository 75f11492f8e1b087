import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bucket, filled, fullBucket, taken, waitMs } from "../../../agent/gateway/rate.ts";

/** 6000 tokens a minute are one in 10 ms. */
const PER_MINUTE = 6000;

interface Case {
  readonly what: string;
  readonly bucket: Bucket;
  readonly now: number;
  readonly level: number;
  readonly waitMs: number;
}

const CASES: readonly Case[] = [
  { what: "a full one", bucket: fullBucket(PER_MINUTE, 5), now: 5, level: 6000, waitMs: 0 },
  { what: "a full one that gets no fuller", bucket: fullBucket(PER_MINUTE, 0), now: 1e9, level: 6000, waitMs: 0 },
  { what: "one that fills", bucket: { level: 100, at: 0 }, now: 1000, level: 200, waitMs: 0 },
  { what: "one that has a bit left", bucket: { level: 0.5, at: 0 }, now: 0, level: 0.5, waitMs: 0 },
  { what: "an empty one", bucket: { level: 0, at: 0 }, now: 0, level: 0, waitMs: 1 },
  { what: "one in debt", bucket: { level: -50, at: 0 }, now: 0, level: -50, waitMs: 501 },
  { what: "one whose debt is half paid", bucket: { level: -50, at: 0 }, now: 250, level: -25, waitMs: 251 },
  { what: "one whose debt was just paid", bucket: { level: -50, at: 0 }, now: 501, level: 0.1, waitMs: 0 },
  { what: "one seen by a clock that went back", bucket: { level: 7, at: 900 }, now: 100, level: 7, waitMs: 0 },
  { what: "one that a lower rate leaves less of", bucket: { level: 9000, at: 0 }, now: 0, level: 6000, waitMs: 0 },
];

describe("the rate of tokens", () => {
  for (const { what, bucket, now, level, waitMs: expected } of CASES) {
    it(`tells what is in ${what}`, () => {
      assert.ok(Math.abs(filled(bucket, PER_MINUTE, now).level - level) < 1e-6);
      assert.equal(waitMs(bucket, PER_MINUTE, now), expected);
    });
  }

  it("goes into debt by what a request took, and not by what no request takes", () => {
    const bucket = fullBucket(PER_MINUTE, 0);
    assert.deepEqual(taken(bucket, PER_MINUTE, 8000, 0), { level: -2000, at: 0 });
    assert.deepEqual(taken(bucket, PER_MINUTE, -5, 0), bucket);
    assert.equal(taken(bucket, PER_MINUTE, Number.POSITIVE_INFINITY, 0).level, 6000 - 10_000_000);
  });

  it("lets in after the wait that it says, and not a millisecond before", () => {
    const rates = fc.integer({ min: 1, max: 1_000_000 });
    const debts = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(rates, debts, (perMinute, debt) => {
        const bucket = { level: -debt, at: 0 };
        const wait = waitMs(bucket, perMinute, 0);
        assert.equal(waitMs(bucket, perMinute, wait), 0);
        assert.ok(waitMs(bucket, perMinute, wait - 1) > 0);
      }),
    );
  });
});
