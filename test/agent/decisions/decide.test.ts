import assert from "node:assert/strict";
import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../../../agent/decisions/back-off.ts";
import {
  decide,
  isCandidate,
  type Observed,
  START_TIMEOUT_MS,
  UNHEALTHY_CHECKS,
} from "../../../agent/decisions/decide.ts";
import {
  exceededMessage,
  exceeds,
  type FootprintHistory,
  isSampleDue,
  NO_SAMPLES,
  withSample,
} from "../../../agent/decisions/footprint.ts";
import { exitReason } from "../../../agent/llama-server/exit-reason.ts";
import type { Desired } from "../../../agent/workload/desired.ts";
import { aWorkload } from "../samples.ts";

const NOW = 5_000_000;
const run: Desired = { kind: "run", workload: aWorkload({ specHash: "a" }) };
const off: Desired = { kind: "stopped", name: "default/chat", message: "spec.suspend is true" };
const refused: Desired = {
  kind: "refused",
  name: "default/chat",
  state: "Failed",
  reason: "PortConflict",
  message: "port 1 belongs to a",
};
const noModel: Desired = {
  kind: "refused",
  name: "default/chat",
  state: "Pending",
  reason: "ModelNotFound",
  message: "no Model",
};

const unknown: Desired = { kind: "unknown", name: "default/chat", message: "it cannot be read" };
const once: Desired = { kind: "run", workload: aWorkload({ specHash: "a", returnsAfterEviction: false }) };

const GRACE_MS = 10_000;
const started = { specHash: "a", startedAt: NOW - 1000, confirmed: true };
const starting = { ...started, phase: "starting" } as const;
const ready = { ...started, phase: "ready", readyAt: NOW - 500, failedChecks: 0 } as const;
const adopted = { ...ready, confirmed: false };
const stopping = (at: number, killed = false) => {
  const stop = { at, reason: "BudgetExceeded", message: "m", gracePeriodMs: GRACE_MS, killed };
  return { ...started, phase: "stopping", stop } as const;
};
const backOff = { state: "BackOff", reason: "Killed", message: "died", until: NOW + 1500 } as const;
const need = { estimateBytes: 1, estimateParts: { weights: 1 } };
const preparation = { stage: "ready", paths: { model: "/m" }, ...need } as const;
const tooBig = { stage: "refused", reason: "InsufficientMemory", message: "m" } as const;
const starts = { kind: "starts" } as const;
const waits = { kind: "waits", message: "waits for 1 B", queuePosition: 2 } as const;
const never = { kind: "refused", message: "too large for this machine" } as const;
const fits = { specHash: "a", bytes: 1 };

type Case = readonly [
  name: string,
  desired: Desired | undefined,
  observed: Partial<Observed>,
  act: string,
  state: string,
  reason?: string,
];

/** Down: nothing runs. */
const DOWN: readonly Case[] = [
  ["nothing is left of it", undefined, {}, "forget", "Stopped"],
  ["nothing is left of it, as far as can be told", undefined, { synced: false }, "forget", "Stopped"],
  ["went down while not all can be read", undefined, { synced: false, backOff }, "nothing", "BackOff", "Killed"],
  ["suspended", off, {}, "nothing", "Stopped"],
  ["refused", refused, {}, "nothing", "Failed", "PortConflict"],
  ["its Model is not there yet", noModel, {}, "nothing", "Pending", "ModelNotFound"],
  ["its manifest cannot be read", unknown, {}, "nothing", "Pending", "Unreadable"],
  ["header not read yet", run, { preparation: { stage: "reading", message: "" } }, "nothing", "Pending"],
  ["too big", run, { preparation: tooBig }, "nothing", "Failed", "InsufficientMemory"],
  ["downloading", run, { preparation: { stage: "fetching", message: "42%", ...need } }, "nothing", "Downloading"],
  [
    "download failed",
    run,
    { preparation: { stage: "failed", message: "", ...need } },
    "nothing",
    "Failed",
    "DownloadFailed",
  ],
  ["admitted, not asked yet", run, { preparation, verdict: starts }, "ask", "Starting"],
  [
    "admitted, asked for other settings",
    run,
    { preparation, verdict: starts, projection: { specHash: "b", bytes: 1 } },
    "ask",
    "Starting",
  ],
  ["being asked", run, { preparation, projection: { specHash: "a" } }, "nothing", "Starting"],
  ["admitted and asked", run, { preparation, verdict: starts, projection: fits }, "start", "Starting"],
  [
    "admitted, and it did not say",
    run,
    { preparation, verdict: starts, projection: { ...fits, bytes: null } },
    "start",
    "Starting",
  ],
  [
    "projected beyond its budget",
    run,
    { preparation, projection: { ...fits, bytes: 2 ** 40 } },
    "nothing",
    "Failed",
    "InsufficientMemory",
  ],
  ["waits for memory", run, { preparation, verdict: waits }, "nothing", "Waiting", "WaitingForMemory"],
  ["too large for this machine", run, { preparation, verdict: never }, "nothing", "Failed", "InsufficientMemory"],
  ["backs off", run, { preparation, backOff }, "nothing", "BackOff", "Killed"],
  ["stays down", run, { backOff: { ...backOff, state: "Failed", until: Infinity } }, "nothing", "Failed", "Killed"],
  [
    "backed off long enough",
    run,
    { preparation, verdict: waits, backOff: { ...backOff, until: NOW } },
    "nothing",
    "Waiting",
    "WaitingForMemory",
  ],
  [
    "backed off, now too big",
    run,
    { preparation: tooBig, backOff: { ...backOff, until: NOW } },
    "nothing",
    "Failed",
    "InsufficientMemory",
  ],
  ["evicted a moment ago", run, { preparation, verdict: starts, cooldownLeftMs: 5 }, "nothing", "Waiting", "Evicted"],
  [
    "evicted, and the pressure is gone",
    run,
    { preparation, verdict: starts, projection: fits, cooldownLeftMs: 0 },
    "start",
    "Starting",
  ],
  [
    "evicted, and another one takes its place",
    once,
    { preparation, verdict: starts, cooldownLeftMs: 0 },
    "nothing",
    "Failed",
    "Evicted",
  ],
];

/** Up: a process runs. */
const UP: readonly Case[] = [
  ["starting", run, { server: starting }, "nothing", "Starting"],
  [
    "starts for ever",
    run,
    { server: { ...starting, startedAt: NOW - START_TIMEOUT_MS } },
    "stop",
    "Draining",
    "StartTimeout",
  ],
  ["ready", run, { server: ready }, "nothing", "Ready"],
  ["ready, its file is gone", run, { server: ready, preparation: tooBig }, "nothing", "Ready"],
  ["over budget", run, { server: ready, exceeded: "m" }, "stop", "Draining", "BudgetExceeded"],
  ["over budget while starting", run, { server: starting, exceeded: "m" }, "stop", "Draining", "BudgetExceeded"],
  [
    "over budget, and wanted as far as can be told",
    undefined,
    { server: adopted, synced: false, exceeded: "m" },
    "stop",
    "Draining",
    "BudgetExceeded",
  ],
  ["must give way", run, { server: ready, evict: "m" }, "stop", "Draining", "Evicted"],
  ["changed", run, { server: { ...ready, specHash: "b" } }, "stop", "Draining", "SpecChanged"],
  ["silent twice", run, { server: { ...ready, failedChecks: UNHEALTHY_CHECKS - 1 } }, "nothing", "Ready"],
  ["silent too often", run, { server: { ...ready, failedChecks: UNHEALTHY_CHECKS } }, "stop", "Draining", "Unhealthy"],
  ["removed", undefined, { server: ready }, "stop", "Draining", "Removed"],
  [
    "removed, seen before, while something else cannot be read",
    undefined,
    { server: ready, synced: false },
    "stop",
    "Draining",
    "Removed",
  ],
  ["left by an earlier agent, and nobody wants it", undefined, { server: adopted }, "stop", "Draining", "Removed"],
  [
    "left by an earlier agent, while not all can be read",
    undefined,
    { server: adopted, synced: false },
    "nothing",
    "Ready",
  ],
  ["its manifest cannot be read", unknown, { server: ready }, "nothing", "Ready"],
  ["suspended while running", off, { server: ready }, "stop", "Draining", "Stopped"],
  ["refused while running", refused, { server: ready }, "stop", "Draining", "PortConflict"],
  ["stopping", run, { server: stopping(NOW - 1) }, "nothing", "Draining", "BudgetExceeded"],
  ["ignores SIGTERM", run, { server: stopping(NOW - GRACE_MS) }, "kill", "Draining", "BudgetExceeded"],
  [
    "killed already: no second start",
    run,
    { server: stopping(NOW - GRACE_MS, true), preparation, verdict: starts },
    "nothing",
    "Draining",
    "BudgetExceeded",
  ],
];

describe("what to do about one workload", () => {
  for (const [name, desired, observed, act, state, reason] of [...DOWN, ...UP]) {
    it(`${name}: ${act}, ${state}`, () => {
      const decision = decide(desired, { synced: true, ...observed }, NOW);
      assert.deepEqual([decision.act, decision.state, decision.reason], [act, state, reason]);
    });
  }

  it("asks admission about exactly those that only memory can keep from a start", () => {
    const candidates = [...DOWN, ...UP].filter(([, desired, observed]) =>
      isCandidate(desired, { synced: true, ...observed }, NOW),
    );
    assert.deepEqual(
      candidates.map(([name]) => name),
      [
        "admitted, not asked yet",
        "admitted, asked for other settings",
        "admitted and asked",
        "admitted, and it did not say",
        "waits for memory",
        "too large for this machine",
        "backed off long enough",
        "evicted, and the pressure is gone",
      ],
    );
  });
});

describe("the watchdog", () => {
  const cases: readonly (readonly [name: string, samples: readonly (number | null)[], stops: boolean])[] = [
    ["within budget", [99, 100, 100], false],
    ["one sample over", [101], false],
    ["over, within, over", [101, 99, 101], false],
    ["two over", [101, 101], true],
    ["two over with a missing one between", [101, null, 101], true],
    ["two over, and the last missing: unknown kills nothing", [101, 101, null], false],
    ["all missing", [null, null, null], false],
    ["no memory at all", [0, 0], false],
  ];
  for (const [name, samples, stops] of cases) {
    it(`${name}: ${stops ? "stops it" : "leaves it"}`, () => {
      const watch = samples.reduce<FootprintHistory>(
        (before, sample) => withSample(before, sample, 100, NOW),
        NO_SAMPLES,
      );
      assert.equal(exceeds(watch), stops);
      assert.equal(watch.unknown, samples.at(-1) === null);
    });
  }
});

describe("samples", () => {
  it("are a second apart, whatever wakes the supervisor: two of one moment are one answer", () => {
    const watch = withSample(NO_SAMPLES, 101, 100, NOW);
    assert.deepEqual(
      [0, 500, 899, 900, 1000].map((later) => isSampleDue(watch, NOW + later)),
      [false, false, false, true, true],
    );
    assert.equal(isSampleDue(NO_SAMPLES, NOW), true);
    assert.equal(isSampleDue(withSample(NO_SAMPLES, null, 100, NOW), NOW + 1), false);
  });

  it("are told with the budget, its source, and the budget that would do", () => {
    const budget = { bytes: 128 * 2 ** 20, source: "crd-budget" } as const;
    const watch = withSample(NO_SAMPLES, 300.5 * 2 ** 20, budget.bytes, NOW);
    assert.match(
      exceededMessage(watch, budget),
      /^measured 300\.5 MiB, budget 128\.0 MiB \(absolute from CRD\): .*raise memoryBudget to at least 301Mi/,
    );
  });
});

describe("back-off", () => {
  it("stays down after the third breach within an hour, and says so", () => {
    const HOUR = 3_600_000;
    let breaches: readonly number[] = [];
    const breach = (at: number) => {
      breaches = breachesAfter(breaches, at);
      return breachBackOff(breaches, "m", at);
    };
    assert.deepEqual(breach(NOW), { state: "BackOff", reason: "BudgetExceeded", message: "m", until: NOW + 60_000 });
    assert.equal(breach(NOW + 100_000).until, NOW + 100_000 + 120_000);
    const last = breach(NOW + HOUR - 1);
    assert.deepEqual([last.state, last.until], ["Failed", Number.POSITIVE_INFINITY]);
    assert.match(last.message, /^m; the third time within an hour: it stays down until/);
    assert.equal(breach(NOW + 100_000 + HOUR).state, "BackOff");
  });

  it("doubles from a second to five minutes, and for budgets from a minute to an hour", () => {
    const seconds = (kind: "crash" | "budget") =>
      [1, 2, 3, 9, 10, 1000].map((failures) => backOffMs(kind, failures) / 1000);
    assert.deepEqual(seconds("crash"), [1, 2, 4, 256, 300, 300]);
    assert.deepEqual(seconds("budget"), [60, 120, 240, 3600, 3600, 3600]);
  });

  it("begins anew after ten minutes Ready", () => {
    assert.equal(failuresAfter(5, undefined, NOW), 6);
    assert.equal(failuresAfter(5, NOW - 599_999, NOW), 6);
    assert.equal(failuresAfter(5, NOW - 600_000, NOW), 1);
  });
});

describe("why a server ended", () => {
  const cases = [
    [{ code: null, signal: "SIGKILL" }, "", "Killed"],
    [{ code: null, signal: "SIGABRT" }, "boom", "Crashed"],
    [{ code: 1, signal: null }, "last words", "Exited"],
    [{ code: 1, signal: null }, "llama_model_load: error loading model: x", "LoadFailed"],
    [{ code: 1, signal: null }, "error: invalid argument: --x", "BadFlag"],
    [{ code: 1, signal: null }, "couldn't bind HTTP server socket, hostname: 127.0.0.1", "PortInUse"],
    [
      { code: null, signal: "SIGABRT" },
      "error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
      "MetalOutOfMemory",
    ],
  ] as const;
  for (const [exit, log, reason] of cases) {
    it(`${exit.signal ?? exit.code} and ${JSON.stringify(log)}: ${reason}`, () => {
      assert.equal(exitReason(exit, log).reason, reason);
    });
  }

  it("shows the last line where it knows no better, cut", () => {
    const { message } = exitReason({ code: 3, signal: null }, `first\n${"x".repeat(1000)}\n`);
    assert.equal(message, `llama-server ended (exit code 3); its last line: ${"x".repeat(200)}`);
  });
});
