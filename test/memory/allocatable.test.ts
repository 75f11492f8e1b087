import assert from "node:assert/strict";
import fc from "fast-check";
import {
  describeAllocatable,
  exceedsAllocatable,
  type HostMemory,
  MACOS_RESERVE_BYTES,
  resolveAllocatable,
} from "../../memory/allocatable.ts";
import { resolveBudget } from "../../memory/budget.ts";
import { parseReserve } from "../../memory/reserve.ts";

const GiB = 2 ** 30;
const mac = (gib: number, more: Partial<HostMemory> = {}): HostMemory => ({
  backend: "metal",
  physicalMemoryBytes: gib * GiB,
  ...more,
});
const NOTHING_LEFT =
  /^this Mac has 4\.0 GiB of memory, and 4\.0 GiB kept for macOS \(--reserve\) leaves nothing: no model can run here; give a smaller --reserve, of at least 1\.0 GiB$/;
const linux = (gib: number, more: Partial<HostMemory> = {}): HostMemory => ({ ...mac(gib, more), backend: "cpu" });

describe("what all models of a machine together may use", () => {
  const cases: readonly (readonly [what: string, host: HostMemory, text: string])[] = [
    ["a Mac with 8 GiB", mac(8), "4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve))"],
    ["a Mac with 8 GiB and a small fraction", mac(8, { agentFraction: 0.25 }), "2.0 GiB (8.0 GiB * 25%)"],
    [
      "a Mac with 8 GiB and a large one",
      mac(8, { agentFraction: 0.9 }),
      "4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve))",
    ],
    ["a Mac with 16 GiB", mac(16), "10.7 GiB (16.0 GiB * 67%)"],
    [
      "a Mac with 16 GiB and all of it",
      mac(16, { agentFraction: 1 }),
      "12.0 GiB (16.0 GiB less 4.0 GiB kept for macOS (--reserve))",
    ],
    ["a Mac with 64 GiB", mac(64), "48.0 GiB (64.0 GiB * 75%)"],
    ["a working set below the fraction", mac(16, { workingSetBytes: 9 * GiB }), "9.0 GiB (the Metal working set)"],
    [
      "a working set above RAM less 4 GiB",
      mac(8, { workingSetBytes: 5 * GiB }),
      "4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve))",
    ],
    ["a part of a Mac is not reduced again", mac(64, { hostMemoryBytes: 8 * GiB }), "5.3 GiB (8.0 GiB * 67%)"],
    [
      "a part that is nearly all",
      mac(8, { hostMemoryBytes: 7 * GiB }),
      "4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve))",
    ],
    [
      "more than there is",
      mac(8, { hostMemoryBytes: 64 * GiB }),
      "4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve))",
    ],
    ["a virtual Mac with 7 GiB", mac(7), "3.0 GiB (7.0 GiB less 4.0 GiB kept for macOS (--reserve))"],
    [
      "Linux with 2 GiB counted on",
      linux(16, { hostMemoryBytes: 2 * GiB, agentFraction: 0.5 }),
      "1.0 GiB (2.0 GiB * 50%)",
    ],
    ["a Mac with 8 GiB and a smaller reserve", mac(8, { reserveBytes: 2 * GiB }), "5.3 GiB (8.0 GiB * 67%)"],
    [
      "a Mac with 16 GiB and a larger one",
      mac(16, { reserveBytes: 10 * GiB }),
      "6.0 GiB (16.0 GiB less 10.0 GiB kept for macOS (--reserve))",
    ],
    [
      "a reserve below the working set of a part",
      mac(32, { hostMemoryBytes: 16 * GiB, reserveBytes: 8 * GiB }),
      "10.7 GiB (16.0 GiB * 67%)",
    ],
    [
      "Linux with a reserve",
      linux(16, { reserveBytes: 12 * GiB }),
      "4.0 GiB (16.0 GiB less 12.0 GiB kept for the system (--reserve))",
    ],
    ["a container with 2 GiB", linux(2), "1.3 GiB (2.0 GiB * 67%)"],
  ];
  for (const [what, host, text] of cases) {
    it(`${what}: ${text}`, () => {
      const allocatable = resolveAllocatable(host);
      assert.ok(allocatable.ok, JSON.stringify(allocatable));
      assert.equal(describeAllocatable(allocatable.value), text);
    });
  }

  const refused: readonly (readonly [what: string, host: HostMemory, error: RegExp])[] = [
    ["a Mac with 4 GiB", mac(4), NOTHING_LEFT],
    [
      "a reserve of the whole Mac",
      mac(16, { reserveBytes: 16 * GiB }),
      /^this Mac has 16\.0 GiB of memory, and 16\.0 GiB kept for macOS \(--reserve\) leaves nothing: .* smaller --reserve/,
    ],
    [
      "a reserve above the memory of a machine",
      linux(2, { reserveBytes: 3 * GiB }),
      /^this machine has 2\.0 GiB of memory, and 3\.0 GiB kept for the system \(--reserve\) leaves nothing: /,
    ],
    ["a fraction above 1", mac(16, { agentFraction: 1.5 }), /^--memory-fraction 1\.5 must be above 0/],
    ["unknown memory", mac(0), /which is unknown/],
  ];
  for (const [what, host, error] of refused) {
    it(`refuses ${what}`, () => {
      const allocatable = resolveAllocatable(host);
      assert.ok(!allocatable.ok, JSON.stringify(allocatable));
      assert.match(allocatable.error, error);
    });
  }

  it("says in a refusal where the limit comes from", () => {
    const allocatable = resolveAllocatable(mac(8));
    assert.ok(allocatable.ok);
    assert.equal(
      exceedsAllocatable(5 * GiB, allocatable.value),
      "estimated 5.0 GiB required, but all models of the machine together may use 4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve)); lower contextSize or choose a smaller model",
    );
  });

  const reserves: readonly (readonly [text: string, answer: number | RegExp])[] = [
    ["4Gi", 4 * GiB],
    ["1Gi", GiB],
    ["1024Mi", GiB],
    ["4294967296", 4 * GiB],
    ["1023Mi", /^"1023Mi" is too little: the system itself needs at least 1\.0 GiB, for example 4Gi$/],
    ["4", /^"4" is too little/],
    ["0", /^"0" is too little/],
    ["-4Gi", /^"-4Gi" is too little/],
    ["4GB", /^"4GB" is not a quantity/],
    ["", /is not a quantity/],
  ];
  for (const [text, answer] of reserves) {
    it(`--reserve ${JSON.stringify(text)}: ${answer}`, () => {
      const bytes = parseReserve(text);
      if (typeof answer === "number") assert.deepEqual(bytes, { ok: true, value: answer });
      else assert.match(bytes.ok ? "" : bytes.error, answer);
    });
  }

  it("leaves at least 4 GiB to macOS, and is never above the budget of a single model by default", () => {
    const bytes = fc.integer({ min: MACOS_RESERVE_BYTES + 1, max: 2 ** 40 });
    const fraction = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(bytes, bytes, bytes, fraction, (physicalMemoryBytes, claimed, workingSetBytes, agentFraction) => {
        const known = { hostMemoryBytes: claimed, workingSetBytes, agentFraction };
        const allocatable = resolveAllocatable({ backend: "metal", physicalMemoryBytes, ...known });
        const budget = resolveBudget(known);
        assert.ok(allocatable.ok && budget.ok);
        assert.ok(allocatable.value.bytes >= 1);
        assert.ok(physicalMemoryBytes - allocatable.value.bytes >= MACOS_RESERVE_BYTES);
        assert.ok(allocatable.value.bytes <= budget.value.bytes);
      }),
    );
  });
});
