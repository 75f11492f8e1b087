import assert from "node:assert/strict";
import { NO_SAMPLES, withSample } from "../../../agent/decisions/footprint.ts";
import { canHaveReached, peakMessage, withPeak } from "../../../agent/decisions/peak.ts";
import { type Holding, NO_WATCH, watchRound } from "../../../agent/decisions/watch.ts";

const MIB = 2 ** 20;
const BUDGET = { bytes: 1000 * MIB, source: "crd-budget" } as const;

/** One look: what was measured, and the peak, both in MiB. */
type Look = readonly [measured: number, peak: number | undefined];

describe("the peak of a process between two samples", () => {
  const cases: readonly (readonly [what: string, looks: readonly Look[], overMib: number | undefined])[] = [
    [
      "stays within the budget",
      [
        [500, 500],
        [600, 900],
      ],
      undefined,
    ],
    [
      "passes the budget and is over",
      [
        [500, 500],
        [600, 1200],
      ],
      1200,
    ],
    [
      "passes the budget and lasts",
      [
        [500, 500],
        [1100, 1200],
      ],
      1200,
    ],
    [
      "was passed before the last sample but one",
      [
        [500, 500],
        [600, 1200],
        [600, 1200],
      ],
      undefined,
    ],
    [
      "is passed anew",
      [
        [500, 500],
        [600, 1200],
        [600, 1300],
      ],
      1300,
    ],
    ["may be older than its budget at the first look", [[500, 1200]], undefined],
    [
      "is at its budget",
      [
        [500, 500],
        [600, 1000],
      ],
      undefined,
    ],
    [
      "is not told by the system",
      [
        [500, undefined],
        [1100, undefined],
      ],
      undefined,
    ],
  ];
  for (const [what, looks, overMib] of cases) {
    it(`${what}: ${overMib === undefined ? "proves nothing" : `${overMib} MiB`}`, () => {
      let history = NO_SAMPLES;
      for (const [index, [measured, peak]] of looks.entries()) {
        const next = withSample(history, measured * MIB, BUDGET.bytes, index * 1000);
        history = withPeak(history, next, peak === undefined ? undefined : peak * MIB, BUDGET.bytes);
      }
      assert.equal(history.peakOverBytes, overMib === undefined ? undefined : overMib * MIB);
    });
  }

  it("is kept where the next sample fails", () => {
    const holding: Holding = { processes: [], shareBytes: 0 };
    const one = { key: "a", pid: 11, budget: BUDGET, hardLimitBytes: 1032 * MIB, priority: 2, protected: false };
    const held = { ...holding, processes: [{ ...one, startedAt: 0, leaving: false }], shareBytes: 1500 * MIB };
    let watch = NO_WATCH;
    const peakOver: (number | undefined)[] = [];
    for (const [index, [sample, peak]] of [
      [500, 500],
      [600, 1200],
      [null, 1200],
      [600, 1200],
    ].entries()) {
      const samples = new Map([["a", typeof sample === "number" ? sample * MIB : null]]);
      const round = watchRound(watch, held, samples, index * 1000, new Map([["a", (peak ?? 0) * MIB]]));
      assert.deepEqual(round.signals, [], "a peak alone stops nothing");
      watch = round.watch;
      peakOver.push(watch.sightings.get("a")?.footprint.peakOverBytes);
    }
    assert.deepEqual(peakOver, [undefined, 1200 * MIB, 1200 * MIB, undefined]);
  });
});

describe("why a process has died that was over its budget between two samples", () => {
  const over = { ...NO_SAMPLES, peakOverBytes: 1200 * MIB };
  const cases = [
    ["it was killed", over, { code: null, signal: "SIGKILL" }, true],
    ["it gave up, as where memory cannot be allocated", over, { code: null, signal: "SIGABRT" }, true],
    ["it could not reach its memory", over, { code: null, signal: "SIGBUS" }, true],
    ["it was adopted, and how it ended is not known", over, { code: null, signal: null }, true],
    ["it crashed in another way", over, { code: null, signal: "SIGSEGV" }, false],
    ["somebody asked it to end", over, { code: null, signal: "SIGTERM" }, false],
    ["it exited by itself", over, { code: 1, signal: null }, false],
    ["it was killed within its budget", NO_SAMPLES, { code: null, signal: "SIGKILL" }, false],
  ] as const;
  for (const [what, history, exit, isBreach] of cases) {
    it(`${what}: ${isBreach ? "its budget" : "another reason"}`, () => {
      const message = peakMessage(history, exit, BUDGET);
      assert.equal(message !== undefined, isBreach);
      if (message !== undefined)
        assert.match(message, /held 1\.1 GiB between two samples, above the budget 1000\.0 MiB/);
    });
  }
});

describe("whether a process can have reached its limit since it was last measured", () => {
  const GIB = 1024 * MIB;
  const NOW = 100_000;
  const cases: readonly (readonly [
    what: string,
    measured: number | null | undefined,
    agoMs: number,
    limit: number,
    can: boolean,
  ])[] = [
    ["a small model that doubles within a second", 300 * MIB, 1000, GIB, true],
    ["a large one that was near", 40 * GIB, 1000, 48 * GIB, true],
    ["a large one that was far from it, a second ago", 10 * GIB, 1000, 48 * GIB, false],
    ["the same, a moment ago", 30 * GIB, 250, 48 * GIB, false],
    ["the same, while nobody looked for long", 10 * GIB, 3000, 48 * GIB, true],
    ["a large one that was never measured", undefined, 0, 48 * GIB, true],
    ["a large one whose last sample failed", null, 250, 48 * GIB, true],
    ["exactly as far as memory can be filled", 32 * GIB, 1000, 48 * GIB, true],
  ];
  for (const [what, measured, agoMs, limit, can] of cases) {
    it(`${what}: ${can ? "it can" : "it cannot"}`, () => {
      const first = measured === null ? withSample(NO_SAMPLES, 10 * GIB, limit, NOW - 2000) : NO_SAMPLES;
      const history = measured === undefined ? first : withSample(first, measured, limit, NOW - agoMs);
      assert.equal(canHaveReached(history, limit, NOW), can);
    });
  }

  it("a large one that was measured while the kernel took its memory away: it can", () => {
    const grown = withSample(NO_SAMPLES, 40 * GIB, 48 * GIB, NOW - 1000);
    assert.equal(canHaveReached(withSample(grown, GIB, 48 * GIB, NOW), 48 * GIB, NOW), true);
  });
});
