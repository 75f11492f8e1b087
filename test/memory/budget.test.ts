import assert from "node:assert/strict";
import fc from "fast-check";
import { GiB } from "../../api/bytes.ts";
import { adaptiveFraction, type BudgetInput, describeBudget, resolveBudget } from "../../memory/budget.ts";

// docs/background/llmkube.md, "Conformance vectors": those of budgets, and what they leave open.
describe("resolveBudget", () => {
  const resolved: ReadonlyArray<readonly [name: string, input: BudgetInput, bytes: number, source: string]> = [
    [
      "budget beats fraction and flag",
      { memoryBudget: "24Gi", memoryFraction: 0.8, agentFraction: 0.67, hostMemoryBytes: 64 * GiB },
      25769803776,
      "crd-budget",
    ],
    [
      "an invalid fraction beside a budget is never looked at",
      { memoryBudget: "24Gi", memoryFraction: 7, hostMemoryBytes: 64 * GiB },
      25769803776,
      "crd-budget",
    ],
    ["a budget needs no host memory", { memoryBudget: "1Gi" }, 1073741824, "crd-budget"],
    ["a plain number is bytes", { memoryBudget: "24", hostMemoryBytes: GiB }, 24, "crd-budget"],
    ["a milli-byte is rounded up to one", { memoryBudget: "100m", hostMemoryBytes: GiB }, 1, "crd-budget"],
    [
      "fraction beats flag",
      { memoryFraction: 0.9, agentFraction: 0.67, hostMemoryBytes: 10 * GiB },
      9 * GiB,
      "crd-fraction",
    ],
    ["fraction 1 is allowed", { memoryFraction: 1, hostMemoryBytes: GiB }, GiB, "crd-fraction"],
    [
      "flag where the resource says nothing",
      { agentFraction: 0.75, hostMemoryBytes: 48 * GiB },
      38654705664,
      "agent-flag",
    ],
    ["adaptive default at 16 GiB", { hostMemoryBytes: 16 * GiB }, Math.trunc(16 * GiB * 0.67), "adaptive-default"],
    ["adaptive default at 36 GiB", { hostMemoryBytes: 36 * GiB }, Math.trunc(36 * GiB * 0.67), "adaptive-default"],
    ["adaptive default at 64 GiB", { hostMemoryBytes: 64 * GiB }, 48 * GiB, "adaptive-default"],
    ["capped at physical memory", { memoryBudget: "64Gi", hostMemoryBytes: 16 * GiB }, 16 * GiB, "crd-budget"],
    [
      "capped at the Metal working set",
      { memoryFraction: 0.9, hostMemoryBytes: 16 * GiB, workingSetBytes: 11 * GiB },
      11 * GiB,
      "crd-fraction",
    ],
  ];
  for (const [name, input, bytes, source] of resolved) {
    it(name, () => {
      const budget = resolveBudget(input);
      assert.ok(budget.ok, JSON.stringify(budget));
      assert.equal(budget.value.bytes, bytes);
      assert.equal(budget.value.source, source);
    });
  }

  const refused: ReadonlyArray<readonly [name: string, input: BudgetInput, message: RegExp]> = [
    [
      "no quantity",
      { memoryBudget: "not-a-quantity" },
      /^memoryBudget "not-a-quantity" is not a quantity of bytes; .*for example 24Gi$/,
    ],
    ["negative", { memoryBudget: "-8Gi" }, /^memoryBudget "-8Gi" must be above 0, for example 24Gi$/],
    ["zero", { memoryBudget: "0" }, /^memoryBudget "0" must be above 0/],
    ["empty", { memoryBudget: "" }, /^memoryBudget "" is not a quantity/],
    ["beyond 64 bits", { memoryBudget: "1e400" }, /^memoryBudget "1e400" is more than 2\^63-1 bytes/],
    ...[0, -0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY].flatMap((value) => [
      [
        `fraction ${value}`,
        { memoryFraction: value, hostMemoryBytes: GiB },
        /^memoryFraction \S+ must be above 0 and at most 1, for example 0\.75$/,
      ] as const,
      [
        `flag ${value}`,
        { agentFraction: value, hostMemoryBytes: GiB },
        /^--memory-fraction \S+ must be above 0 and at most 1/,
      ] as const,
    ]),
    ["fraction without known memory", { memoryFraction: 0.5 }, /is a fraction of the node's memory, which is unknown/],
    ["default without known memory", {}, /is a fraction of the node's memory, which is unknown/],
    ["memory read as 0", { hostMemoryBytes: 0 }, /is a fraction of the node's memory, which is unknown/],
  ];
  for (const [name, input, message] of refused) {
    it(`refuses: ${name}`, () => {
      const budget = resolveBudget(input);
      assert.ok(!budget.ok, JSON.stringify(budget));
      assert.match(budget.error, message);
    });
  }

  it("is never above what the node can give, and never below a byte", () => {
    const host = fc.integer({ min: 2 ** 20, max: 2 ** 50 });
    const fraction = fc.double({ min: 1e-6, max: 1, noNaN: true });
    fc.assert(
      fc.property(host, fraction, host, (hostMemoryBytes, memoryFraction, workingSetBytes) => {
        const budget = resolveBudget({ memoryFraction, hostMemoryBytes, workingSetBytes });
        assert.ok(budget.ok);
        assert.ok(budget.value.bytes <= Math.min(hostMemoryBytes, workingSetBytes) && budget.value.bytes >= 1);
      }),
    );
  });
});

describe("adaptiveFraction", () => {
  for (const [gib, fraction] of [
    [8, 0.67],
    [16, 0.67],
    [36, 0.67],
    [64, 0.75],
    [512, 0.75],
  ] as const) {
    it(`${gib} GiB: ${fraction}`, () => assert.equal(adaptiveFraction(gib * GiB), fraction));
  }
});

describe("describeBudget", () => {
  const shown: ReadonlyArray<readonly [input: BudgetInput, text: string]> = [
    [{ memoryBudget: "24Gi" }, "budget 24.0 GiB (absolute from CRD)"],
    [{ memoryFraction: 0.67, hostMemoryBytes: 16 * GiB }, "budget 10.7 GiB (16.0 GiB total * 67%)"],
    [{ memoryFraction: 0.125, hostMemoryBytes: 16 * GiB }, "budget 2.0 GiB (16.0 GiB total * 12.5%)"],
    [
      { memoryBudget: "64Gi", hostMemoryBytes: 16 * GiB },
      "budget 16.0 GiB (absolute from CRD), capped from 64.0 GiB by the node's physical memory",
    ],
  ];
  for (const [input, text] of shown) {
    it(text, () => {
      const budget = resolveBudget(input);
      assert.ok(budget.ok);
      assert.equal(describeBudget(budget.value), text);
    });
  }
});
