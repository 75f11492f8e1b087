import assert from "node:assert/strict";
import { holds } from "../../../controller/write/holds.ts";

describe("whether an object is as it is wanted", () => {
  const cases: readonly (readonly [what: string, wanted: unknown, live: unknown, expected: boolean])[] = [
    ["defaults of the server", { a: 1 }, { a: 1, b: 2 }, true],
    ["a value that was changed", { a: 1 }, { a: 2 }, false],
    ["a field that is gone", { a: { b: 1 } }, {}, false],
    ["an empty object that the server leaves out", { a: {} }, {}, true],
    [
      "named things in another order, and one of somebody else's",
      [{ name: "a", v: 1 }],
      [{ name: "b" }, { name: "a", v: 1 }],
      true,
    ],
    ["a named thing that is missing", [{ name: "a" }], [{ name: "b" }], false],
    ["a named thing that was changed", [{ name: "a", v: 1 }], [{ name: "a", v: 2 }], false],
    ["a list in another order", ["a", "b"], ["b", "a"], false],
    ["a list that is longer", ["a"], ["a", "b"], false],
    ["an empty list", [], [{ name: "a" }], false],
    ["owners by uid", [{ uid: "1", name: "x" }], [{ uid: "2", name: "x" }], false],
    ["what is undefined", { a: undefined }, {}, true],
  ];
  for (const [what, wanted, live, expected] of cases) {
    it(`${what}: ${expected ? "yes" : "no"}`, () => assert.equal(holds(wanted, live), expected));
  }
});
