import assert from "node:assert/strict";
import { formatAgo } from "../../api/duration.ts";

describe("how long ago something was", () => {
  const cases: readonly (readonly [milliseconds: number, text: string])[] = [
    [-5000, "0s ago"],
    [0, "0s ago"],
    [999, "0s ago"],
    [1000, "1s ago"],
    [59_999, "59s ago"],
    [60_000, "1m ago"],
    [3_599_999, "59m ago"],
    [3_600_000, "1h ago"],
    [86_399_999, "23h ago"],
    [86_400_000, "1d ago"],
    [400 * 86_400_000, "400d ago"],
  ];
  for (const [milliseconds, text] of cases) {
    it(`${milliseconds} ms is ${text}`, () => assert.equal(formatAgo(milliseconds), text));
  }
});
