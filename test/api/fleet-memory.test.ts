import assert from "node:assert/strict";
import fc from "fast-check";
import { formatMemory, type MemoryNumbers, parseMemory } from "../../api/fleet-memory.ts";

const bytes = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const maybe = fc.option(bytes, { nil: undefined });
const numbers: fc.Arbitrary<MemoryNumbers> = fc.record({
  budgetBytes: bytes,
  budgetSource: fc.constantFrom("crd-budget", "crd-fraction", "agent-flag", "adaptive-default"),
  estimateBytes: maybe,
  projectedBytes: maybe,
  measuredBytes: maybe,
});

describe("the sentence with the memory of a replica", () => {
  it("reads for a person", () => {
    assert.equal(
      formatMemory({
        ...{ budgetBytes: 6_442_450_944, budgetSource: "crd-budget" },
        ...{ estimateBytes: 5_368_709_120, projectedBytes: 5_400_000_000, measuredBytes: 5_300_000_000 },
      }),
      "The budget is 6442450944 bytes (crd-budget); estimated 5368709120, projected 5400000000, measured 5300000000 bytes",
    );
    assert.equal(formatMemory({ budgetBytes: 1, budgetSource: "agent-flag" }), "The budget is 1 bytes (agent-flag)");
  });

  it("gives back every number that went in", () => {
    fc.assert(
      fc.property(numbers, (given) => {
        const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
        assert.deepEqual(parseMemory(formatMemory(given)), known);
      }),
    );
  });

  const others = [
    "",
    "The budget is -1 bytes (crd-budget)",
    "The budget is 1 bytes (crd-budget) or so",
    "The budget is 1 bytes (crd-budget); ",
    "The budget is 1 bytes (crd-budget); estimated 1, bytes",
    "The budget is 99999999999999999999 bytes (crd-budget)",
    "The budget is 9007199254740993 bytes (crd-budget)",
  ];
  for (const sentence of others) {
    it(`is not: ${JSON.stringify(sentence)}`, () => assert.equal(parseMemory(sentence), undefined));
  }

  it("is read in no time, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseMemory(text);
        assert.ok(parsed === undefined || Number.isSafeInteger(parsed.budgetBytes));
      }),
    );
  });
});
