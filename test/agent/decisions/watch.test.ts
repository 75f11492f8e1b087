import assert from "node:assert/strict";
import {
  dueNow,
  type Holding,
  NO_WATCH,
  nextDueAt,
  type Signal,
  type Watch,
  type Watched,
  watchRound,
} from "../../../agent/decisions/watch.ts";
import type { GroupSample } from "../../../agent/host/group-meter.ts";

const MIB = 2 ** 20;
const PIDS: Readonly<Record<string, number>> = { a: 11, b: 12, c: 13 };

function watched(key: string, part: Partial<Watched> = {}): Watched {
  const budget = { bytes: 1000 * MIB, source: "crd-budget" } as const;
  const order = { priority: 2, protected: false, startedAt: 0, leaving: false };
  return { key, pid: PIDS[key] ?? 1, budget, hardLimitBytes: 1032 * MIB, ...order, ...part };
}

/** One round: milliseconds since the one before, and what was measured, in MiB. */
type Round = readonly [laterMs: number, measured: Readonly<Record<string, number | null | "gone">>];

/** The signals of each round, as `KEY SIGNAL`, and what is known in the end. */
function run(holding: Holding, rounds: readonly Round[]) {
  let watch: Watch = NO_WATCH;
  let now = 0;
  const signals: (readonly string[])[] = [];
  for (const [laterMs, measured] of rounds) {
    now += laterMs;
    const samples = new Map<string, GroupSample>(
      Object.entries(measured).map(([key, amount]) => [key, typeof amount === "number" ? amount * MIB : amount]),
    );
    const next = watchRound(watch, holding, samples, now);
    watch = next.watch;
    signals.push(next.signals.map(({ key, signal }: Signal) => `${key} ${signal}`));
  }
  return { watch, signals };
}

const alone: Holding = { processes: [watched("a")], shareBytes: 1500 * MIB };

describe("a round of the watchdog, for one process", () => {
  const cases: readonly (readonly [what: string, rounds: readonly Round[], signals: readonly (readonly string[])[]])[] =
    [
      [
        "leaves what is within its budget",
        [
          [0, { a: 900 }],
          [1000, { a: 1000 }],
        ],
        [[], []],
      ],
      [
        "leaves what was over it once",
        [
          [0, { a: 1001 }],
          [500, { a: 999 }],
          [1000, { a: 1001 }],
        ],
        [[], [], []],
      ],
      [
        "stops it after two samples over",
        [
          [0, { a: 1001 }],
          [500, { a: 1001 }],
        ],
        [[], ["a SIGTERM"]],
      ],
      [
        "learns nothing from a sample that failed",
        [
          [0, { a: 1001 }],
          [500, { a: null }],
          [500, { a: 1001 }],
        ],
        [[], [], ["a SIGTERM"]],
      ],
      [
        "gives it a second to end while it is below its hard limit",
        [
          [0, { a: 1001 }],
          [500, { a: 1001 }],
          [500, { a: 1001 }],
          [500, { a: 1001 }],
          [500, { a: 1001 }],
        ],
        [[], ["a SIGTERM"], [], ["a SIGKILL"], []],
      ],
      [
        "kills it at the next sample above its hard limit",
        [
          [0, { a: 1100 }],
          [250, { a: 1200 }],
          [250, { a: 1300 }],
        ],
        [[], ["a SIGTERM"], ["a SIGKILL"]],
      ],
      [
        "kills it after a second also if it cannot be measured any more",
        [
          [0, { a: 1001 }],
          [500, { a: 1001 }],
          [1000, { a: null }],
        ],
        [[], ["a SIGTERM"], ["a SIGKILL"]],
      ],
      [
        "signals nobody once it is gone",
        [
          [0, { a: 1001 }],
          [500, { a: 1001 }],
          [1000, { a: "gone" }],
        ],
        [[], ["a SIGTERM"], []],
      ],
    ];
  for (const [what, rounds, signals] of cases) {
    it(what, () => assert.deepEqual(run(alone, rounds).signals, signals));
  }

  it("says what was measured, what was allowed and what would do", () => {
    const { watch } = run(alone, [
      [0, { a: 1100 }],
      [250, { a: 1200 }],
    ]);
    const stop = watch.sightings.get("a")?.stop;
    assert.equal(stop?.reason, "BudgetExceeded");
    assert.match(stop?.message ?? "", /^measured 1\.1 GiB, budget 1000\.0 MiB .*raise memoryBudget to at least 1200Mi/);
  });

  it("knows nothing of an earlier process with the same key", () => {
    const { watch } = run(alone, [[0, { a: 1100 }]]);
    const restarted: Holding = { ...alone, processes: [watched("a", { pid: 99 })] };
    const next = watchRound(watch, restarted, new Map([["a", 1100 * MIB]]), 250);
    assert.deepEqual(next.signals, []);
    assert.equal(next.watch.sightings.get("a")?.footprint.over, 1);
  });

  it("judges by the budget in force: a raised one ends the counting", () => {
    const { watch } = run(alone, [[0, { a: 1100 }]]);
    const raised: Holding = {
      ...alone,
      processes: [watched("a", { budget: { bytes: 2000 * MIB, source: "crd-budget" }, hardLimitBytes: 2040 * MIB })],
    };
    assert.deepEqual(watchRound(watch, raised, new Map([["a", 1100 * MIB]]), 250).signals, []);
  });
});

describe("a round of the watchdog, for all processes together", () => {
  const two = (part: Partial<Watched> = {}, shareBytes = 1200 * MIB): Holding => ({
    processes: [watched("a", part), watched("b", { priority: 3 })],
    shareBytes,
  });
  const over: Round[] = [
    [0, { a: 700, b: 600 }],
    [1000, { a: 700, b: 600 }],
  ];
  const cases: readonly (readonly [
    what: string,
    holding: Holding,
    rounds: readonly Round[],
    last: readonly string[],
  ])[] = [
    ["leaves what fits", two({}, 1300 * MIB), over, []],
    ["evicts the lowest priority after two looks above the share", two(), over, ["a SIGTERM"]],
    ["evicts one at a time", two(), [...over, [500, { a: 700, b: 600 }]], []],
    ["kills it after a second", two(), [...over, [1000, { a: 700, b: 600 }]], ["a SIGKILL"]],
    [
      "does not count two looks that are close together",
      two(),
      [
        [0, { a: 700, b: 600 }],
        [100, { a: 700 }],
      ],
      [],
    ],
    ["evicts nobody while another one stops anyway", two({ leaving: true }), over, []],
    ["spares a protected one while there is another", two({ protected: true }), over, ["b SIGTERM"]],
    [
      "evicts a protected one where all are: the share is a promise to the rest of the machine",
      {
        processes: [watched("a", { protected: true }), watched("b", { protected: true, priority: 3 })],
        shareBytes: 1200 * MIB,
      },
      over,
      ["a SIGTERM"],
    ],
    [
      "evicts even the only one",
      { processes: [watched("a")], shareBytes: 600 * MIB },
      [
        [0, { a: 700 }],
        [1000, { a: 700 }],
      ],
      ["a SIGTERM"],
    ],
    [
      "counts what it could measure before, while a sample fails",
      two(),
      [
        [0, { a: 700, b: 600 }],
        [1000, { a: 700, b: null }],
      ],
      ["a SIGTERM"],
    ],
    [
      "does not count what is gone",
      two(),
      [
        [0, { a: 700, b: 600 }],
        [1000, { a: 700, b: "gone" }],
      ],
      [],
    ],
  ];
  for (const [what, holding, rounds, last] of cases) {
    it(what, () => assert.deepEqual(run(holding, rounds).signals.at(-1), last));
  }

  it("says why", () => {
    const stop = run(two(), over).watch.sightings.get("a")?.stop;
    assert.equal(stop?.reason, "Evicted");
    assert.equal(stop?.message, "evicted to free 700.0 MiB: all models together hold 1.2 GiB, and may use 1.1 GiB");
  });
});

describe("when the watchdog takes its samples", () => {
  it("at once of a process that is new, then by how close it is to its budget", () => {
    const holding: Holding = { processes: [watched("a"), watched("b")], shareBytes: 4000 * MIB };
    assert.deepEqual(dueNow(NO_WATCH, holding, 0), ["a", "b"]);
    const { watch } = run(holding, [[0, { a: 100, b: 1100 }]]);
    assert.deepEqual(dueNow(watch, holding, 249), []);
    assert.deepEqual(dueNow(watch, holding, 250), ["b"]);
    assert.equal(nextDueAt(watch, holding), 250);
    assert.deepEqual(dueNow(watch, holding, 1000), ["a", "b"]);
  });

  for (const [sampledAt, due] of [
    [5000, 6000],
    [5001, 6000],
    [5750, 6000],
    [5751, 6501],
    [5999, 6749],
  ] as const) {
    it(`far from the budget all together, when a second of the clock ends: ${sampledAt}, then ${due}`, () => {
      const { watch } = run(alone, [[sampledAt, { a: 100 }]]);
      assert.equal(nextDueAt(watch, alone), due);
    });
  }

  it("of twenty processes that began at any time in one round a second", () => {
    const keys = Array.from({ length: 20 }, (_, index) => `p${index}`);
    const holding: Holding = { processes: keys.map((key) => watched(key)), shareBytes: 1e6 * MIB };
    let watch = NO_WATCH;
    for (const [index, key] of keys.entries()) {
      watch = watchRound(watch, holding, new Map([[key, 100 * MIB]]), index * 61).watch;
    }
    let rounds = 0;
    for (let now = nextDueAt(watch, holding); now < 12_000; now = nextDueAt(watch, holding)) {
      const due = dueNow(watch, holding, now);
      if (now >= 3000) assert.deepEqual([due.length, now % 1000], [20, 0]);
      if (now >= 3000) rounds += 1;
      watch = watchRound(watch, holding, new Map(due.map((key) => [key, 100 * MIB])), now).watch;
    }
    assert.equal(rounds, 9);
  });

  it("never of a group that is gone", () => {
    const { watch } = run(alone, [[0, { a: "gone" }]]);
    assert.deepEqual(dueNow(watch, alone, 1e9), []);
    assert.equal(nextDueAt(watch, alone), Number.POSITIVE_INFINITY);
  });
});
