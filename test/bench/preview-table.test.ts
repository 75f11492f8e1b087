import assert from "node:assert/strict";
import { type Measured, markdown, median, parseSizes, tableOf } from "../../bench/preview/table.ts";

const one: Measured = {
  models: 1,
  seconds: { none: 2, empty: 3, "empty of the kinds": 3, ours: 3.25 },
  cpuSeconds: { none: 0, empty: 1, "empty of the kinds": 1, ours: 1.25 },
};
const hundred: Measured = {
  models: 101,
  seconds: { none: 4, empty: 5, "empty of the kinds": 6, ours: 5.5 },
  cpuSeconds: { none: 0, empty: 2, "empty of the kinds": 2, ours: 2.5 },
};
const many: Measured = {
  models: 501,
  seconds: { none: 10, empty: 12, "empty of the kinds": 20, ours: 15 },
  cpuSeconds: { none: 0, empty: 4, "empty of the kinds": 5, ours: 7 },
};

describe("the table of bench:preview", () => {
  it("takes the difference at the least number of models for the start", () => {
    assert.equal(tableOf([one, hundred, many]).startDifferenceMs, 250);
  });

  it("gives the cost a model above the empty pack without the start, and what each more costs", () => {
    const [first, second, third] = tableOf([one, hundred, many]).rows;
    assert.deepEqual([first?.aboveEmptyMsAModel, first?.aboveEmptyMsEachMore], [undefined, undefined]);
    assert.deepEqual([second?.aboveEmptyMsAModel, second?.aboveEmptyMsEachMore], [2.5, 2.5]);
    assert.deepEqual([third?.aboveEmptyMsAModel, third?.aboveEmptyMsEachMore], [5.5, 6.25]);
  });

  it("gives the overhead above no pack, and ratios of whole previews", () => {
    const row = tableOf([one, hundred, many]).rows.at(-1);
    assert.equal(row?.overheadSeconds, 5);
    assert.deepEqual(row?.ratio, { none: 1.5, empty: 1.25, "empty of the kinds": 0.75 });
  });

  it("has one row for one number of models, and none for nothing", () => {
    assert.equal(tableOf([many]).rows.length, 1);
    assert.throws(() => tableOf([]), /nothing was measured/);
  });
});

describe("the median", () => {
  for (const [values, expected] of [
    [[3, 1, 2], 2],
    [[4, 1], 2.5],
    [[7], 7],
    [[], Number.NaN],
  ] as const) {
    it(`of ${JSON.stringify(values)} is ${expected}`, () => assert.equal(median(values), expected));
  }
});

describe("--models", () => {
  for (const [text, expected] of [
    ["1,100,500", [1, 100, 500]],
    ["500, 1,1", [1, 500]],
    ["", undefined],
    ["1,,2", undefined],
    ["0", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["10001", undefined],
    ["many", undefined],
  ] as const) {
    it(`takes ${JSON.stringify(text)} for ${JSON.stringify(expected)}`, () =>
      assert.deepEqual(parseSizes(text), expected));
  }
});

it("writes a table as Markdown", () => {
  assert.equal(markdown(["a", "b"], [["1", "2"]]), "| a | b |\n| --- | --- |\n| 1 | 2 |");
});
