import assert from "node:assert/strict";
import { nodeNameProblem } from "../../api/node-name.ts";

describe("the name of a Node", () => {
  const names: readonly [name: string, fits: boolean][] = [
    ["mac-1", true],
    ["studio.lab.example", true],
    ["1", true],
    ["a".repeat(63), true],
    ["a".repeat(64), false],
    ["", false],
    ["Mac-1", false],
    ["mac_1", false],
    ["-mac", false],
    ["mac-", false],
    ["mac..1", false],
    ["mac/1", false],
    ["mac-1\n", false],
  ];
  for (const [name, fits] of names) {
    it(`${fits ? "takes" : "refuses"} the name ${JSON.stringify(name)}`, () => {
      const problem = nodeNameProblem(name);
      if (fits) assert.equal(problem, undefined);
      else assert.match(problem ?? "", /is no name of a Node: it has lower-case letters/);
    });
  }
});
