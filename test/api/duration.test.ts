import assert from "node:assert/strict";
import { formatAgo, parseDuration } from "../../api/duration.ts";

const CASES: readonly (readonly [text: string, milliseconds: number | undefined])[] = [
  ["1ms", 1],
  ["90s", 90_000],
  ["10m", 600_000],
  ["24h", 86_400_000],
  ["1h30m", 5_400_000],
  ["1.5h", 5_400_000],
  ["1m30.5s", 90_500],
  ["1m500ms", 60_500],
  ["0s", undefined],
  ["0h0m", undefined],
  ["", undefined],
  ["10", undefined],
  ["m", undefined],
  ["10 m", undefined],
  ["10M", undefined],
  ["-10m", undefined],
  ["+10m", undefined],
  ["10m ", undefined],
  ["1d", undefined],
  [".5h", undefined],
  ["5.h", undefined],
  ["1e3s", undefined],
  ["٣s", undefined],
  ["10m\n", undefined],
  ["1m;1s", undefined],
];

describe("parseDuration", () => {
  for (const [text, milliseconds] of CASES) {
    it(`${JSON.stringify(text)} is ${milliseconds === undefined ? "no duration" : `${milliseconds} ms`}`, () =>
      assert.equal(parseDuration(text), milliseconds));
  }
});
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
