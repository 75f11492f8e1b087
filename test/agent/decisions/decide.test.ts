import assert from "node:assert/strict";
import { backOffMs, breachBackOff, breachesAfter, failuresAfter } from "../../../agent/decisions/back-off.ts";
import { decide, GRACE_MS, type Observed, START_TIMEOUT_MS } from "../../../agent/decisions/decide.ts";
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

const starting = { specHash: "a", startedAt: NOW - 1000 };
const ready = { ...starting, readyAt: NOW - 500 };
const stopping = (at: number, killed = false) => ({
  ...ready,
  stopping: { at, reason: "BudgetExceeded", message: "m", killed },
});
const backOff = { state: "BackOff", reason: "Killed", message: "died", until: NOW + 1500 } as const;
const prepared = { stage: "ready", paths: { model: "/m" }, estimateBytes: 1, estimateParts: { weights: 1 } } as const;
const tooBig = { stage: "refused", reason: "InsufficientMemory", message: "m" } as const;

describe("what to do about one workload", () => {
  const cases: readonly (readonly [
    name: string,
    Desired | undefined,
    Observed,
    act: string,
    state: string,
    reason?: string,
  ])[] = [
    ["nothing is left of it", undefined, {}, "forget", "Stopped"],
    ["suspended", off, {}, "nothing", "Stopped"],
    ["refused", refused, {}, "nothing", "Failed", "PortConflict"],
    ["its Model is not there yet", noModel, {}, "nothing", "Pending", "ModelNotFound"],
    ["header not read yet", run, { preparation: { stage: "reading", message: "" } }, "nothing", "Pending"],
    ["too big", run, { preparation: tooBig }, "nothing", "Failed", "InsufficientMemory"],
    [
      "downloading",
      run,
      { preparation: { stage: "fetching", message: "42%", estimateBytes: 1, estimateParts: { weights: 1 } } },
      "nothing",
      "Downloading",
    ],
    [
      "download failed",
      run,
      { preparation: { stage: "failed", message: "", estimateBytes: 1, estimateParts: { weights: 1 } } },
      "nothing",
      "Failed",
      "DownloadFailed",
    ],
    ["may start", run, { preparation: prepared }, "queue", "Waiting"],
    ["backs off", run, { preparation: prepared, backOff }, "nothing", "BackOff", "Killed"],
    ["stays down", run, { backOff: { ...backOff, state: "Failed", until: Infinity } }, "nothing", "Failed", "Killed"],
    ["backed off long enough", run, { preparation: prepared, backOff: { ...backOff, until: NOW } }, "queue", "Waiting"],
    [
      "backed off, now too big",
      run,
      { preparation: tooBig, backOff: { ...backOff, until: NOW } },
      "nothing",
      "Failed",
      "InsufficientMemory",
    ],
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
    ["ready, its file is gone (T6)", run, { server: ready, preparation: tooBig }, "nothing", "Ready"],
    ["over budget", run, { server: ready, exceeded: "m" }, "stop", "Draining", "BudgetExceeded"],
    ["over budget while starting", run, { server: starting, exceeded: "m" }, "stop", "Draining", "BudgetExceeded"],
    ["changed", run, { server: { ...ready, specHash: "b" } }, "stop", "Draining", "SpecChanged"],
    ["removed", undefined, { server: ready }, "stop", "Draining", "Removed"],
    ["suspended while running", off, { server: ready }, "stop", "Draining", "Stopped"],
    ["refused while running", refused, { server: ready }, "stop", "Draining", "PortConflict"],
    ["stopping", run, { server: stopping(NOW - 1) }, "nothing", "Draining", "BudgetExceeded"],
    ["ignores SIGTERM", run, { server: stopping(NOW - GRACE_MS) }, "kill", "Draining", "BudgetExceeded"],
    [
      "killed already (T4: no second start)",
      run,
      { server: stopping(NOW - GRACE_MS, true), preparation: prepared },
      "nothing",
      "Draining",
      "BudgetExceeded",
    ],
  ];
  for (const [name, desired, observed, act, state, reason] of cases) {
    it(`${name}: ${act}, ${state}`, () => {
      const decision = decide(desired, observed, NOW);
      assert.deepEqual([decision.act, decision.state, decision.reason], [act, state, reason]);
    });
  }
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
