import assert from "node:assert/strict";
import type { FailureKind } from "../../api/result.ts";
import { nextTry } from "../../fetch/next-try.ts";

const HOUR = 3_600_000;
const NEVER = Number.POSITIVE_INFINITY;

describe("the next try after a failure", () => {
  const cases: ReadonlyArray<
    readonly [kind: FailureKind, retryAfterMs: number | undefined, failures: number, wait: number]
  > = [
    ["invalid", undefined, 1, NEVER],
    ["not-found", undefined, 1, NEVER],
    ["unauthorised", undefined, 1, NEVER],
    ["unauthorised", HOUR, 1, NEVER],
    ["unsupported", undefined, 1, NEVER],
    ["throttled", undefined, 1, 10_000],
    ["throttled", undefined, 3, 40_000],
    ["throttled", HOUR, 1, HOUR],
    ["throttled", HOUR, 9, HOUR],
    ["throttled", 0, 1, 10_000],
    ["throttled", 1000, 4, 80_000],
    ["unreachable", undefined, 1, 10_000],
    ["unreachable", undefined, 2, 20_000],
    ["unreachable", undefined, 5, 160_000],
    ["unreachable", undefined, 6, 300_000],
    ["unreachable", undefined, 10_000, 300_000],
    ["unreachable", 400_000, 6, 400_000],
    ["no-space", undefined, 1, 10_000],
    ["no-space", undefined, 6, 60_000],
    ["interrupted", undefined, 1, 10_000],
    ["internal", undefined, 1, 10_000],
  ];
  for (const [kind, retryAfterMs, failures, wait] of cases) {
    const asked = retryAfterMs === undefined ? "" : `, asked to wait ${retryAfterMs} ms`;
    it(`${kind}, failure ${failures} in a row${asked}: ${wait} ms`, () => {
      const failure = { kind, ...(retryAfterMs !== undefined && { retryAfterMs }) };
      assert.equal(
        nextTry(failure, failures, () => 0),
        wait,
      );
    });
  }

  it("is later by up to a fifth, never earlier than the server asked for", () => {
    const failure = { kind: "throttled", retryAfterMs: HOUR } as const;
    assert.equal(
      nextTry(failure, 1, () => 1),
      1.2 * HOUR,
    );
    for (let tries = 0; tries < 100; tries += 1) {
      const wait = nextTry(failure, 1);
      assert(wait >= HOUR && wait <= 1.2 * HOUR);
    }
  });

  it("follows another back-off, and the same table", () => {
    const backOff = { firstMs: 250, longestMs: 2000 };
    const wait = (kind: FailureKind, failures: number) => nextTry({ kind }, failures, () => 0, backOff);
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((failures) => wait("unreachable", failures)),
      [250, 500, 1000, 2000, 2000],
    );
    assert.equal(wait("invalid", 1), NEVER);
  });
});
